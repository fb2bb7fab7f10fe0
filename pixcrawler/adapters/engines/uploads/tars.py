"""TAR archives, plain or compressed by gzip: their members, and an unpacked copy to read from."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from typing import IO, Any, cast

from typing_extensions import Buffer, override

from pixcrawler.adapters.engines.uploads.blob_file import BlobFile
from pixcrawler.adapters.engines.uploads.contents import Choice, Contents, Member, shown_name
from pixcrawler.adapters.engines.uploads.tally import UnreadableUpload
from pixcrawler.adapters.engines.uploads.tar_headers import headers
from pixcrawler.pipeline.limits import UPLOAD_MAX_BYTES

AHEAD_BYTES = 4 * 1024 * 1024
"""Its headers stand between the files: many small files are read through, large ones skipped."""

# What tarfile and gzip raise for damaged archives.
_DAMAGE = (tarfile.TarError, ValueError, LookupError, ArithmeticError, EOFError, OSError,
           RecursionError, MemoryError, zlib.error)  # fmt: skip


def is_tar(head: bytes) -> bool:
    """Say whether a file that begins like this is a TAR."""
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except _DAMAGE:
        return False
    return True


def gunzipped_head(file: BlobFile) -> bytes:
    """Return the first unpacked bytes of a gzip file; none when it is damaged."""
    file.seek(0)
    try:
        return gzip.GzipFile(fileobj=cast("Any", file)).read(tarfile.BLOCKSIZE)
    except _DAMAGE:
        return b""


def tar_contents(file: BlobFile, *, is_unpacked: bool = False) -> Contents:
    """Return what a TAR holds; where it is damaged, what stands before that.

    Raises:
        UnreadableUpload: it is damaged from the start.
    """
    choice = Choice()
    try:
        _choose(file, choice)
    except _DAMAGE as error:
        if not choice.members:
            raise UnreadableUpload(f"its TAR cannot be read: {error}") from None
        choice.tally.add("after a damaged place", "all that follow it")
    return Contents(
        is_zip=False,
        is_unpacked=is_unpacked,
        members=tuple(choice.members),
        told=choice.tally.words(),
    )


def _choose(file: BlobFile, choice: Choice) -> None:
    for header in headers(file):
        if header.is_folder:
            continue
        name = shown_name(header.name)
        if choice.is_full(name):
            return
        if not header.is_file:
            choice.tally.add("that are links or devices", name)
        elif header.start + header.bytes > file.length:
            choice.tally.add("that break off", name)
        else:
            choice.offer(Member(name, header.start, header.bytes, header.bytes))


def unpacked(file: BlobFile) -> IO[bytes]:
    """Return the unpacked bytes of a gzip file as a stream that is read once.

    Raises (from reading):
        UnreadableUpload: it is damaged, or unpacks to more than an upload may have.
    """
    file.seek(0)
    return cast("IO[bytes]", _Unpacking(file))


class _Unpacking(io.RawIOBase):
    """What a store needs of a file to write it on: no scratch disk holds it."""

    def __init__(self, file: BlobFile) -> None:
        self._gzip = gzip.GzipFile(fileobj=cast("Any", file))
        self._given_bytes = 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if (offset, whence, self._given_bytes) != (0, io.SEEK_SET, 0):
            raise io.UnsupportedOperation("it is read once, from its start")
        return 0

    @override
    def read(self, size: int = -1, /) -> bytes:
        data = bytearray()
        while piece := self._piece(size - len(data) if size >= 0 else AHEAD_BYTES):
            data += piece
        return bytes(data)

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        piece = self._piece(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def _piece(self, count: int) -> bytes:
        try:
            piece = self._gzip.read(count) if count else b""
        except _DAMAGE as error:
            raise UnreadableUpload(f"its gzip cannot be read: {error}") from None
        self._given_bytes += len(piece)
        if self._given_bytes > UPLOAD_MAX_BYTES:
            raise UnreadableUpload(f"it is larger than {UPLOAD_MAX_BYTES:,} bytes unpacked")
        return piece
