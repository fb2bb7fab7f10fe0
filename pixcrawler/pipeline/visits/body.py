"""Bodies: bytes that are hashed and sniffed while they arrive, and that never fill the memory."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from typing import IO

from pixcrawler.pipeline.limits import BODY_IN_MEMORY_BYTES
from pixcrawler.pipeline.pictures.magic import kind_of

HEAD_BYTES = 1024
"""After so many bytes (or all) it is known what they claim to be."""
_PIECE_BYTES = 1024 * 1024


class Body:
    """What came, all of it: in memory while it is small, else in a file without a name.

    Its bytes may be read any number of times until ``close``.
    """

    def __init__(self, kept: bytes | IO[bytes], size: int, sha256: str, kind: str) -> None:
        self._kept = kept
        self.size = size
        self.sha256 = sha256
        self.kind = kind
        """What the first bytes claim, in the words of ``magic.kind_of``."""

    @classmethod
    def of(cls, data: bytes) -> Body:
        """Return bytes that are there already as a body."""
        return cls(data, len(data), hashlib.sha256(data).hexdigest(), kind_of(data[:HEAD_BYTES]))

    def read(self) -> bytes:
        """Return all bytes."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes in pieces of at most 1 MiB; a small body is one piece."""
        if isinstance(self._kept, bytes):
            yield self._kept
            return
        self._kept.seek(0)
        while piece := self._kept.read(_PIECE_BYTES):
            yield piece

    def close(self) -> None:
        """Give up the bytes and the place they take."""
        if not isinstance(self._kept, bytes):
            self._kept.close()
        self._kept = b""


class Arriving:
    """Takes the pieces of a body as they come; ``kind`` is known as soon as it can be."""

    def __init__(self) -> None:
        self.size = 0
        self.kind: str | None = None
        """What the first bytes claim; None until enough of them came."""
        self._hash = hashlib.sha256()
        self._pieces: list[bytes] = []
        self._file: IO[bytes] | None = None

    def write(self, piece: bytes) -> None:
        """Take the next piece."""
        self.size += len(piece)
        self._hash.update(piece)
        if self._file is None:
            self._pieces.append(piece)
            if self.kind is None and self.size >= HEAD_BYTES:
                self.kind = kind_of(b"".join(self._pieces)[:HEAD_BYTES])
            if self.size > BODY_IN_MEMORY_BYTES:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the body
                self._file.writelines(self._pieces)
                self._pieces.clear()
        else:
            self._file.write(piece)

    def done(self) -> Body:
        """Return the whole body."""
        kept = self._file or b"".join(self._pieces)
        kind = self.kind or kind_of(kept if isinstance(kept, bytes) else b"")
        return Body(kept, self.size, self._hash.hexdigest(), kind)

    def discard(self) -> None:
        """Give up what came so far."""
        self._pieces.clear()
        if self._file is not None:
            self._file.close()
