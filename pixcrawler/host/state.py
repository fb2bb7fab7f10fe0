"""The state folder: where one host keeps its keys, receipts and task hub, locked to that host."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from pixcrawler.host.errors import HostError, Occupied

DEFAULT_FOLDER = Path(".pixcrawler") / "host"


class StateFolder:
    """A state folder held by this process; the kernel lets go of it however the process ends."""

    def __init__(self, path: Path) -> None:
        """Make the folder and lock it.

        Raises:
            Occupied: another host has it; the message names its process.
            HostError: the folder cannot be made or written.
        """
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock: IO[str] = (path / "lock").open("a+", encoding="ascii")
        except OSError as error:
            raise HostError(f"cannot use {path} as the state folder: {error}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = self._holder()
            self._lock.close()
            raise Occupied(
                f"another host (process {holder}) uses the state folder {path}; stop it, "
                "or give --state another folder"
            ) from None
        self._lock.truncate(0)
        self._lock.write(f"{os.getpid()}\n")
        self._lock.flush()

    def _holder(self) -> str:
        self._lock.seek(0)
        return self._lock.read(32).strip() or "unknown"

    def release(self) -> None:
        """Let another host use the folder."""
        self._lock.close()
