"""Composes one picture: a thing somewhere on a strong soft background, in uneven light."""

from __future__ import annotations

import colorsys
import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from pixcrawler.host.stack.website.pen import Pen
from pixcrawler.host.stack.website.shapes import DRAWINGS

# Cells of the background's random grid: as many as a 64-bit perceptual hash can tell apart, so
# that two pictures of the same thing still have very different hashes.
_CELLS = 7
_LIGHT_CELLS = 6


@dataclass(frozen=True)
class Scene:
    """What decides a picture, apart from its size: the thing and the seed of all chance."""

    category: str
    seed: str


def render(scene: Scene, width: int, height: int) -> Image.Image:
    """Return the picture, RGB, ``width`` x ``height`` px; the same for the same arguments.

    At another size of the same proportions it is the same picture.
    """
    chance = random.Random(scene.seed)  # noqa: S311 - pictures, not secrets
    canvas = _background(chance, width, height)
    side = round(min(width, height) * chance.uniform(0.58, 0.86))
    free_x, free_y = width - side, height - side
    where = (round(free_x * chance.random()), round(free_y * chance.random()))
    pen = Pen(side, chance.uniform(-0.28, 0.28), mirrored=chance.random() < 0.5)  # noqa: PLR2004 - half of them
    DRAWINGS[scene.category](pen, chance)
    thing = pen.finished()
    canvas.paste(thing, where, thing)
    return _lit(canvas, chance)


def _field(chance: random.Random, cells: int, low: float, high: float) -> NDArray[np.float64]:
    values = [chance.random() for _ in range(cells * cells)]
    grid: NDArray[np.float64] = np.array(values).reshape(cells, cells)
    # Pushed towards both ends: strong contrast, whatever the picture shows.
    pushed = 0.5 + np.sign(grid - 0.5) * np.abs(2 * grid - 1) ** 0.5 / 2
    scaled: NDArray[np.float64] = low + (high - low) * pushed
    return scaled


def _background(chance: random.Random, width: int, height: int) -> Image.Image:
    hue, spread = chance.random(), chance.uniform(0.06, 0.2)
    value = _field(chance, _CELLS, 0.12, 0.95)
    shift = _field(chance, _CELLS, -1, 1)
    colours = [
        colorsys.hsv_to_rgb((hue + spread * turn) % 1, 0.28 + 0.3 * (1 - light), light)
        for light, turn in zip(value.flat, shift.flat, strict=True)
    ]
    grid = (np.array(colours).reshape(_CELLS, _CELLS, 3) * 255).astype(np.uint8)
    return Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)


def _lit(canvas: Image.Image, chance: random.Random) -> Image.Image:
    grid = (_field(chance, _LIGHT_CELLS, 0.3, 0.7) * 255).astype(np.uint8)
    light = Image.fromarray(grid).resize(canvas.size, Image.Resampling.BICUBIC)
    return ImageChops.soft_light(canvas, Image.merge("RGB", (light, light, light)))
