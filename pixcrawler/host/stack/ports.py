"""Ports of 127.0.0.1: free ones, and ones that a folder remembers."""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

from pixcrawler.host.stack.errors import CannotStart
from pixcrawler.host.stack.files import read_json, write_json

# Below the range from which Linux takes the ports of outgoing connections (32768 up): a port
# that is remembered for weeks is then hardly ever taken by chance.
_LOWEST, _HIGHEST = 15_000, 31_999
_TRIES = 200


def is_free(port: int) -> bool:
    """Say whether a server could listen on ``port`` now."""
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        probe.listen(1)
        return True
    return False


def free_port() -> int:
    """Return a port that nobody listens on.

    Raises:
        CannotStart: none was found.
    """
    for _ in range(_TRIES):
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST + 1)
        if is_free(port):
            return port
    raise CannotStart(f"no free port of 127.0.0.1 between {_LOWEST} and {_HIGHEST}")


class Ports:
    """Ports by name, chosen once and written down, so that addresses survive a restart."""

    def __init__(self, path: Path, say: Callable[[str], None] = lambda _: None) -> None:
        self._path = path
        self._say = say

    def claim(self, name: str, wanted: int = 0) -> int:
        """Return the port of ``name``: the wanted one, else the remembered one, else a free one.

        A remembered port that a stranger has taken is replaced, and ``say`` is told.

        Raises:
            CannotStart: the wanted port is taken.
        """
        known = read_json(self._path)
        port = wanted or int(known.get(name, 0))
        if wanted and not is_free(wanted):
            raise CannotStart(f"port {wanted} is taken by another program: choose another port")
        if port and not is_free(port):
            self._say(f"port {port} of {name} is taken by another program; using another one")
            port = 0
        port = port or self._unclaimed(known)
        if known.get(name) != port:
            write_json(self._path, {**known, name: port})
        return port

    @staticmethod
    def _unclaimed(known: dict[str, int]) -> int:
        while (port := free_port()) in known.values():
            pass
        return port
