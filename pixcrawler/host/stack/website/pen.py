"""Draws filled outlines in unit coordinates onto a small transparent picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeAlias

from PIL import Image, ImageDraw

Colour: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float]

_OVERSAMPLING = 2
_ELLIPSE_POINTS = 56
INK: Colour = (26, 22, 30)


class Pen:
    """A turned and mirrored unit square, -1..1 to the right and downwards, drawn smoothly.

    Args:
        side_px: the side of the finished picture.
        turn: the angle by which everything is turned, in radians.
        mirrored: left and right exchanged.
        ink: the width of outlines, in units.
    """

    def __init__(
        self, side_px: int, turn: float = 0.0, *, mirrored: bool = False, ink: float = 0.035
    ) -> None:
        self._side = side_px * _OVERSAMPLING
        self._cos, self._sin = math.cos(turn), math.sin(turn)
        self._sign = -1 if mirrored else 1
        self._ink = ink
        self._image = Image.new("RGBA", (self._side, self._side), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self._image)

    def area(self, points: Iterable[Point], fill: Colour, *, ink: float | None = None) -> None:
        """Fill the area inside ``points`` and draw its outline; ``ink=0`` draws none."""
        corners = [self._place(point) for point in points]
        self._draw.polygon(corners, fill=(*fill, 255))
        width = self._ink if ink is None else ink
        if width:
            self._stroke([*corners, corners[0]], INK, width)

    def line(self, points: Iterable[Point], colour: Colour = INK, width: float = 0.05) -> None:
        """Draw a line through ``points`` with round ends."""
        self._stroke([self._place(point) for point in points], colour, width)

    def oval(
        self,
        centre: Point,
        radii: Point,
        fill: Colour,
        *,
        turn: float = 0.0,
        ink: float | None = None,
    ) -> None:
        """Fill an ellipse, turned by ``turn`` radians about its centre."""
        self.area(oval(centre, radii, turn), fill, ink=ink)

    def finished(self) -> Image.Image:
        """Return the picture, RGBA, ``side_px`` square."""
        return self._image.reduce(_OVERSAMPLING)

    def _place(self, point: Point) -> Point:
        x, y = point[0] * self._sign, point[1]
        half = self._side / 2
        # A margin keeps turned corners inside.
        scale = half * 0.86
        return (
            half + scale * (x * self._cos - y * self._sin),
            half + scale * (x * self._sin + y * self._cos),
        )

    def _stroke(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        thickness = max(2, round(width * self._side / 2))
        radius = thickness / 2
        for start, end in pairwise(points):
            self._draw.line([start, end], fill=(*colour, 255), width=thickness)
        for x, y in points:
            self._draw.ellipse(
                (x - radius, y - radius, x + radius, y + radius), fill=(*colour, 255)
            )


def oval(centre: Point, radii: Point, turn: float = 0.0, part: Point = (0.0, 1.0)) -> list[Point]:
    """Return points of an ellipse, or of the ``part`` of it between two fractions of a turn."""
    cos, sin = math.cos(turn), math.sin(turn)
    points = []
    for step in range(_ELLIPSE_POINTS + 1):
        angle = 2 * math.pi * (part[0] + (part[1] - part[0]) * step / _ELLIPSE_POINTS)
        x, y = radii[0] * math.cos(angle), radii[1] * math.sin(angle)
        points.append((centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos))
    return points
