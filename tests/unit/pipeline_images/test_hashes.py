"""Size and hash are those of the picture as people see it, whatever file it is in."""

from __future__ import annotations

import io
import struct
from math import cos, pi
from statistics import median

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.domain.image import ImageFacts
from pixcrawler.pipeline.pictures.imaging import examine, perceptual_hash
from tests.factories import a_picture, an_image, encoded, sixteen_bits, with_alpha

PICTURE = a_picture(1, 300, 240)
NEAR_BITS = 8
"""The default distance of a job."""


def distance(one: bytes, other: bytes) -> int:
    """Count the bits in which two files' hashes differ."""
    return (int(perceptual_hash(one), 16) ^ int(perceptual_hash(other), 16)).bit_count()


def exif(turn: int, order: str = ">") -> bytes:
    """Return EXIF that holds the orientation only."""
    mark = b"MM\0*" if order == ">" else b"II*\0"
    entry = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, turn, 0)
    return b"Exif\0\0" + mark + struct.pack(f"{order}IH", 8, 1) + entry + bytes(4)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_orientation(turn: int, file_format: str) -> None:
    """Size and hash are those of the picture as every viewer shows it."""
    order = "<" if turn % 2 else ">"
    options = {"lossless": True} if file_format == "WEBP" else {}
    data = encoded(PICTURE, file_format, exif=exif(turn, order), **options)
    facts = examine(data)
    shown = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert (facts.width, facts.height) == shown.size
    bits = int(facts.phash, 16) ^ int(perceptual_hash(encoded(shown.convert("RGB"), "PNG")), 16)
    assert bits.bit_count() <= 2


@pytest.mark.parametrize(
    "broken",
    [b"Exif\0\0", exif(9), exif(0), exif(6)[:16], b"Exif\0\0MM\0*\xff\xff\xff\xff"],
    ids=["empty", "nine", "zero", "cut", "far-away"],
)
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_orientation_that_makes_no_sense(broken: bytes) -> None:
    """Damaged metadata does not cost the picture: it is shown as stored."""
    facts = examine(encoded(PICTURE, "JPEG", exif=broken))
    assert isinstance(facts, ImageFacts)
    assert (facts.width, facts.height) == PICTURE.size


def slow_hash(picture: Image.Image) -> int:
    """Compute the DCT hash as its definition says, without numpy."""
    small = picture.convert("L").resize((32, 32), Image.Resampling.LANCZOS)
    pixels = np.asarray(small).astype(int).tolist()
    wave = [[cos(pi * k * (2 * n + 1) / 64) for n in range(32)] for k in range(8)]
    low = [
        round(
            4 * sum(wave[v][y] * wave[u][x] * pixels[y][x] for y in range(32) for x in range(32)), 3
        )
        for v in range(8)
        for u in range(8)
    ]
    middle = median(low)
    return int("".join("1" if value > middle else "0" for value in low), 2)


@pytest.mark.parametrize("seed", range(5))
def test_the_hash_is_the_known_one(seed: int) -> None:
    """The hash is that of imagehash.phash: other tools' hashes can be compared with it."""
    picture = a_picture(seed)
    assert int(perceptual_hash(encoded(picture, "PNG")), 16) == slow_hash(picture)


@pytest.mark.parametrize("size", [(320, 240), (1000, 700)], ids=["small", "large"])
def test_the_hash_does_not_depend_on_the_container(size: tuple[int, int]) -> None:
    """The same picture has the same hash as PNG, WebP or a JPEG's exact copy."""
    picture = a_picture(5, *size)
    png = encoded(picture, "PNG")
    assert distance(png, encoded(picture, "WEBP", lossless=True)) == 0
    jpeg = encoded(picture, "JPEG", quality=85)
    copy = encoded(Image.open(io.BytesIO(jpeg)).convert("RGB"), "PNG")
    assert distance(jpeg, copy) == 0


def test_transparency_is_white() -> None:
    """A transparent picture is hashed as a white page shows it."""
    white = Image.new("RGB", PICTURE.size, "white")
    white.paste(PICTURE.crop((0, 0, 150, 240)), (0, 0))
    assert distance(encoded(with_alpha(PICTURE), "PNG"), encoded(white, "PNG")) == 0


def test_sixteen_bits_are_scaled() -> None:
    """A 16-bit picture is hashed as its 8-bit copy, not as a white page."""
    assert (
        distance(encoded(sixteen_bits(PICTURE), "PNG"), encoded(PICTURE.convert("L"), "PNG")) == 0
    )


def test_pictures_of_one_colour() -> None:
    """Two pages of one colour each are no near duplicates of each other."""
    pages = [Image.new("RGB", (300, 300), colour) for colour in ("red", "navy", "white")]
    files = [encoded(page) for page in pages]
    apart = [distance(one, other) for one in files for other in files if one is not other]
    assert min(apart) > NEAR_BITS


def trimmed(picture: Image.Image, share: float) -> Image.Image:
    """Return the picture without that share of each side."""
    x, y = picture.width * share, picture.height * share
    return picture.crop((int(x), int(y), int(picture.width - x), int(picture.height - y)))


CHANGES = {
    "half-size": lambda p: encoded(p.resize((p.width // 2, p.height // 2)), quality=85),
    "recompressed": lambda p: encoded(p, quality=30),
    "another-format": lambda p: encoded(p, "WEBP", quality=60),
    "trimmed-1-percent": lambda p: encoded(trimmed(p, 0.01)),
    "brighter": lambda p: encoded(ImageEnhance.Brightness(p).enhance(1.15)),
    "darker": lambda p: encoded(ImageEnhance.Brightness(p).enhance(0.8)),
    "more-contrast": lambda p: encoded(ImageEnhance.Contrast(p).enhance(1.3)),
    "grey": lambda p: encoded(p.convert("L")),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_near_duplicates_are_near(change) -> None:
    """What a person calls the same picture lies within the default distance."""
    pictures = [a_picture(seed, 640, 480) for seed in range(12)]
    assert max(distance(encoded(one), change(one)) for one in pictures) <= NEAR_BITS


def test_different_pictures_are_far() -> None:
    """No two of a hundred different pictures lie within the default distance."""
    hashes = [int(perceptual_hash(an_image(seed)), 16) for seed in range(100)]
    apart = [(a ^ b).bit_count() for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(apart) > NEAR_BITS


def test_only_images_have_hashes() -> None:
    """Asking for the hash of something else is a mistake of ours."""
    with pytest.raises(InvariantBroken):
        perceptual_hash(b"<html>")
