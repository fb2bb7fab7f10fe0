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
from pixcrawler.pipeline.limits import ARCHIVE_MAX_MEMBERS, UPLOAD_MAX_BYTES

AHEAD_BYTES = 4 * 1024 * 1024
"""Its headers stand between the files: many small files are read through, large ones skipped."""

# What tarfile and gzip raise for damaged archives.
_DAMAGE = (tarfile.TarError, ValueError, LookupError, ArithmeticError, EOFError, OSError,
           RecursionError, MemoryError, zlib.error)  # fmt: skip
_HEADERS_PER_MEMBER = 4
"""Folders, long names and the like may stand between the files."""


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
        with tarfile.TarFile(fileobj=cast("Any", file), mode="r") as archive:
            _choose(archive, file.length, choice)
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


def _choose(archive: tarfile.TarFile, length: int, choice: Choice) -> None:
    for _ in range(_HEADERS_PER_MEMBER * ARCHIVE_MAX_MEMBERS):
        info = archive.next()
        if info is None:
            return
        cast("Any", archive).members = []  # otherwise it remembers each of them
        name = shown_name(info.name)
        if info.isdir():
            continue
        if choice.is_full(name):
            return
        if not info.isreg() or info.issparse():
            choice.tally.add("that are links or devices", name)
        elif info.offset_data + info.size > length:
            choice.tally.add("that break off", name)
        else:
            choice.offer(Member(name, info.offset_data, info.size, info.size))


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
