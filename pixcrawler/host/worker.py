"""A worker process: loads the app, runs what the host sends, and ends when the host is gone."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import faulthandler
import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from pixcrawler.host.calls import FunctionFailed, Retry
from pixcrawler.host.errors import AppNotLoaded
from pixcrawler.host.frames import FrameBroken, pack, receive
from pixcrawler.host.invoke import Call, Invoker, thread_count
from pixcrawler.host.loader import LoadedFunction, load_app
from pixcrawler.host.logs import capture_app_output

_PR_SET_PDEATHSIG = 1
_MAX_UNSENT_LOG_BYTES = 8 << 20


class _Link:
    """The connection to the host; log lines go to the raw stderr until it is up."""

    def __init__(self) -> None:
        self._writer: asyncio.StreamWriter | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._loop = asyncio.get_running_loop()

    def log(self, function: str | None, level: int, text: str) -> None:
        if self._loop is None:
            os.write(2, f"{text}\n".encode(errors="replace"))
            return
        message = {"kind": "log", "function": function, "level": level, "text": text}
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody reads any more
            self._loop.call_soon_threadsafe(self._post, message)

    def _post(self, message: Mapping[str, Any]) -> None:
        writer = self._writer
        # A flood of prints must not fill this process's memory when the host is slower.
        if writer is not None and writer.transport.get_write_buffer_size() < _MAX_UNSENT_LOG_BYTES:
            writer.writelines(pack(message))

    async def send(self, message: Mapping[str, Any]) -> None:
        if self._writer is not None:
            self._writer.writelines(pack(message))
            await self._writer.drain()


class _Worker:
    def __init__(self, link: _Link, functions: Mapping[str, LoadedFunction], threads: int) -> None:
        self._link = link
        self._functions = functions
        self._invoker = Invoker(functions, threads)
        self._running: dict[int, asyncio.Task[None]] = {}

    async def serve(self, reader: asyncio.StreamReader) -> None:
        while True:
            message = await receive(reader)
            number = message["id"]
            if message["kind"] == "cancel":
                self._cancel(number)
                continue
            call = Call(**{**message["call"], "retry": Retry(**message["call"]["retry"])})
            task = asyncio.create_task(self._run(number, call), name=call.name)
            self._running[number] = task
            task.add_done_callback(partial(self._forget, number))

    def _cancel(self, number: int) -> None:
        task = self._running.get(number)
        # A thread runs on whatever its task is told: only what really stops may say so.
        if task is not None and self._functions[task.get_name()].is_async:
            task.cancel()

    def _forget(self, number: int, _: asyncio.Task[None]) -> None:
        self._running.pop(number, None)

    async def _run(self, number: int, call: Call) -> None:
        try:
            answer = await self._invoker.invoke(call)
            await self._link.send({"kind": "answer", "id": number, **vars(answer)})
        except FunctionFailed as error:
            await self._send_failure(number, error.kind, error.text, error.stack)
        except asyncio.CancelledError:
            # The host asked for it and waits to hear that it worked.
            await self._send_failure(number, "CancelledError", "cancelled", "cancelled")
        except (FrameBroken, TypeError) as error:
            await self._send_failure(number, type(error).__name__, str(error), str(error))

    async def _send_failure(self, number: int, kind: str, text: str, stack: str) -> None:
        failure = {"kind": "failed", "id": number, "type": kind, "text": text, "stack": stack}
        await self._link.send(failure)


def _describe(functions: Mapping[str, LoadedFunction]) -> list[dict[str, Any]]:
    return [{**asdict(loaded.info), "is_async": loaded.is_async} for loaded in functions.values()]


async def _work(order: Mapping[str, Any], link: _Link) -> None:
    loop = asyncio.get_running_loop()
    for caught in (signal.SIGINT, signal.SIGTERM):
        # The terminal and service managers signal the whole group; the host drains, then ends us.
        loop.add_signal_handler(caught, lambda: None)
    reader, writer = await asyncio.open_connection("127.0.0.1", order["port"])
    writer.write(order["token"].encode())
    threads = thread_count(os.environ, order["threads"])
    try:
        functions = load_app(Path(order["app"]))
    except AppNotLoaded as error:
        writer.writelines(pack({"kind": "refused", "text": str(error)}))
        await writer.drain()
        return
    link.open(writer)
    worker = _Worker(link, functions, threads)
    await link.send({"kind": "loaded", "functions": _describe(functions), "threads": threads})
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        await worker.serve(reader)


def _die_with(parent: int) -> None:
    """Ask the kernel to kill this process when the host ends, however it ends (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def main() -> None:
    """Read the order (one JSON line on stdin), work, and end without waiting for user threads."""
    order = json.loads(sys.stdin.buffer.readline())
    _die_with(order["parent"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    faulthandler.enable(file=2)
    link = _Link()
    capture_app_output(link.log, debug=order["debug"])
    status = 1
    try:
        asyncio.run(_work(order, link))
        status = 0
    except BaseException:  # noqa: BLE001 - the door of the process: say why, then go
        os.write(2, traceback.format_exc().encode(errors="replace"))
    finally:
        os._exit(status)
