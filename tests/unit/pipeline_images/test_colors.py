"""Colours that a job asks for are measured on the pictures themselves."""

from __future__ import annotations

import colorsys
from typing import get_args

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pixcrawler.domain.filters import Color
from pixcrawler.pipeline.limits import COLOR_SIDE_PX
from pixcrawler.pipeline.pictures.colors import color_flaw
from pixcrawler.pipeline.pictures.imaging import Flaw, small_copy
from tests.factories import a_picture, an_image, encoded, sixteen_bits, with_alpha

NAMED = {
    "red": (200, 20, 30),
    "orange": (250, 140, 20),
    "yellow": (245, 220, 40),
    "green": (40, 140, 60),
    "teal": (20, 150, 150),
    "blue": (30, 80, 200),
    "purple": (120, 40, 160),
    "pink": (250, 130, 180),
    "brown": (110, 70, 30),
    "black": (15, 15, 18),
    "white": (248, 248, 246),
}


def _with_patch(color: tuple[int, int, int], share: float, ground=(128, 128, 128)) -> Image.Image:
    """A ground of which a share is covered."""
    picture = Image.new("RGB", (640, 480), ground)
    ImageDraw.Draw(picture).rectangle((0, 0, round(640 * share) - 1, 479), fill=color)
    return picture


def _flaw(picture: Image.Image, wish: str, file_format: str = "PNG", **options) -> str | None:
    copy = small_copy(encoded(picture, file_format, **options), COLOR_SIDE_PX)
    assert not isinstance(copy, Flaw), copy
    return color_flaw(copy, wish)


@pytest.mark.parametrize("name", list(NAMED))
def test_a_notable_share_of_a_colour_is_enough(name):
    """An eighth of the picture is; half of it is not, and the detail says how much it was."""
    assert _flaw(_with_patch(NAMED[name], 1 / 8), name) is None
    assert _flaw(_with_patch(NAMED[name], 1 / 16), name) == f"6% of it is {name}"


def test_dark_colours_are_colours():
    """How much of a colour there is, is told by the brightest channel."""
    assert _flaw(_with_patch((80, 0, 0), 1 / 2), "red") is None


@pytest.mark.parametrize("name", list(NAMED))
def test_opposites_are_not_taken_for_each_other(name):
    """No named colour is mistaken for one that nobody would confuse it with."""
    near = {
        "red": {"pink"},
        "orange": {"yellow", "brown"},
        "yellow": {"orange"},
        "green": {"teal"},
        "teal": {"green", "blue"},
        "blue": {"teal", "purple"},
        "purple": {"blue", "pink"},
        "pink": {"red", "purple"},
        "brown": {"orange"},
        "black": set(),
        "white": set(),
    }[name]
    whole = Image.new("RGB", (320, 240), NAMED[name])
    called = {other for other in NAMED if _flaw(whole, other) is None}
    assert name in called
    assert called <= near | {name}


def test_every_colour_has_a_name():
    """Of all bright and dark colours, each is called by at least one name, or grey."""
    for hue in range(0, 360, 3):
        for saturation, value in [(1, 1), (1, 0.6), (0.6, 0.8), (0.4, 0.9)]:
            rgb = colorsys.hsv_to_rgb(hue / 360, saturation, value)
            pixel = np.array([[[*(round(255 * part) for part in rgb), 255]]], dtype=np.uint8)
            assert any(color_flaw(pixel, name) is None for name in NAMED), (hue, saturation, value)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_grey_and_coloured_pictures_are_told_apart(file_format):
    """Grey is what has no colour, also in a file that could have; and the other way round."""
    coloured = a_picture(3, 500, 400)
    grey = coloured.convert("L")
    for picture, wish, other in [
        (coloured, "color", "gray"),
        (grey.convert("RGB"), "gray", "color"),
    ]:
        assert _flaw(picture, wish, file_format) is None
        assert _flaw(picture, other, file_format)
    if file_format != "WEBP":
        assert _flaw(grey, "gray", file_format) is None


