"""The command line: run one function app on this machine until a signal ends it."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from pixcrawler.host.errors import HostError
from pixcrawler.host.host import Host, HostOptions, Ready
from pixcrawler.host.logs import HOST, start_logging
from pixcrawler.host.settings import process_environment

_LONGEST_DRAIN_S = 3_600
_EXIT_CODES = """
exit codes:
  0  stopped by SIGINT or SIGTERM
  1  cannot start (settings, storage connections, refused in Azure)
  2  wrong command line
  3  the port or the state folder is in use
  4  the app does not load
"""


def parser() -> argparse.ArgumentParser:
    """Return the command line of the host."""
    made = argparse.ArgumentParser(
        prog="python -m pixcrawler.host",
        description="Run an Azure Functions Python app (v2 model) on this machine, without Azure.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--app", type=Path, required=True, help="folder of function_app.py")
    made.add_argument("--port", type=_port, help="0 takes a free one (default: 7071)")
    made.add_argument("--state", type=Path, help="default: .pixcrawler/host in the app's folder")
    made.add_argument(
        "--processes",
        type=_count,
        help="worker processes; 0 runs the app in the host "
        "(default: FUNCTIONS_WORKER_PROCESS_COUNT or 1)",
    )
    made.add_argument(
        "--threads",
        type=_threads,
        help="sync functions at once in a process (default: PYTHON_THREADPOOL_THREAD_COUNT)",
    )
    made.add_argument("--no-auth", action="store_true", help="ask for no keys, as Core Tools do")
    made.add_argument("--verbose", action="store_true", help="log more")
    made.add_argument(
        "--drain", type=_seconds, default=30.0, help="seconds that open work gets (30)"
    )
    return made


def _port(text: str) -> int:
    return _between(text, 0, 65_535)


def _count(text: str) -> int:
    return _between(text, 0, 64)


def _threads(text: str) -> int:
    return _between(text, 1, 1_000)


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number <= _LONGEST_DRAIN_S:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {_LONGEST_DRAIN_S}")
    return number


def _between(text: str, low: int, high: int) -> int:
    number = int(text)
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(f"{number} is not between {low} and {high}")
    return number


async def _serve(options: HostOptions, ready_line: IO[str]) -> None:
    started = time.perf_counter()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for caught in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(caught, _on_signal, stop)
    host = Host(options, process_environment())
    starting = asyncio.create_task(host.start())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.wait({starting})
        return
    _announce(starting.result(), time.perf_counter() - started, ready_line)
    await stopping
    HOST.info("Stopping: open work has %.0f s to end", options.drain_s)
    await host.stop()
    HOST.info("Stopped")


def _announce(ready: Ready, start_s: float, ready_line: IO[str]) -> None:
    line = {
        "ready": ready.url,
        "rpc": ready.rpc_url,
        "functions": ready.functions,
        "pid": os.getpid(),
        "start_s": round(start_s, 3),
    }
    ready_line.write(json.dumps(line) + "\n")
    ready_line.flush()


def _on_signal(stop: asyncio.Event) -> None:
    if stop.is_set():
        HOST.warning("Stopping at once")
        os._exit(1)
    stop.set()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the host; returns its exit code."""
    asked = parser().parse_args(arguments)
    # What functions print goes to the log: stdout carries the ready line and nothing else.
    start_logging(sys.stderr, verbose=asked.verbose)
    options = HostOptions(
        app=asked.app,
        port=asked.port,
        state=asked.state,
        processes=asked.processes,
        threads=asked.threads,
        is_guarded=not asked.no_auth,
        drain_s=asked.drain,
    )
    try:
        asyncio.run(_serve(options, sys.stdout))
    except HostError as error:
        HOST.error("%s", error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # Threads that still run a function must not keep a stopped host alive.
    os._exit(code)
