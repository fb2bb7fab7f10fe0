"""Bodies of answers: read whole, but never more than the cap, packed or not."""

from __future__ import annotations

import time
import zlib

import aiohttp

from pixcrawler.adapters.web.trouble import Trouble
from pixcrawler.domain.verdict import RejectReason

_ZLIB_OR_GZIP = 47
"""Window bits that make zlib tell its own format and gzip apart."""
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})


MIN_BYTES_PER_S = 1000
"""A body that comes more slowly than this is not waited for."""


async def read_body(
    response: aiohttp.ClientResponse, max_bytes: int, slow_after_s: float = 5.0
) -> bytes:
    """Return the body; packed ones, which were not asked for, are unpacked under the same cap.

    Raises:
        Trouble: it is larger than ``max_bytes``, packed in an unknown way, broken or empty, or
            drips after ``slow_after_s`` seconds.
        aiohttp.ClientPayloadError: it ended before its announced length.
    """
    packing = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packing not in _PACKED | {"identity", ""}:
        raise Trouble(RejectReason.BAD_ANSWER, f"the body is packed as {packing[:30]}")
    if (response.content_length or 0) > max_bytes:
        raise _too_large(max_bytes)
    unpacker = zlib.decompressobj(_ZLIB_OR_GZIP) if packing in _PACKED else None
    pieces: list[bytes] = []
    size = wire_size = 0
    started = time.monotonic()
    async for arrived in response.content.iter_any():
        seconds = time.monotonic() - started
        if seconds > slow_after_s and size < seconds * MIN_BYTES_PER_S:
            words = f"slower than {MIN_BYTES_PER_S} bytes a second"
            raise Trouble(RejectReason.TIMED_OUT, words)
        piece = arrived if unpacker is None else _unpacked(unpacker, arrived, max_bytes - size)
        size += len(piece)
        wire_size += len(arrived)
        # What follows a packed body's end adds nothing to its size, but zlib holds it all.
        if max(size, wire_size) > max_bytes:
            raise _too_large(max_bytes)
        pieces.append(piece)
    if size == 0:
        raise Trouble(RejectReason.BAD_ANSWER, "the body is empty")
    if unpacker is not None and not unpacker.eof:
        raise Trouble(RejectReason.BAD_ANSWER, "the packed body ended too early", may_heal=True)
    return b"".join(pieces)


def _unpacked(unpacker: zlib._Decompress, arrived: bytes, room: int) -> bytes:
    """At most one byte more than there is room for: enough to see that it is too much."""
    try:
        return unpacker.decompress(arrived, room + 1)
    except zlib.error:
        raise Trouble(RejectReason.BAD_ANSWER, "the packed body is broken") from None


def _too_large(max_bytes: int) -> Trouble:
    return Trouble(RejectReason.TOO_LARGE, f"the body is larger than {max_bytes} bytes")