def test_a_coloured_stamp_on_a_grey_picture_does_not_matter():
    """A hundredth in colour leaves it grey; a tenth does not."""
    assert _flaw(_with_patch((200, 20, 30), 0.01), "gray") is None
    assert _flaw(_with_patch((200, 20, 30), 0.1), "gray") == "it is coloured"
    assert _flaw(_with_patch((112, 66, 20), 1.0), "gray")


def test_transparent_pictures_are_transparent_somewhere():
    """Alpha counts when it hides something: not a channel that is full, not round corners."""
    picture = a_picture(3, 500, 400)
    assert _flaw(with_alpha(picture), "transparent") is None
    assert _flaw(with_alpha(picture), "transparent", "WEBP", lossless=True) is None
    assert _flaw(picture.convert("RGBA"), "transparent") == "0% of it is transparent"
    assert _flaw(picture, "transparent", "JPEG")
    corners = picture.convert("RGBA")
    corners.paste((0, 0, 0, 0), (0, 0, 20, 20))
    assert _flaw(corners, "transparent")


def test_what_is_not_to_be_seen_has_no_colour():
    """The colour below full transparency does not count, and nothing at all is no colour."""
    hidden = Image.new("RGBA", (300, 300), (200, 20, 30, 0))
    assert _flaw(hidden, "red") == "all of it is transparent"
    assert _flaw(hidden, "transparent") is None
    hidden.paste((30, 80, 200, 255), (0, 0, 100, 300))
    assert _flaw(hidden, "red") == "0% of it is red"
    assert _flaw(hidden, "blue") is None
    assert _flaw(Image.new("RGBA", (300, 300), (200, 20, 30, 127)), "transparent") is None
    assert _flaw(Image.new("RGBA", (300, 300), (200, 20, 30, 128)), "red") is None


@pytest.mark.parametrize(
    ("picture", "file_format"),
    [
        (a_picture(1, 900, 300).convert("P"), "PNG"),
        (a_picture(1, 900, 300).convert("L"), "JPEG"),
        (a_picture(1, 900, 300).convert("LA"), "PNG"),
        (a_picture(1, 900, 300).convert("1"), "PNG"),
        (a_picture(1, 900, 300).convert("CMYK"), "JPEG"),
        (sixteen_bits(a_picture(1, 900, 300)), "PNG"),
        (a_picture(1, 30, 20), "PNG"),
    ],
    ids=["palette", "grey", "grey-alpha", "bits", "cmyk", "16-bit", "tiny"],
)
def test_every_kind_of_pixel_has_a_small_copy(picture, file_format):
    """Whatever the file's own pixels are, the copy is small and has four channels."""
    copy = small_copy(encoded(picture, file_format), COLOR_SIDE_PX)
    assert copy.dtype == np.uint8
    assert copy.shape[2] == 4
    assert max(copy.shape[:2]) == min(COLOR_SIDE_PX, max(picture.size))


def test_a_print_s_four_inks_give_the_colour_seen():
    """CMYK is shown as people see it."""
    whole = Image.new("RGB", (320, 240), NAMED["red"]).convert("CMYK")
    assert _flaw(whole, "red", "JPEG") is None


@pytest.mark.parametrize("data", [b"", b"<html>", b"\xff\xd8\xff", an_image(0)[:600]])
def test_bytes_that_are_no_picture_have_a_flaw(data):
    """Nothing raises, whatever the bytes."""
    assert isinstance(small_copy(data, COLOR_SIDE_PX), Flaw)


def test_any_colour_is_right():
    """Every wish of the job file is known."""
    copy = small_copy(an_image(0), COLOR_SIDE_PX)
    assert color_flaw(copy, "any") is None
    for wish in get_args(Color):
        flaw = color_flaw(copy, wish)
        assert flaw is None or isinstance(flaw, str)
