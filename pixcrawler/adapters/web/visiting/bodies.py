"""Bodies of answers: taken piece by piece, hashed and sniffed, never more than the cap."""

from __future__ import annotations

import asyncio
import contextlib
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from pixcrawler.adapters.web.visiting.trouble import Trouble
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.pictures.magic import OTHER_IMAGES
from pixcrawler.pipeline.visits.body import Arriving, Body

_ZLIB_OR_GZIP = 47
"""Window bits that make zlib tell its own format and gzip apart."""
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_PLAIN = frozenset({"identity", ""})

MIN_BYTES_PER_S = 1000
"""A body that comes more slowly than this is not waited for."""
DRAIN_MAX_BYTES = 64 * 1024
"""Of a body that nobody wants, read so that its connection can be used again: a new one with TLS
costs two round trips and 2 ms of CPU, as much as this."""
DRAIN_MAX_S = 1.0


@dataclass(frozen=True)
class BodyLimits:
    """What one body may take."""

    max_bytes: int
    """Of it packed and unpacked, each by itself."""
    slow_after_s: float = 5.0
    is_cut: bool = False
    """What is beyond ``max_bytes`` is left out, instead of all of it refused."""


def refuse_kinds(wanted: frozenset[str]) -> Callable[[str], None]:
    """Return a check of what the first bytes claim to be: Trouble for all that is not wanted."""

    def check(kind: str) -> None:
        if kind in wanted:
            return
        if kind in OTHER_IMAGES:
            raise Trouble(RejectReason.UNSUPPORTED_FORMAT, f"what came is {kind}")
        gone = ": the picture is probably gone" if kind == "HTML" else ""
        raise Trouble(RejectReason.NOT_AN_IMAGE, f"what came is {kind}{gone}")

    return check


async def read_body(
    response: aiohttp.ClientResponse,
    limits: BodyLimits,
    check: Callable[[str], None] | None = None,
) -> Body:
    """Return the body; packed ones, which were not asked for, are unpacked under the same cap.

    ``check`` is told what the first bytes claim to be as soon as it is known; then an empty body is
    none.

    A large body is written to its file here, in pieces of at most 1 MiB: the loop stands still for
    as long as the page cache takes them.

    Raises:
        Trouble: it is larger than allowed, packed in an unknown way, broken or empty, drips, or
            ``check`` refuses it.
        aiohttp.ClientPayloadError: it ended before its announced length.
    """
    packing = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packing not in _PACKED | _PLAIN:
        raise Trouble(RejectReason.BAD_ANSWER, f"the body is packed as {packing[:30]}")
    if (response.content_length or 0) > limits.max_bytes and not limits.is_cut:
        raise _too_large(limits)
    arriving = Arriving()
    try:
        await _arrived(response.content, arriving, limits, check, is_packed=packing in _PACKED)
    except BaseException:
        arriving.discard()
        raise
    body = arriving.done()
    try:
        if check is not None and not body.size:
            raise Trouble(RejectReason.BAD_ANSWER, "the body is empty")  # noqa: TRY301 - as below
        if check is not None:
            check(body.kind)
    except Trouble:
        body.close()
        raise
    return body


async def _arrived(
    content: aiohttp.StreamReader,
    arriving: Arriving,
    limits: BodyLimits,
    check: Callable[[str], None] | None,
    *,
    is_packed: bool,
) -> None:
    """Take all pieces."""
    unpacker = zlib.decompressobj(_ZLIB_OR_GZIP) if is_packed else None
    is_checked = check is None
    wire_bytes = 0
    started = time.monotonic()
    while arrived := await content.readany():
        seconds = time.monotonic() - started
        if seconds > limits.slow_after_s and arriving.size < seconds * MIN_BYTES_PER_S:
            raise Trouble(RejectReason.TIMED_OUT, f"slower than {MIN_BYTES_PER_S} bytes a second")
        wire_bytes += len(arrived)
        room = limits.max_bytes - arriving.size
        piece = arrived if unpacker is None else _unpacked(unpacker, arrived, room)
        if len(piece) > room or wire_bytes > limits.max_bytes:
            if not limits.is_cut:
                raise _too_large(limits)
            arriving.write(piece[:room])
            return
        arriving.write(piece)
        if not is_checked and check is not None and arriving.kind is not None:
            is_checked = True
            check(arriving.kind)
    if unpacker is not None and not unpacker.eof and arriving.size:
        raise Trouble(RejectReason.BAD_ANSWER, "the packed body ended too early", may_heal=True)


def _unpacked(unpacker: zlib._Decompress, arrived: bytes, room: int) -> bytes:
    """At most one byte more than there is room for: enough to see that it is too much."""
    if unpacker.eof:
        # What follows the end adds nothing, but zlib would hold it all.
        return b""
    try:
        return unpacker.decompress(arrived, room + 1)
    except zlib.error:
        raise Trouble(RejectReason.BAD_ANSWER, "the packed body is broken") from None


async def drain(response: aiohttp.ClientResponse) -> None:
    """Read what is left of a body that nobody wants, if it is little; else leave it.

    An answer that is left before its end takes its connection with it.
    """
    content, length = response.content, response.content_length
    if length is not None and length - content.total_bytes > DRAIN_MAX_BYTES:
        return
    if response.headers.get("Connection", "").lower() == "close":
        return
    left = DRAIN_MAX_BYTES
    with contextlib.suppress(aiohttp.ClientError, OSError):
        async with asyncio.timeout(DRAIN_MAX_S):
            while left > 0 and (piece := await content.readany()):
                left -= len(piece)


def _too_large(limits: BodyLimits) -> Trouble:
    return Trouble(RejectReason.TOO_LARGE, f"the body is larger than {limits.max_bytes} bytes")
