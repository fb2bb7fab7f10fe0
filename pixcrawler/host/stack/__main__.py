"""Runs the whole stack of a state folder until a signal ends it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from pixcrawler.host.errors import HostError
from pixcrawler.host.settings import refuse_azure
from pixcrawler.host.stack.errors import CannotStart
from pixcrawler.host.stack.stack import AlreadyRunning, Stack, StackOptions, StartingStopped

STOPPED, FAILED, ALREADY_RUNNING = 0, 1, 3
_HIGHEST_PORT = 65_535


def main(argv: list[str] | None = None) -> int:
    """Start the stack, print one JSON line with its addresses, and keep it running.

    Returns the exit code: 0 after a signal, 1 when it cannot start or a part kept dying, 2 for a
    wrong command line, 3 when it runs already.
    """
    options = _options(argv)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    began = time.monotonic()
    try:
        refuse_azure(os.environ)
        stack = Stack(options, _say)
    except (HostError, OSError) as error:
        _say(str(error))
        return FAILED
    try:
        code = _run(stack, stopping, began)
    except AlreadyRunning as error:
        _say(str(error))
        return ALREADY_RUNNING
    except StartingStopped as error:
        _say(str(error))
        code = STOPPED
    except CannotStart as error:
        _say(str(error))
        code = FAILED
    stack.stop()
    _say("stopped")
    return code


def _run(stack: Stack, stopping: threading.Event, began: float) -> int:
    facts = stack.start(stopping)
    _say(f"ready after {time.monotonic() - began:.1f} s: {facts['api']}")
    sys.stdout.write(json.dumps({"ready": facts["api"], **facts}) + "\n")
    sys.stdout.flush()
    stack.watch(stopping)
    _say("stopping")
    return STOPPED


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _options(argv: list[str] | None) -> StackOptions:
    parser = argparse.ArgumentParser(
        prog="python -m pixcrawler.host.stack",
        description="PostgreSQL, Azurite, sign-in, a website of pictures and the Functions host.",
        epilog="exit codes: 0 stopped, 1 cannot run, 2 wrong command line, 3 runs already",
    )
    add = parser.add_argument
    add("--app", type=Path, required=True, help="folder of function_app.py")
    add("--state", type=Path, required=True, help="folder for all data, logs and secrets")
    add("--port", type=int, default=0, help="port of the API (default: as before, else a free one)")
    add("--processes", type=int, help="worker processes of the Functions host")
    add("--no-website", action="store_true", help="no local pictures")
    add("--pictures", type=int, default=60, help="good pictures of each of the 8 categories")
    found = parser.parse_args(argv)
    if not found.app.is_dir():
        parser.error(f"--app {found.app}: no such folder")
    if found.pictures < 1:
        parser.error("--pictures must be at least 1")
    if not 0 <= found.port <= _HIGHEST_PORT:
        parser.error(f"--port is from 1 to {_HIGHEST_PORT}")
    pictures = None if found.no_website else found.pictures
    return StackOptions(found.app, found.state, found.port, found.processes, pictures)


if __name__ == "__main__":
    sys.exit(main())
