"""C2PA manifests by hand: JUMBF boxes, CBOR, and the places where pictures keep them."""

from __future__ import annotations

import struct
import zlib

# Types of the boxes within a manifest store: C2PA 2.1, 11.1.
_SUFFIX = bytes.fromhex("00110010800000AA00389B71")


def box(kind: bytes, content: bytes) -> bytes:
    """A box with a length of 32 bits."""
    return struct.pack(">I", len(content) + 8) + kind + content


def long_box(kind: bytes, content: bytes) -> bytes:
    """A box with a length of 64 bits."""
    return struct.pack(">I", 1) + kind + struct.pack(">Q", len(content) + 16) + content


def superbox(label: str, *inner: bytes, kind: bytes = b"c2as") -> bytes:
    """A superbox: its description, then what is in it."""
    flags = b"\x03"
    return box(
        b"jumb", box(b"jumd", kind + _SUFFIX + flags + label.encode() + b"\0") + b"".join(inner)
    )


def cbor(value: object) -> bytes:
    """CBOR of text, dicts, lists and numbers."""
    if isinstance(value, int):
        return _head(0, value)
    if isinstance(value, str):
        data = value.encode()
        return _head(3, len(data)) + data
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(cbor, value))
    if isinstance(value, dict):
        pairs = (cbor(part) for pair in value.items() for part in pair)
        return _head(5, len(value)) + b"".join(pairs)
    raise TypeError(value)


def _head(kind: int, number: int) -> bytes:
    if number < 24:
        return bytes([kind << 5 | number])
    width = next(at for at in range(4) if number < 1 << (8 << at))
    return bytes([kind << 5 | 24 + width]) + number.to_bytes(1 << width)


def assertion(label: str, data: object) -> bytes:
    """An assertion in CBOR."""
    return superbox(label, box(b"cbor", cbor(data)), kind=b"cbor")


def store(*assertions: bytes, padding: int = 0) -> bytes:
    """A manifest store with one manifest: assertions, and something else of its size."""
    thumbnail = superbox("c2pa.thumbnail.claim.jpeg", box(b"bidb", b"\xaa" * padding))
    manifest = superbox(
        "urn:uuid:F9168C5E-CEB2-4faa-B6BF-329BF39FA1E4",
        superbox("c2pa.assertions", thumbnail, *assertions),
        kind=b"c2ma",
    )
    return superbox("c2pa", manifest, kind=b"c2pa")


def in_jpeg(picture: bytes, boxes: bytes, piece: int = 60_000, instance: int = 1) -> bytes:
    """A JPEG with boxes in APP11 segments: each repeats the header of the first box."""
    header = 16 if boxes[:4] == b"\0\0\0\1" else 8
    cuts = [boxes[at : at + piece] for at in range(header, len(boxes), piece)]
    segments = b"".join(
        _segment(b"JP" + struct.pack(">HI", instance, number) + boxes[:header] + cut)
        for number, cut in enumerate(cuts, start=1)
    )
    return picture[:2] + segments + picture[2:]


def _segment(content: bytes) -> bytes:
    return b"\xff\xeb" + struct.pack(">H", len(content) + 2) + content


def in_png(picture: bytes, boxes: bytes) -> bytes:
    """A PNG with boxes in a caBX chunk after its head."""
    return picture[:33] + png_chunk(b"caBX", boxes) + picture[33:]


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def in_webp(picture: bytes, boxes: bytes) -> bytes:
    """A WebP with boxes in a C2PA chunk at its end."""
    data = picture + b"C2PA" + struct.pack("<I", len(boxes)) + boxes + b"\0" * (len(boxes) % 2)
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
