"""Small files that are whole or absent, however the writer ends."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pixcrawler.host.stack.errors import CannotStart, FolderInUse

_PRIVATE = 0o600


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace ``path`` by a file of ``data``; a reader sees the old or the new one, whole."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any, *, mode: int = 0o644) -> None:
    """Replace ``path`` by ``value`` as JSON; see `write_atomically`."""
    write_atomically(path, json.dumps(value, indent=1).encode() + b"\n", mode=mode)


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in ``path``; empty when there is no such file.

    Raises:
        CannotStart: the file holds something else.
    """
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise CannotStart(f"{path} is not JSON ({error}): repair it or move it away") from error
    if not isinstance(value, dict):
        raise CannotStart(f"{path} should hold a JSON object: repair it or move it away")
    return value


class SecretFile:
    """Secrets by name, made once and kept in one file that only its owner reads (mode 0600)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, name: str, make: Callable[[], str] | None = None) -> str:
        """Return the secret ``name``; the first time it is made and written down."""
        known = read_json(self._path)
        if name not in known:
            known[name] = make() if make else secrets.token_urlsafe(24)
            write_json(self._path, known, mode=_PRIVATE)
        return str(known[name])


class FolderLock:
    """One owner at a time for a folder; the kernel frees it when the owner dies."""

    def __init__(self, folder: Path, name: str = "lock") -> None:
        self._path = folder / name
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock.

        Raises:
            FolderInUse: another process, or another object of this one, holds it.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, _PRIVATE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise FolderInUse(f"{self._path.parent} is in use by another process") from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor

    def holder(self) -> int:
        """Return the process that took the lock last; 0 when nobody ever did."""
        with contextlib.suppress(OSError, ValueError):
            return int(self._path.read_text(encoding="ascii"))
        return 0

    def release(self) -> None:
        """Give the lock back; safe when it is not held."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None
