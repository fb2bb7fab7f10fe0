"""Images are told apart from everything else, whatever the bytes."""

from __future__ import annotations

import hashlib
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ImageFile

from pixcrawler.domain.image import ImageFacts
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.pictures.imaging import Flaw, examine
from tests.factories import a_picture, an_image, encoded, sixteen_bits, with_alpha

PICTURE = a_picture(1, 300, 240)
SECOND = a_picture(2, 300, 240)
# The same examples in every run, however slow the machine: a failure can be repeated.
PROPERTY = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


def chunk(name: bytes, content: bytes) -> bytes:
    """Return one PNG chunk."""
    checked = name + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def png_of_size(width: int, height: int) -> bytes:
    """Return a PNG whose header says so, and whose pixels are nonsense."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", b"nonsense") + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def webp_of_size(width: int, height: int) -> bytes:
    """Return an extended WebP whose canvas is that large, and that holds nothing."""
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + size
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg_of_size(width: int, height: int) -> bytes:
    """Return a JPEG with another size in its header."""
    data = an_image()
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


GOOD = {
    "jpeg": encoded(PICTURE, "JPEG"),
    "jpeg-progressive": encoded(PICTURE, "JPEG", progressive=True),
    "jpeg-grey": encoded(PICTURE.convert("L"), "JPEG"),
    "jpeg-cmyk": encoded(PICTURE.convert("CMYK"), "JPEG"),
    "jpeg-rgb": encoded(PICTURE, "JPEG", keep_rgb=True),
    "jpeg-of-several-pictures": encoded(PICTURE, "MPO", save_all=True, append_images=[SECOND]),
    "png": encoded(PICTURE, "PNG"),
    "png-grey": encoded(PICTURE.convert("L"), "PNG"),
    "png-black-and-white": encoded(PICTURE.convert("1"), "PNG"),
    "png-palette": encoded(PICTURE.quantize(64), "PNG"),
    "png-palette-transparent": encoded(PICTURE.quantize(64), "PNG", transparency=3),
    "png-palette-half-transparent": encoded(
        PICTURE.quantize(64), "PNG", transparency=bytes(range(0, 256, 4))
    ),
    "png-transparent-colour": encoded(PICTURE, "PNG", transparency=(1, 2, 3)),
    "png-alpha": encoded(with_alpha(PICTURE), "PNG"),
    "png-grey-alpha": encoded(with_alpha(PICTURE).convert("LA"), "PNG"),
    "png-16-bit": encoded(sixteen_bits(PICTURE), "PNG"),
    "png-one-frame": encoded(PICTURE, "PNG", save_all=True),
    "webp": encoded(PICTURE, "WEBP"),
    "webp-lossless": encoded(PICTURE, "WEBP", lossless=True),
    "webp-alpha": encoded(with_alpha(PICTURE), "WEBP"),
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_every_kind_of_good_image(data: bytes) -> None:
    """Every way to store a still JPEG, PNG or WebP is read, with true facts."""
    facts = examine(data)
    assert isinstance(facts, ImageFacts), facts
    assert (facts.width, facts.height, facts.bytes) == (300, 240, len(data))
    assert facts.sha256 == hashlib.sha256(data).hexdigest()


def test_formats_are_told_by_content() -> None:
    """The format is what the bytes are."""
    formats = [examine(GOOD[kind]).format for kind in ("jpeg-cmyk", "png-palette", "webp-alpha")]
    assert formats == ["jpeg", "png", "webp"]


FOREIGN = {
    "gif": encoded(PICTURE.quantize(), "GIF"),
    "bmp": encoded(PICTURE, "BMP"),
    "tiff": encoded(PICTURE, "TIFF"),
    "avif": encoded(PICTURE, "AVIF"),
    "ico": encoded(PICTURE, "ICO"),
    "jpeg2000": encoded(PICTURE, "JPEG2000"),
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100),
    "svg": b'\xef\xbb\xbf<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "gif-that-is-also-a-script": b"GIF89a/*<html>*/=1;alert(1)//",
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_formats_that_are_not_taken(data: bytes) -> None:
    """Pictures of other formats are named as such, and not decoded."""
    assert examine(data).reason is RejectReason.UNSUPPORTED_FORMAT


NO_IMAGE = {
    "nothing": (b"", "is an empty body"),
    "html": (b"<!DOCTYPE html><html><body>Not found</body></html>", "is HTML"),
    "html-after-blank-lines": (b"\xef\xbb\xbf\r\n \t<HTML><head>", "is HTML"),
    "html-with-a-drawing": (b"<html><body><svg/></body></html>", "is HTML"),
    "xml": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "is XML"),
    "json": (b' {"error": "hotlinking is not allowed"}', "is JSON"),
    "text": ("Zugriff verweigert für Sie\n".encode(), "is text"),
    "pdf": (b"%PDF-1.7\n", "is PDF"),
    "zip": (b"PK\x03\x04" + bytes(50), "is a ZIP archive"),
    "video": (b"\0\0\0\x20ftypisom" + bytes(50), "is a video"),
    "random": (bytes(range(1, 256)), "is unknown bytes"),
}


@pytest.mark.parametrize(("data", "detail"), NO_IMAGE.values(), ids=NO_IMAGE)
def test_what_is_no_image(data: bytes, detail: str) -> None:
    """What is no picture at all is told, with what it looks like."""
    assert examine(data) == Flaw(RejectReason.NOT_AN_IMAGE, detail)


ANIMATED = {
    "gif": encoded(PICTURE.quantize(), "GIF", save_all=True, append_images=[SECOND.quantize()]),
    "png": encoded(PICTURE, "PNG", save_all=True, append_images=[SECOND]),
    "webp": encoded(PICTURE, "WEBP", save_all=True, append_images=[SECOND]),
    "avif": encoded(PICTURE, "AVIF", save_all=True, append_images=[SECOND]),
}


@pytest.mark.parametrize("data", ANIMATED.values(), ids=ANIMATED)
def test_what_moves(data: bytes) -> None:
    """Files of several frames are told apart from broken and from foreign ones."""
    assert examine(data).reason is RejectReason.ANIMATED


@pytest.mark.parametrize("kind", ["jpeg", "jpeg-progressive", "png", "png-palette", "webp"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.9, 0.99])
def test_half_files(kind: str, share: float) -> None:
    """A file that starts well and ends early is truncated, however late it is cut."""
    data = GOOD[kind]
    assert examine(data[: int(len(data) * share)]).reason is RejectReason.TRUNCATED


def test_half_files_that_continue_with_something_else() -> None:
    """A file that was damaged and not cut off is undecodable."""
    data = bytearray(GOOD["png"])
    data[len(data) // 2 : len(data) // 2 + 40] = bytes(40)
    flaw = examine(bytes(data))
    assert flaw.reason is RejectReason.UNDECODABLE
    assert flaw.detail.startswith("png: ")


def test_pillow_never_pads() -> None:
    """Nobody switched on that Pillow invents what is missing."""
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@pytest.mark.parametrize(
    "data",
    [png_of_size(20_000, 20_000), webp_of_size(16_000, 16_000), jpeg_of_size(65_000, 65_000)],
    ids=["png", "webp", "jpeg"],
)
def test_bombs_are_not_decoded(data: bytes) -> None:
    """A huge size is refused from the header: decoding would say something else of these."""
    assert examine(data).reason is RejectReason.TOO_MANY_PIXELS


def test_the_pixel_limit_is_exact() -> None:
    """As many pixels as allowed are allowed, one fewer allowed is too many."""
    assert isinstance(examine(GOOD["png"], max_pixels=300 * 240), ImageFacts)
    flaw = examine(GOOD["png"], max_pixels=300 * 240 - 1)
    assert flaw == Flaw(RejectReason.TOO_MANY_PIXELS, "300 x 240 is more than 71999 pixels")


@pytest.mark.parametrize(
    "data",
    [
        GOOD["jpeg-progressive"][:-2] + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" * 60 + b"\xff\xd9",
        b"\xff\xd8" + b"\xff\xe1\0\x02" * 30_000 + GOOD["jpeg"][2:],
        GOOD["png"][:33] + chunk(b"tEXt", b"a\0b") * 30_000 + GOOD["png"][33:],
        GOOD["jpeg"][:2] + b"\xff" * 100_000 + GOOD["jpeg"][2:],
        GOOD["jpeg"][:2] + b"\xff\0" * 50_000 + GOOD["jpeg"][2:],
        GOOD["jpeg"][:2] + b"\xff\xd0" * 50_000 + GOOD["jpeg"][2:],
        GOOD["jpeg"][:2] + b"\xff\xfe\0\x02" + bytes(100_000) + GOOD["jpeg"][2:],
        GOOD["jpeg"][:2] + b"\xff\xfe\0\x02" + bytes(100_000),
        GOOD["jpeg"][:-2] + b"\xff" * 100_000 + b"\xff\xd9",
    ],
    ids=["scans", "segments", "chunks", "fill", "stuffing", "marks", "zeros", "blank", "tail"],
)
def test_files_made_to_cost_time(data: bytes) -> None:
    """Passes, parts or filling without end, which take seconds to read, are refused unread."""
    flaw = examine(data)
    assert flaw.reason is RejectReason.UNDECODABLE
    assert "more parts" in flaw.detail


@pytest.mark.parametrize(("width", "height"), [(60_000_000, 1), (1, 60_000_000), (20_300, 200)])
def test_what_is_far_too_long_is_not_decoded(width: int, height: int) -> None:
    """No job takes such a shape; making it small to compare it would take gigabytes."""
    flaw = examine(png_of_size(width, height))
    assert flaw == Flaw(RejectReason.ASPECT, f"{width} x {height} is longer than 100 : 1")


def test_what_breaks_the_hash_breaks_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that is missing after the decoder is done makes a flaw as well."""

    def without_memory(*_: object) -> str:
        raise MemoryError

    monkeypatch.setattr("pixcrawler.pipeline.pictures.imaging._hash", without_memory)
    assert examine(GOOD["png"]) == Flaw(RejectReason.UNDECODABLE, "png: MemoryError")


