"""One worker process as the host sees it: calls go in, answers come out, its end is told."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import signal
from dataclasses import dataclass
from typing import Any

from pixcrawler.host.calls import Answer, FunctionFailed, FunctionInfo, WorkerLost
from pixcrawler.host.errors import AppNotLoaded
from pixcrawler.host.frames import FrameBroken, pack, receive
from pixcrawler.host.invoke import Call
from pixcrawler.host.logs import HOST, log_function_output

_END_GRACE_S = 2.0
_LAST_WORDS_S = 0.5
_PIPE_BYTES = 65_536

Loaded = tuple[dict[str, FunctionInfo], dict[str, bool]]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class OpenCall:
    """A call that was sent to a worker and its future answer."""

    number: int
    call: Call
    answer: asyncio.Future[Answer]


class WorkerProcess:
    """One worker process: calls go in, answers come out, its death fails what is open."""

    def __init__(
        self, process: asyncio.subprocess.Process, connected: asyncio.Future[Connection]
    ) -> None:
        self.pid = process.pid
        self.load = 0
        self.background = 0
        self._process = process
        self._connected = connected
        self._writer: asyncio.StreamWriter | None = None
        self._numbers = itertools.count()
        self._open: dict[int, OpenCall] = {}
        self.is_able = False
        self._end = asyncio.create_task(self._process.wait())
        self._output = asyncio.create_task(self._read_output())
        self._reading: asyncio.Task[None] | None = None

    def enter(self, *, in_background: bool) -> None:
        """Take a place for one call."""
        self.load += 1
        self.background += in_background

    def leave(self, *, in_background: bool) -> None:
        """Give the place back."""
        self.load -= 1
        self.background -= in_background

    async def loaded(self) -> Loaded:
        """Wait for the worker to load the app: its functions, and which of them are async.

        Raises:
            AppNotLoaded: it said why not, or ended without a word.
        """
        first: set[asyncio.Future[Any]] = {self._connected, self._end}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if not self._connected.done():
            # Its end can be seen before its connection, and with it why it refused the app.
            await asyncio.wait({self._connected}, timeout=_LAST_WORDS_S)
        if not self._connected.done():
            status = await self.ended()
            raise AppNotLoaded(f"the worker process {status} before it loaded the app")
        reader, self._writer = self._connected.result()
        try:
            message = await self._report(reader)
        except (asyncio.IncompleteReadError, ConnectionError, FrameBroken) as error:
            status = await self.ended()
            raise AppNotLoaded(f"the worker process {status} while it loaded the app") from error
        if message["kind"] == "refused":
            raise AppNotLoaded(message["text"])
        self._reading = asyncio.create_task(self._read_answers(reader))
        self.is_able = True
        return _table(message["functions"])

    async def _report(self, reader: asyncio.StreamReader) -> dict[str, Any]:
        while True:
            message: dict[str, Any] = await receive(reader)
            if message["kind"] != "log":
                return message
            self._log(message)

    async def ended(self) -> str:
        """Wait for the process to end and say how."""
        code = await asyncio.shield(self._end)
        await asyncio.wait({self._output}, timeout=_END_GRACE_S)
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    async def begin(self, call: Call) -> OpenCall:
        """Send a call.

        Raises:
            WorkerLost: the connection is gone.
        """
        number = next(self._numbers)
        opened = OpenCall(number, call, asyncio.get_running_loop().create_future())
        self._open[number] = opened
        try:
            await self._send({"kind": "call", "id": number, "call": _as_message(call)})
        except (WorkerLost, FrameBroken):
            self._open.pop(number, None)
            raise
        return opened

    async def cancel(self, stuck: OpenCall) -> None:
        """Ask the worker to stop an async function."""
        with contextlib.suppress(WorkerLost):
            await self._send({"kind": "cancel", "id": stuck.number})

    async def drain(self, stuck: OpenCall, timeout_s: float) -> None:
        """Wait for the calls beside a stuck one."""
        others = {opened.answer for opened in self._open.values() if opened is not stuck}
        if others:
            await asyncio.wait(others, timeout=timeout_s)

    def kill(self) -> None:
        """End the process at once."""
        # Not with Process.kill: it looks after the process first, and when that has just died,
        # asyncio never learns how.
        if not self._end.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Hang up, end the process, and fail what is still open."""
        self.is_able = False
        self._connected.cancel()
        if self._writer is not None:
            self._writer.close()
        await asyncio.wait({self._end}, timeout=0.0 if self._writer is None else _END_GRACE_S)
        self.kill()
        status = await self.ended()
        if self._reading is not None:
            self._reading.cancel()
        for opened in self._open.values():
            text = f"worker process {self.pid} {status} while it ran '{opened.call.name}'"
            opened.answer.set_exception(WorkerLost(text))
            # Nobody may wait any more (the call timed out): asyncio must not complain then.
            opened.answer.exception()
        self._open.clear()

    async def _send(self, message: dict[str, Any]) -> None:
        if self._writer is None:
            raise WorkerLost(f"worker process {self.pid} is not connected")
        try:
            self._writer.writelines(pack(message))
            await self._writer.drain()
        except ConnectionError as error:
            raise WorkerLost(f"worker process {self.pid} hung up") from error

    async def _read_answers(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                message = await receive(reader)
                if message["kind"] == "log":
                    self._log(message)
                else:
                    self._settle(message)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except (FrameBroken, LookupError, TypeError) as error:
            HOST.error("Worker process %d sent what is not a frame: %s", self.pid, error)
        # Hung up or talking nonsense: either way it cannot answer any more.
        self.is_able = False
        self.kill()

    def _settle(self, message: dict[str, Any]) -> None:
        future = self._open.pop(message["id"]).answer
        if message["kind"] == "answer":
            future.set_result(Answer(message["returned"], message["outputs"]))
        else:
            failure = FunctionFailed(message["type"], message["text"], message["stack"])
            future.set_exception(failure)
            future.exception()

    @staticmethod
    def _log(message: dict[str, Any]) -> None:
        log_function_output(message["function"], int(message["level"]), str(message["text"]))

    async def _read_output(self) -> None:
        """Log what the process prints past Python: crash reports, C libraries, import time."""
        stream = self._process.stdout
        rest = b""
        while stream is not None and (data := await stream.read(_PIPE_BYTES)):
            *lines, rest = (rest + data).split(b"\n")
            for line in (*lines, rest) if len(rest) > _PIPE_BYTES else lines:
                log_function_output(None, logging.INFO, line.decode(errors="replace"))
        if rest:
            log_function_output(None, logging.INFO, rest.decode(errors="replace"))


def _as_message(call: Call) -> dict[str, Any]:
    return {**vars(call), "retry": vars(call.retry)}


def _table(described: list[dict[str, Any]]) -> Loaded:
    functions = {
        item["name"]: FunctionInfo(
            item["name"], item["trigger"], tuple(item["bindings"]), item["retry_policy"]
        )
        for item in described
    }
    return functions, {item["name"]: bool(item["is_async"]) for item in described}
