"""ZIP archives: their members, and a member's bytes by one or two ranged reads."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, cast

from pixcrawler.adapters.engines.uploads.blob_file import BlobFile
from pixcrawler.adapters.engines.uploads.contents import Choice, Contents, Member, shown_name
from pixcrawler.adapters.engines.uploads.tally import UnreadableUpload

AHEAD_BYTES = 64 * 1024

_ENCRYPTED = 0x1 | 0x40 | 0x2000
"""Flags: encrypted, strongly encrypted, masked headers. Source: APPNOTE 6.3.10, section 4.4.4."""
_HEADER = struct.Struct("<4s22xHH")
_EXPECTED_EXTRA_BYTES = 1024
"""Of name and extra field before a member's bytes: usually enough for a single read."""

# What zipfile raises for damaged directories.
_DAMAGE = (zipfile.BadZipFile, ValueError, LookupError, ArithmeticError, EOFError, struct.error,
           NotImplementedError, MemoryError)  # fmt: skip

Read = Callable[[int, int], bytes]
"""Gives ``length`` bytes from ``offset``, fewer at the end."""


class DamagedMember(ValueError):
    """A member cannot be read; the message says why."""


def zip_contents(file: BlobFile) -> Contents:
    """Return what a ZIP holds.

    Raises:
        UnreadableUpload: its directory is damaged or too large.
    """
    try:
        with zipfile.ZipFile(cast("Any", file)) as archive:
            infos = archive.infolist()
    except _DAMAGE as error:
        raise UnreadableUpload(f"its ZIP directory cannot be read: {error}") from None
    choice = Choice()
    overlapping = _overlapping(infos)
    for info in infos:
        name = shown_name(info.filename)
        if info.filename.endswith("/"):  # is_dir() breaks on an empty name
            continue
        if choice.is_full(name):
            break
        why = "that overlap others" if info.header_offset in overlapping else _odd(info)
        if why:
            choice.tally.add(why, name)
            continue
        packed = info.compress_type == zipfile.ZIP_DEFLATED
        choice.offer(
            Member(name, info.header_offset, info.compress_size, info.file_size, info.CRC, packed)
        )
    return Contents(
        is_zip=True,
        is_unpacked=False,
        members=tuple(choice.members),
        told=choice.tally.words(),
    )


def _odd(info: zipfile.ZipInfo) -> str:
    """Why a member is not even looked at, if so."""
    if info.flag_bits & _ENCRYPTED:
        return "that are encrypted"
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "that are links or devices"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "packed in an unusual way"
    return "without a place" if info.header_offset < 0 else ""


def _overlapping(infos: list[zipfile.ZipInfo]) -> set[int]:
    """Where members begin within others: some bombs unpack the same bytes again and again."""
    found: set[int] = set()
    end = 0
    for info in sorted(infos, key=lambda one: (one.header_offset, one.compress_size)):
        if info.header_offset < end:
            found.add(info.header_offset)
        end = max(end, info.header_offset + _HEADER.size + info.compress_size)
    return found


def zip_member(read: Read, member: Member) -> bytes:
    """Return the bytes of a member.

    Raises:
        DamagedMember: they are not what the directory says.
    """
    head = read(member.start, _HEADER.size + _EXPECTED_EXTRA_BYTES + member.packed_bytes)
    if len(head) < _HEADER.size or not head.startswith(b"PK\3\4"):
        raise DamagedMember("there is no file at its place in the archive")
    _, name_bytes, extra_bytes = _HEADER.unpack_from(head)
    start = _HEADER.size + name_bytes + extra_bytes
    packed = head[start : start + member.packed_bytes]
    if len(packed) < member.packed_bytes:
        packed = read(member.start + start, member.packed_bytes)
    data = _inflated(packed, member.bytes) if member.is_deflated else packed
    if len(data) != member.bytes or zlib.crc32(data) != member.crc:
        raise DamagedMember("its bytes are not those that were packed (CRC-32)")
    return data


def _inflated(packed: bytes, length: int) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, length + 1)
    except zlib.error as error:
        raise DamagedMember(f"it cannot be unpacked: {error}") from None
