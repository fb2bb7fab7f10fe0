"""The headers of a TAR, one by one, in bounded time and memory whatever the archive is.

Source: POSIX.1-2017, pax, and the manual of GNU tar, "Basic Tar Format". The standard library's
reader takes days for an extended header of a few megabytes (CVE-2024-6232), and copies what a
global header says for every member.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

from pixcrawler.adapters.engines.uploads.blob_file import BlobFile
from pixcrawler.pipeline.limits import ARCHIVE_MAX_MEMBERS

MAX_HEADERS = 4 * ARCHIVE_MAX_MEMBERS
"""Folders, long names and the like may stand between the files."""
EXTENSION_MAX_BYTES = 1024 * 1024
"""Of one long name or extended header; what extended headers say beyond is not read."""
EXTENSIONS_MAX_BYTES = 256 * 1024 * 1024
"""Of all of them: a kilobyte for most members takes half of it."""

_BLOCK = tarfile.BLOCKSIZE
_ZEROS = bytes(_BLOCK)
_EXTENDED = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_EXTENSIONS = (*_EXTENDED, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_WITHOUT_BYTES = (
    *(tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE),
    *(tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE),
)
"""Whatever their size says."""
_SPARSE = b"GNU.sparse."
_LENGTH_DIGITS = 20
_SPARSE_MORE, _SPARSE_MORE_STILL = 482, 504
"""Where the first block of a sparse file, and each that follows, say that one follows."""
_SPARSE_MAX_BLOCKS = 1000


@dataclass(frozen=True)
class Header:
    """One entry of the archive."""

    name: str
    start: int
    """Of its bytes."""
    bytes: int
    is_folder: bool
    is_file: bool
    """A plain one, whose bytes stand there as they are."""


@dataclass
class _Extension:
    """What stands before an entry and is meant for it."""

    name: bytes | None = None
    bytes: int | None = None
    is_sparse: bool = False


def headers(file: BlobFile) -> Iterator[Header]:
    """Yield the entries of an archive, to its end or for the first MAX_HEADERS headers.

    Raises:
        tarfile.TarError: what stands there is no header.
        ValueError: a header says what cannot be.
    """
    at, extension, left = 0, _Extension(), EXTENSIONS_MAX_BYTES
    for _ in range(MAX_HEADERS):
        block = _block(file, at)
        if block in (b"", _ZEROS):
            return
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        if info.size < 0:
            raise ValueError("a length is negative")
        at += _BLOCK
        if info.type in _EXTENSIONS:
            left -= info.size
            if left < 0:
                raise ValueError("its extended headers are too large")
            _extend(extension, info, file, at)
            at += _padded(info.size)
            continue
        header = _header(info, extension, at + _sparse_bytes(info, block, file, at))
        yield header
        at = header.start + (0 if info.type in _WITHOUT_BYTES else _padded(header.bytes))
        extension = _Extension()


def _block(file: BlobFile, at: int) -> bytes:
    file.seek(at)
    return file.read(_BLOCK)


def _padded(count: int) -> int:
    return -(-count // _BLOCK) * _BLOCK


def _header(info: tarfile.TarInfo, extension: _Extension, start: int) -> Header:
    name = info.name
    if extension.name is not None:
        name = extension.name.decode("utf-8", "surrogateescape")
    is_file = info.type in _FILES and not extension.is_sparse
    length = info.size if extension.bytes is None else extension.bytes
    return Header(name, start, length, info.isdir(), is_file)


def _extend(extension: _Extension, info: tarfile.TarInfo, file: BlobFile, at: int) -> None:
    """Take what an extension says of the next entry; what is said of all is not of interest."""
    if info.type == tarfile.GNUTYPE_LONGNAME:
        file.seek(at)
        extension.name = file.read(min(info.size, EXTENSION_MAX_BYTES)).partition(b"\0")[0]
    elif info.type in _EXTENDED and info.size <= EXTENSION_MAX_BYTES:
        file.seek(at)
        for name, value in _records(file.read(info.size)):
            if name == b"path":
                extension.name = value
            elif name == b"size" and value.isdigit():
                extension.bytes = int(value[:_LENGTH_DIGITS])
            elif name.startswith(_SPARSE):
                extension.is_sparse = True


def _records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The names and values of an extended header: ``length name=value`` and a line end."""
    at = 0
    while at < len(data) and data[at]:
        space = data.find(b" ", at, at + _LENGTH_DIGITS)
        digits = data[at:space] if space > 0 else b""
        end = at + int(digits) if digits.isdigit() else 0
        equals = data.find(b"=", space, end)
        if end > len(data) or equals < 0:
            raise ValueError("an extended header is damaged")
        yield data[space + 1 : equals], data[equals + 1 : end - 1]
        at = end


def _sparse_bytes(info: tarfile.TarInfo, block: bytes, file: BlobFile, at: int) -> int:
    """How long the rest of a sparse file's own header is."""
    if info.type != tarfile.GNUTYPE_SPARSE or not block[_SPARSE_MORE]:
        return 0
    for number in range(1, _SPARSE_MAX_BLOCKS):
        more = _block(file, at + (number - 1) * _BLOCK)
        if len(more) < _BLOCK or not more[_SPARSE_MORE_STILL]:
            return number * _BLOCK
    raise ValueError("a sparse file has too many parts")
