"""The pictures of the engine town: thousands of different ones, drawn from their number."""

from __future__ import annotations

import io
import random
from dataclasses import dataclass

import numpy as np
from PIL import Image

GONE_SHARE = 0.03
SMALL_SHARE = 0.03


@dataclass(frozen=True)
class Picture:
    """One picture that any engine may list."""

    number: int
    width: int
    height: int
    is_gone: bool
    """404 for whoever fetches it."""
    is_small: bool
    """Smaller than every engine says: 96 pixels wide."""

    @property
    def title(self) -> str:
        return f"Picture no. {self.number}"

    @property
    def creator(self) -> str:
        return f"Painter {self.number % 97}"


def picture(number: int) -> Picture:
    """What is true of a picture."""
    chance = random.Random(f"picture/{number}")
    width, height = chance.choice([(320, 240), (240, 320), (300, 300), (400, 260)])
    fate = chance.random()
    is_small = GONE_SHARE <= fate < GONE_SHARE + SMALL_SHARE
    return Picture(number, width, height, fate < GONE_SHARE, is_small)


def drawn(shown: Picture) -> bytes:
    """The picture's file: soft coloured noise that no other picture resembles."""
    noise = np.random.default_rng(shown.number).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    size = (96, 72) if shown.is_small else (shown.width, shown.height)
    picture_file = io.BytesIO()
    Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(
        picture_file, "JPEG", quality=80
    )
    return picture_file.getvalue()
