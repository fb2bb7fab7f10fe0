"""HTTP servers on the loopback interface."""

from __future__ import annotations

import socket

from aiohttp import web

from pixcrawler.host.errors import Occupied
from pixcrawler.host.front import Handler, guard_door

# The limit of Azure Functions for a request's body.
_MAX_BODY_BYTES = 220_200_960
_BACKLOG = 512
LOOPBACK = "127.0.0.1"


def listening_socket(port: int) -> socket.socket:
    """Take a loopback port, 0 for any free one; nobody is answered on it yet.

    Raises:
        Occupied: the port is taken.
    """
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((LOOPBACK, port))
    except (OSError, OverflowError) as error:
        taken.close()
        raise Occupied(f"port {port} of {LOOPBACK} cannot be used: {error}") from error
    return taken


class Server:
    """One handler for every request on one port."""

    def __init__(self, door: socket.socket) -> None:
        self._door = door
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Return the server's address, without a slash at the end."""
        return f"http://{LOOPBACK}:{self._door.getsockname()[1]}"

    async def start(self, handler: Handler, *, drain_s: float) -> None:
        """Answer requests from now on; `stop` will wait ``drain_s`` for open ones."""
        application = web.Application(client_max_size=_MAX_BODY_BYTES)
        application.router.add_route("*", "/{path:.*}", guard_door(handler))
        # Bodies pass as they are, as on Azure; access lines would repeat the invocation log.
        self._runner = web.AppRunner(
            application, access_log=None, shutdown_timeout=drain_s, auto_decompress=False
        )
        await self._runner.setup()
        await web.SockSite(self._runner, self._door, backlog=_BACKLOG).start()

    async def stop(self) -> None:
        """Accept no further connection, let open requests end, close."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._door.close()
