"""What the structure of a file says, also where the structure is odd."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.pictures import magic
from pixcrawler.pipeline.pictures.imaging import examine
from tests.factories import a_picture, an_image, encoded

JPEG = an_image()
SMALL = Image.new("RGB", (40, 30), "teal")


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"}),
    ],
    ids=["jpeg", "progressive", "png", "webp", "lossless", "extended"],
)
def test_sizes_from_the_header(file_format, options):
    """Width and height are read without decoding, in every form of each format."""
    assert magic.size_px(encoded(SMALL, file_format, **options), file_format.lower()) == (40, 30)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8\xff", "jpeg"),
        (b"\xff\xd8\xff\xe0\0\x02\xff\xc0\0", "jpeg"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0", "png"),
        (b"RIFF\0\0\0\0WEBPVP8X", "webp"),
        (b"RIFF\0\0\0\0WEBPWHAT" + bytes(20), "webp"),
        (b"GIF89a" + bytes(20), "gif"),
    ],
    ids=["bare", "cut-in-the-header", "png", "webp", "strange-webp", "not-asked"],
)
def test_no_size(data, kind):
    """Where the header does not get so far there is no size, and no exception."""
    assert magic.size_px(data, kind) is None


def test_padding_and_lone_markers():
    """Fill bytes, stuffed bytes and markers without length before the header are passed over."""
    padded = JPEG[:2] + b"\xff\xff\xff\x00\xff\xd0\xff\x01" + JPEG[2:]
    assert magic.size_px(padded, "jpeg") == (320, 240)


def test_the_size_that_counts_is_the_decoders():
    """A second header that a decoder would believe is held against the limit, too."""
    at = JPEG.index(b"\xff\xc0")
    (length,) = struct.unpack_from(">H", JPEG, at + 2)
    header = bytearray(JPEG[at : at + 2 + length])
    header[5:9] = struct.pack(">HH", 8, 8)
    data = JPEG[:at] + bytes(header) + JPEG[at:]
    assert magic.size_px(data, "jpeg") == (8, 8)
    assert examine(data, max_pixels=1000).reason is RejectReason.TOO_MANY_PIXELS


def test_only_wanted_kinds_are_cut_off():
    """Of a format that is not taken nobody asks whether it is whole."""
    assert not magic.is_cut_off(b"GIF89a", "gif")


def test_other_entries_come_first():
    """The orientation is found behind other entries, and missing where there is none."""
    other = struct.pack(">HHIHH", 0x010F, 3, 1, 9, 0)
    turn = struct.pack(">HHIHH", 0x0112, 3, 1, 8, 0)
    start = b"MM\0*" + struct.pack(">I", 8)
    assert magic.orientation(start + struct.pack(">H", 2) + other + turn) == 8
    assert magic.orientation(start + struct.pack(">H", 1) + other + bytes(4)) == 1


def test_a_gif_with_a_remark_is_still():
    """Extensions between the frames of a GIF are no frames; what follows its end is not read."""
    still = encoded(a_picture().quantize(16), "GIF", comment=b"a remark", transparency=1)
    assert not magic.is_animated(still, "gif")
    assert not magic.is_animated(still + b"," * 200, "gif")
    assert not magic.is_animated(still[:40], "gif")
