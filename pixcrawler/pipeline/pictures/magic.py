"""Magic bytes: what a file claims to be, how large, whether it moves or is cut off."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice

WANTED = frozenset({"jpeg", "png", "webp"})
"""Kinds that a dataset may hold: the values of ImageFormat."""

OTHER_IMAGES = frozenset(
    {"gif", "bmp", "tiff", "ico", "avif", "heic", "jpeg2000", "jpegxl", "psd", "svg", "eps"}
)
"""Kinds of pictures that are recognised and not taken."""

_HEAD_BYTES = 1024
"""How far text is looked at."""
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\v\f\r")
_STARTS = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"\0\0\1\0", "ico"),
    (b"\xff\x0a", "jpegxl"),
    (b"\0\0\0\x0cJXL ", "jpegxl"),
    (b"\0\0\0\x0cjP  ", "jpeg2000"),
    (b"8BPS", "psd"),
    (b"%!PS", "eps"),
    (b"%PDF", "PDF"),
    (b"PK\3\4", "a ZIP archive"),
    (b"\x1f\x8b", "gzip data"),
)
_AVIF_BRANDS = (b"avif", b"avis")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

# ITU-T T.81, table B.1: start of frame, all codings; C4, C8 and CC are other things.
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xDA)})
_ORIENTATION_TAG = 0x0112
_JPEG_MAX_SCANS = 50
"""Encoders write 1 to about 12."""
_JPEG_MAX_JUNK_BYTES = 64 * 1024
"""In the header, between segments, where there should be none; and of fill bytes in a row.
Pillow reads the first one by one, and libjpeg the second again and again: 20 s for 25 MB."""
_JPEG_FILL = b"\xff" * _JPEG_MAX_JUNK_BYTES
_JUNK = -1
"""Stands for a marker where there is more junk than that."""
_MAX_PARTS = 20_000
"""Segments or chunks: 25 MB in the customary 8 KiB pieces are 3,200."""
_GIF_MAX_BLOCKS = 200_000
"""Looked through for a second frame: 25 MB in the customary 255 bytes are 100,000."""
_GIF_FRAME = 0x2C
_GIF_EXTENSION = 0x21


def kind_of(data: bytes) -> str:
    """Return what the first bytes claim: a kind of picture, or a word for something else."""
    if not data:
        return "an empty body"
    start = next((kind for start, kind in _STARTS if data.startswith(start)), None)
    return start or _of_container(data) or _of_text(data[:_HEAD_BYTES])


def _of_container(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:2] == b"BM" and data[6:10] == b"\0\0\0\0":
        return "bmp"
    return _of_brand(data[8:12]) if data[4:8] == b"ftyp" else None


def _of_brand(brand: bytes) -> str:
    if brand in _AVIF_BRANDS:
        return "avif"
    return "heic" if brand in _HEIC_BRANDS else "a video"


def _of_text(head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<"):
        if b"<svg" in text and b"<html" not in text:
            return "svg"
        return "XML" if text.startswith(b"<?xml") and b"<html" not in text else "HTML"
    if text.startswith((b"{", b"[")):
        return "JSON"
    return "unknown bytes" if _CONTROLS.intersection(head) else "text"


def is_animated(data: bytes, kind: str) -> bool:
    """Say whether the file holds more than one frame."""
    if kind == "gif":
        return _has_two(_gif_frames(data))
    if kind == "png":
        return _png_frames(data) > 1
    if kind == "webp":
        chunks = islice(_riff_chunks(data), _MAX_PARTS)
        return _has_two(offset for name, offset, _ in chunks if name == b"ANMF")
    return kind == "avif" and data[8:12] == b"avis"


def size_px(data: bytes, kind: str) -> tuple[int, int] | None:
    """Return width and height as the header says, or None where it does not get so far."""
    try:
        if kind == "jpeg":
            return _jpeg_size(data)
        if kind == "png" and data[12:16] == b"IHDR":
            width, height = struct.unpack_from(">II", data, 16)
            return width, height
        if kind == "webp":
            return _webp_size(data)
    except (struct.error, IndexError):
        return None
    return None


def is_cut_off(data: bytes, kind: str) -> bool:
    """Say whether the file ends before its own structure does."""
    if kind == "jpeg":
        scan = next((at for marker, at in _jpeg_segments(data) if marker == _START_OF_SCAN), None)
        return scan is None or data.rfind(b"\xff\xd9") < scan
    if kind == "png":
        return not any(name == b"IEND" for name, _, _ in _png_chunks(data))
    if kind == "webp":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    return False


def is_shredded(data: bytes, kind: str) -> bool:
    """Say whether the file has more parts or passes than any encoder writes.

    A small file may ask for thousands of passes over all pixels, or for millions of segments.
    """
    if kind == "jpeg":
        # FF DA occurs nowhere else in coded data.
        return (
            data.count(b"\xff\xda") > _JPEG_MAX_SCANS
            or _JPEG_FILL in data
            or _too_many(_jpeg_segments(data))
            or any(marker == _JUNK for marker, _ in _jpeg_segments(data))
        )
    if kind == "png":
        return _too_many(_png_chunks(data))
    return kind == "webp" and _too_many(_riff_chunks(data))


def orientation(exif: bytes) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none or it makes no sense.

    Source: EXIF 2.3, 4.6.4; TIFF 6.0, section 2.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for entry in range(start + 2, start + 2 + 12 * min(count, 512), 12):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
            if tag == _ORIENTATION_TAG:
                return value if value in range(1, 9) else 1
    except struct.error:
        return 1
    return 1


def _too_many(parts: Iterator[object]) -> bool:
    return next(islice(parts, _MAX_PARTS, None), None) is not None


def _has_two(things: Iterator[int]) -> bool:
    return next(things, None) is not None and next(things, None) is not None


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield (marker, offset of its length) up to the first scan, a little junk skipped."""
    at, junk = 2, 0
    while True:
        found = data.find(b"\xff", at)
        start = len(data) if found < 0 else found
        junk += start - at
        if junk > _JPEG_MAX_JUNK_BYTES:
            yield _JUNK, at
            return
        if start + 3 >= len(data):
            return
        marker = data[start + 1]
        if marker in _WITHOUT_LENGTH or marker in (0x00, 0xFF):
            at = start + (2 if marker in _WITHOUT_LENGTH else 1)
            junk += at - start
            continue
        yield marker, start + 2
        if marker == _START_OF_SCAN:
            return
        at = start + 2 + struct.unpack_from(">H", data, start + 2)[0]


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    for marker, at in _jpeg_segments(data):
        if marker in _START_OF_FRAME:
            height, width = struct.unpack_from(">HH", data, at + 3)
            return width, height
    return None


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, offset of the content, length) of every whole chunk."""
    at = 8
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            return
        yield name, at + 8, length
        at += 12 + length


def _png_frames(data: bytes) -> int:
    for name, at, length in islice(_png_chunks(data), _MAX_PARTS):
        if name == b"acTL":
            return int.from_bytes(data[at : at + min(length, 4)], "big")
        if name == b"IDAT":
            break
    return 1


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        yield name, at + 8, length
        at += 8 + length + length % 2


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """Source: RFC 9649, sections 2.5 to 2.7."""
    chunk = data[12:16]
    if chunk == b"VP8X":
        flags_and_size = struct.unpack_from("<HBHB", data, 24)
        low_w, high_w, low_h, high_h = flags_and_size
        return (low_w | high_w << 16) + 1, (low_h | high_h << 16) + 1
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _gif_frames(data: bytes) -> Iterator[int]:
    """Yield the offset of every frame. Source: GIF89a specification, appendix A."""
    at = 13 + _gif_table_bytes(data, 10)
    for _ in range(_GIF_MAX_BLOCKS):
        if at + 1 >= len(data):
            return
        if data[at] == _GIF_FRAME:
            yield at
            at = _after_gif_blocks(data, at + 11 + _gif_table_bytes(data, at + 9))
        elif data[at] == _GIF_EXTENSION:
            at = _after_gif_blocks(data, at + 2)
        else:
            return


def _gif_table_bytes(data: bytes, at: int) -> int:
    flags = data[at] if at < len(data) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_gif_blocks(data: bytes, at: int) -> int:
    for _ in range(_GIF_MAX_BLOCKS):
        if at >= len(data) or not data[at]:
            return at + 1
        at += 1 + data[at]
    return len(data)
