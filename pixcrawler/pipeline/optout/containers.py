"""Containers: where metadata stands in the segments and chunks of JPEG, PNG and WebP.

Nothing is decoded and nothing is believed: lengths that lead nowhere end the walk, which takes
at most ``MAX_PARTS`` steps.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from pixcrawler.pipeline.visits.body import Body

MAX_PARTS = 20_000
"""Segments or chunks: 25 MB in the customary 8 KiB pieces are 3,200."""
MAX_XMP_BYTES = 2 * 1024 * 1024
"""Of all packets of a picture together, unpacked: years of an editor's history are about 1 MB."""
MAX_PACKETS = 16
MAX_JUNK_BYTES = 64 * 1024
"""Between two segments of a JPEG, fill bytes among them: pictures with more are not taken."""

Piece = tuple[bytes, memoryview]
"""The type of a segment or chunk, and what is in it."""

# Fill bytes before a marker, and bytes between segments that should not be there, are skipped.
_JPEG_MARKER = re.compile(rb"\xff([^\xff\x00])", re.DOTALL)
_JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_JPEG_ENDS = frozenset({0xD9, 0xDA})
"""End of image, start of scan: metadata stands before."""
_APP1, _APP11 = b"\xe1", b"\xeb"
_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_JPEG_MORE_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_PNG_XMP = b"XML:com.adobe.xmp\0"
_ANY_XMP = re.compile(rb"<x:xmpmeta")


@dataclass
class Embedded:
    """Metadata of one picture."""

    xmp: list[bytes] = field(default_factory=list)
    """XMP packets, in no certain order."""
    jumbf: bytes = b""
    """Boxes of the C2PA manifest store."""

    def add_xmp(self, packet: bytes) -> None:
        """Keep a packet, or as much of it as there is room for."""
        if self.room:
            self.xmp.append(packet[: self.room])

    @property
    def room(self) -> int:
        """For so many bytes of XMP."""
        if len(self.xmp) >= MAX_PACKETS:
            return 0
        return MAX_XMP_BYTES - sum(map(len, self.xmp))


@lru_cache(maxsize=1)
def embedded(body: Body) -> Embedded:
    """Return the metadata of a picture; the last answer is kept, as two signals ask in a row."""
    data = body.read()
    walk = _WALKS.get(body.kind, _of_other)
    return walk(data)


# ------------------------------------------------------------------ JPEG


def _of_jpeg(data: bytes) -> Embedded:
    found = Embedded()
    further: dict[bytes, dict[int, memoryview]] = {}
    boxes: dict[bytes, dict[int, memoryview]] = {}
    for marker, piece in _segments(data):
        if marker == _APP1 and piece[: len(_JPEG_XMP)] == _JPEG_XMP:
            found.add_xmp(bytes(piece[len(_JPEG_XMP) :]))
        elif marker == _APP1 and piece[: len(_JPEG_MORE_XMP)] == _JPEG_MORE_XMP:
            # XMP part 3, 1.1.3.1: after the name, 32 bytes of a digest, length, offset.
            part = piece[len(_JPEG_MORE_XMP) :]
            offset = int.from_bytes(part[36:40])
            further.setdefault(bytes(part[:32]), {}).setdefault(offset, part[40:])
        elif marker == _APP11 and bytes(piece[:2]) == b"JP":
            # ISO 19566-5, D.2: number of the box, number of the piece, then the box's header.
            boxes.setdefault(bytes(piece[2:4]), {}).setdefault(
                int.from_bytes(piece[4:8]), piece[8:]
            )
    for parts in further.values():
        found.add_xmp(b"".join(parts[offset] for offset in sorted(parts)))
    found.jumbf = b"".join(map(_joined, boxes.values()))
    return found


def _joined(pieces: dict[int, memoryview]) -> bytes:
    """Return a box from its pieces; each repeats the box's header."""
    first, *further = (pieces[number] for number in sorted(pieces))
    header = 16 if int.from_bytes(first[:4]) == 1 else 8
    return b"".join((first, *(piece[header:] for piece in further)))


def _segments(data: bytes) -> Iterator[Piece]:
    view = memoryview(data)
    at = 2
    for _ in range(MAX_PARTS):
        marker = _JPEG_MARKER.search(data, at, at + MAX_JUNK_BYTES)
        if marker is None or marker[1][0] in _JPEG_ENDS:
            return
        at = marker.end()
        if marker[1][0] in _JPEG_WITHOUT_LENGTH:
            continue
        length = int.from_bytes(view[at : at + 2])
        yield marker[1], view[at + 2 : at + length]
        at += max(length, 2)


# ------------------------------------------------------------------ PNG


def _of_png(data: bytes) -> Embedded:
    found = Embedded()
    for kind, piece in _png_chunks(data):
        # Unpacking is what costs: what there is no room for is left packed.
        if kind == b"iTXt" and found.room and piece[: len(_PNG_XMP)] == _PNG_XMP:
            found.add_xmp(_international_text(piece[len(_PNG_XMP) :]))
        elif kind == b"caBX" and not found.jumbf:
            found.jumbf = bytes(piece)
    return found


def _png_chunks(data: bytes) -> Iterator[Piece]:
    view = memoryview(data)
    at = 8
    for _ in range(MAX_PARTS):
        length, kind = int.from_bytes(view[at : at + 4]), bytes(view[at + 4 : at + 8])
        if len(kind) < 4 or kind == b"IEND":  # noqa: PLR2004 - the length of a type
            return
        yield kind, view[at + 8 : at + 8 + length]
        at += length + 12


def _international_text(piece: memoryview) -> bytes:
    """Return the text of an iTXt chunk after its keyword, unpacked as far as there is room."""
    is_packed = bytes(piece[:1]) == b"\1"
    *_, text = bytes(piece[2:]).split(b"\0", 2)
    if not is_packed:
        return text
    try:
        return zlib.decompressobj().decompress(text, MAX_XMP_BYTES)
    except zlib.error:
        return b""


# ------------------------------------------------------------------ WebP and others


def _of_webp(data: bytes) -> Embedded:
    found = Embedded()
    for kind, piece in _webp_chunks(data):
        if kind == b"XMP ":
            found.add_xmp(bytes(piece))
        elif kind == b"C2PA" and not found.jumbf:
            found.jumbf = bytes(piece)
    return found


def _webp_chunks(data: bytes) -> Iterator[Piece]:
    view = memoryview(data)
    at = 12
    for _ in range(MAX_PARTS):
        kind, length = bytes(view[at : at + 4]), int.from_bytes(view[at + 4 : at + 8], "little")
        if len(kind) < 4:  # noqa: PLR2004 - the length of a type
            return
        yield kind, view[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _of_other(data: bytes) -> Embedded:
    """Return the packets that stand in the bytes in plain sight, whatever the container is."""
    found = Embedded()
    for _, start in zip(range(MAX_PACKETS), _ANY_XMP.finditer(data), strict=False):
        found.add_xmp(data[start.start() : start.start() + MAX_XMP_BYTES])
    return found


_WALKS = {"jpeg": _of_jpeg, "png": _of_png, "webp": _of_webp}
