"""Start worker processes, and the door where they report with their one-time tokens."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
import secrets
import sys
from pathlib import Path

import pixcrawler
from pixcrawler.host.errors import AppNotLoaded
from pixcrawler.host.logs import HOST
from pixcrawler.host.processes import Connection, WorkerProcess

_TOKEN_CHARACTERS = 64
_REPORT_DEADLINE_S = 10.0
_PACKAGE_FOLDER = str(Path(pixcrawler.__file__).parent.parent)
# The package goes to the end of the path: it must not hide the app's own modules.
_BOOTSTRAP = (
    "import sys; sys.path.append(sys.argv[1]); import pixcrawler.host.worker as w; w.main()"
)


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
        """Start one worker process; it loads the app on its own.

        Raises:
            AppNotLoaded: the system starts no further process.
        """
        if self._server is None:
            raise RuntimeError("the launcher is not open")
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-c", _BOOTSTRAP, _PACKAGE_FOLDER),
                cwd=self._app,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        except OSError as error:
            raise AppNotLoaded(f"a worker process cannot be started: {error}") from error
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