def test_a_tail_does_no_harm() -> None:
    """Bytes after the end of a picture change its content hash, not what it shows."""
    facts, plain = examine(GOOD["jpeg"] + b"PK\x03\x04 a hidden archive"), examine(GOOD["jpeg"])
    assert facts.phash == plain.phash
    assert facts.sha256 != plain.sha256


@PROPERTY
@given(
    kind=st.sampled_from(sorted(GOOD)),
    damage=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8),
    kept=st.floats(0, 1),
)
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_no_bytes_raise(kind: str, damage: list[tuple[float, int]], kept: float) -> None:
    """Whatever is done to a file, the answer is facts or a flaw, never an exception."""
    data = bytearray(GOOD[kind])
    for place, byte in damage:
        # Early bytes decide most: half of the damage goes there.
        data[int(place**4 * (len(data) - 1))] = byte
    assert isinstance(examine(bytes(data[: int(len(data) * kept**0.2)])), ImageFacts | Flaw)


@PROPERTY
@given(
    start=st.sampled_from([data[:16] for data in (*GOOD.values(), *FOREIGN.values())]),
    rest=st.binary(max_size=400),
)
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_no_beginnings_raise(start: bytes, rest: bytes) -> None:
    """A right beginning with anything after it is a flaw, never an exception."""
    assert isinstance(examine(start + rest), Flaw)


def test_threads_do_not_meet() -> None:
    """Eight threads at once see what one after the other sees."""
    files = [*GOOD.values(), *(an_image(seed, 640, 480) for seed in range(12))] * 3
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(examine, files)) == [examine(data) for data in files]
