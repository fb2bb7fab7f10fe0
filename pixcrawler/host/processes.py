"""One worker process as the host sees it, and the door where workers report with their tokens."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import itertools
import json
import logging
import os
import secrets
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pixcrawler
from pixcrawler.host.calls import Answer, FunctionFailed, FunctionInfo, WorkerLost
from pixcrawler.host.errors import AppNotLoaded
from pixcrawler.host.frames import FrameBroken, pack, receive
from pixcrawler.host.invoke import Call
from pixcrawler.host.logs import HOST, log_function_output

_TOKEN_CHARACTERS = 64
_REPORT_DEADLINE_S = 10.0
_END_GRACE_S = 2.0
_PIPE_BYTES = 65_536
_PACKAGE_FOLDER = str(Path(pixcrawler.__file__).parent.parent)
# The package goes to the end of the path: it must not hide the app's own modules.
_BOOTSTRAP = (
    "import sys; sys.path.append(sys.argv[1]); import pixcrawler.host.worker as w; w.main()"
)

Loaded = tuple[dict[str, FunctionInfo], dict[str, bool]]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Launcher:
    """Starts worker processes and matches the connections they open by one-time tokens."""

    def __init__(self, app: Path, *, threads: int, debug: bool) -> None:
        self._app = app
        self._threads = threads
        self._debug = debug
        self._expected: dict[str, asyncio.Future[Connection]] = {}
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen on a free loopback port."""
        self._server = await asyncio.start_server(self._report, "127.0.0.1", 0)

    async def close(self) -> None:
        """Accept no further worker."""
        if self._server is not None:
            self._server.close()

    async def launch(self) -> WorkerProcess:
        """Start one worker process; it loads the app on its own."""
        if self._server is None:
            raise RuntimeError("the launcher is not open")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-c",
            _BOOTSTRAP,
            _PACKAGE_FOLDER,
            cwd=self._app,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        token = secrets.token_hex(_TOKEN_CHARACTERS // 2)
        connected: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._expected[token] = connected
        connected.add_done_callback(lambda _: self._expected.pop(token, None))
        order = {
            "app": str(self._app),
            "port": self._server.sockets[0].getsockname()[1],
            "token": token,
            "parent": os.getpid(),
            "threads": self._threads,
            "debug": self._debug,
        }
        # Over stdin: neither other users nor the app's own children can read it there.
        with contextlib.suppress(ConnectionError):
            assert process.stdin is not None  # noqa: S101 - asked for above
            process.stdin.write(json.dumps(order).encode() + b"\n")
            await process.stdin.drain()
            process.stdin.close()
        return WorkerProcess(process, connected)

    async def _report(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            shown = await asyncio.wait_for(
                reader.readexactly(_TOKEN_CHARACTERS), _REPORT_DEADLINE_S
            )
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            writer.close()
            return
        for token, connected in list(self._expected.items()):
            if hmac.compare_digest(shown, token.encode()) and not connected.done():
                connected.set_result((reader, writer))
                return
        HOST.warning("A connection to the workers' port showed no valid token")
        writer.close()


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
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def close(self) -> None:
        """Hang up, end the process, and fail what is still open."""
        self.is_able = False
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
