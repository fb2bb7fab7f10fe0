"""The backend without worker processes: the app is imported and runs beside the host."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from pixcrawler.host.caller import timed_out
from pixcrawler.host.calls import Answer, FunctionInfo
from pixcrawler.host.invoke import Call, Invoker
from pixcrawler.host.loader import LoadedFunction, load_app, table_of
from pixcrawler.host.logs import HOST, capture_app_output, log_function_output


class InProcess:
    """Runs functions in this process; a function that blocks or crashes takes the host along."""

    def __init__(self, app: Path, *, threads: int, timeout_s: float | None, debug: bool) -> None:
        self._app = app
        self._threads = threads
        self._timeout_s = timeout_s
        self._debug = debug
        self._loaded: Mapping[str, LoadedFunction] = {}
        self._invoker: Invoker | None = None

    @property
    def functions(self) -> Mapping[str, FunctionInfo]:
        """The app's functions by name, known once the backend has started."""
        return table_of(self._loaded)

    async def start(self) -> None:
        """Import the app into this process.

        Raises:
            AppNotLoaded: in the worker's words.
        """
        capture_app_output(log_function_output, debug=self._debug)
        self._loaded = load_app(self._app)
        self._invoker = Invoker(self._loaded, self._threads)

    async def invoke(self, call: Call) -> Answer:
        """Run one call; past the timeout it is abandoned, for a thread cannot be stopped.

        Raises:
            FunctionFailed: the function raised or ran out of time.
        """
        if self._invoker is None:
            raise RuntimeError("the backend has not started")
        # A task of its own: what the function sets in its context stays there.
        running = asyncio.create_task(self._invoker.invoke(call))
        running.add_done_callback(_retrieve)
        done, _ = await asyncio.wait({running}, timeout=self._timeout_s)
        if done:
            return running.result()
        running.cancel()
        if not self._loaded[call.name].is_async:
            HOST.error("Functions.%s runs on in its thread: it cannot be stopped here", call.name)
        raise timed_out(call, self._timeout_s or 0.0)

    async def wait_until_able(self, timeout_s: float) -> bool:
        """Return True: this process is always there."""
        del timeout_s
        return self._invoker is not None

    async def stop(self) -> None:
        """Start no further function."""
        if self._invoker is not None:
            self._invoker.close()


def _retrieve(task: asyncio.Task[Answer]) -> None:
    """Look at the end of an abandoned call, so that asyncio does not complain about it."""
    if not task.cancelled():
        task.exception()
