"""The eight things that the pictures show, each drawn so that a person names it at a glance."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from pixcrawler.host.stack.website.pen import INK, Colour, Pen, Point, oval

_GREENS: list[Colour] = [(58, 140, 60), (90, 165, 62), (34, 112, 70), (128, 160, 40)]
_BARKS: list[Colour] = [(112, 72, 44), (140, 95, 60), (88, 60, 48)]
_BRIGHTS: list[Colour] = [
    (214, 40, 40),
    (240, 128, 28),
    (38, 100, 196),
    (128, 60, 170),
    (18, 148, 140),
    (222, 70, 140),
    (244, 196, 48),
]
_WALLS: list[Colour] = [(236, 214, 170), (222, 150, 120), (206, 222, 232), (244, 236, 220)]
_ROOFS: list[Colour] = [(168, 48, 40), (96, 60, 50), (60, 84, 128), (70, 70, 78)]
_APPLES: list[Colour] = [
    (206, 34, 38),
    (170, 24, 44),
    (122, 178, 48),
    (226, 186, 52),
    (220, 80, 60),
]
_WATER: Colour = (150, 205, 232)
_GLASS: Colour = (176, 220, 240)
_WHITE: Colour = (250, 250, 246)
_YELLOW: Colour = (250, 208, 60)


def lighter(colour: Colour, share: float) -> Colour:
    """Return ``colour`` moved towards white (share > 0) or black (share < 0)."""
    goal = 255 if share > 0 else 0
    red, green, blue = (round(part + (goal - part) * abs(share)) for part in colour)
    return red, green, blue


def apple(pen: Pen, chance: random.Random) -> None:
    """Draw an apple with a stalk and a leaf."""
    skin = chance.choice(_APPLES)
    outline: list[Point] = []
    for step in range(72):
        angle = 2 * math.pi * step / 72
        # A heart-like circle: a dent above, a smaller one below.
        dent = 0.30 * math.exp(-((math.sin(angle / 2 - 3 * math.pi / 4) / 0.22) ** 2))
        foot = 0.10 * math.exp(-((math.sin(angle / 2 - math.pi / 4) / 0.14) ** 2))
        reach = 0.86 - dent - foot
        outline.append((reach * math.cos(angle) * 1.02, 0.14 + reach * math.sin(angle)))
    pen.area(outline, skin)
    pen.oval((0.42, 0.34), (0.28, 0.46), lighter(skin, -0.16), turn=0.3, ink=0)
    pen.oval((-0.44, -0.18), (0.15, 0.24), lighter(skin, 0.55), turn=0.5, ink=0)
    pen.line([(0.0, -0.42), (0.03, -0.7), (0.1, -0.92)], chance.choice(_BARKS), 0.09)
    leaf = chance.choice(_GREENS)
    pen.oval((0.38, -0.76), (0.3, 0.13), leaf, turn=-0.35)
    pen.line([(0.13, -0.68), (0.6, -0.84)], lighter(leaf, -0.4), 0.025)


def house(pen: Pen, chance: random.Random) -> None:
    """Draw a house: wall, gable roof, chimney, door, windows."""
    wall, roof, door = chance.choice(_WALLS), chance.choice(_ROOFS), chance.choice(_BRIGHTS)
    side = chance.choice([-1, 1])
    pen.area([(0.36, -0.9), (0.58, -0.9), (0.58, -0.3), (0.36, -0.3)], lighter(roof, -0.25))
    pen.area([(-0.74, -0.14), (0.74, -0.14), (0.74, 0.9), (-0.74, 0.9)], wall)
    pen.area([(-0.96, -0.1), (0, -0.86), (0.96, -0.1)], roof)
    pen.area([(x * side, y) for x, y in ((0.1, 0.9), (0.1, 0.3), (0.46, 0.3), (0.46, 0.9))], door)
    pen.oval((0.38 * side, 0.62), (0.035, 0.035), _YELLOW, ink=0)
    for x, y in [(-0.52 * side, 0.12), (-0.52 * side, 0.56), (0.0, -0.44)]:
        half = 0.17 if y > 0 else 0.12
        pen.area(
            [
                (x - half, y - half),
                (x + half, y - half),
                (x + half, y + half),
                (x - half, y + half),
            ],
            _GLASS,
        )
        pen.line([(x, y - half), (x, y + half)], width=0.03)
        pen.line([(x - half, y), (x + half, y)], width=0.03)


def fish(pen: Pen, chance: random.Random) -> None:
    """Draw a fish from the side, swimming to the left."""
    skin, fins = chance.sample(_BRIGHTS, 2)
    pen.area([(0.46, 0.0), (0.98, -0.46), (0.86, 0.0), (0.98, 0.46)], fins)
    pen.area([(-0.2, -0.36), (0.1, -0.76), (0.42, -0.62), (0.36, -0.24)], fins)
    pen.area([(-0.1, 0.34), (0.12, 0.66), (0.32, 0.52), (0.26, 0.24)], fins)
    body = oval((0.0, 0.66), (1.0, 1.1), 0, (0.59, 0.91))
    belly = oval((0.0, -0.66), (1.0, 1.1), 0, (0.09, 0.41))
    left, right = -0.84, 0.6
    top = [(left + (right - left) * (x + 0.84) / 1.68, y) for x, y in body]
    bottom = [(left + (right - left) * (x + 0.84) / 1.68, y) for x, y in belly]
    pen.area([*top, *bottom], skin)
    for x in (-0.22, 0.02, 0.24):
        height = 0.36 - abs(x) * 0.42
        pen.line(
            [(x, -height), (x + 0.08, 0.0), (x, height)],
            lighter(skin, chance.choice([0.5, -0.4])),
            0.07,
        )
    pen.line([(-0.38, -0.3), (-0.3, 0.0), (-0.38, 0.3)], INK, 0.035)
    pen.oval((-0.54, -0.1), (0.12, 0.12), _WHITE)
    pen.oval((-0.57, -0.1), (0.055, 0.055), INK, ink=0)
    pen.line([(-0.8, 0.14), (-0.66, 0.17), (-0.56, 0.12)], INK, 0.03)


def star(pen: Pen, chance: random.Random) -> None:
    """Draw a five-pointed star."""
    skin = chance.choice([_YELLOW, (255, 168, 28), *_BRIGHTS])
    inner = chance.uniform(0.38, 0.46)

    def ring(scale: float) -> list[Point]:
        corners = []
        for step in range(10):
            reach = scale * (1.0 if step % 2 == 0 else inner)
            angle = math.pi * step / 5 - math.pi / 2
            corners.append((reach * math.cos(angle), reach * math.sin(angle)))
        return corners

    outline = ring(1.0)
    pen.area(outline, skin, ink=0.05)
    for step in range(0, 10, 2):
        pen.area([(0, 0), outline[step], outline[step + 1]], lighter(skin, 0.35), ink=0)
    pen.line([*outline, outline[0]], INK, 0.05)


def tree(pen: Pen, chance: random.Random) -> None:
    """Draw a tree: a trunk under a round crown or under three tiers of a fir."""
    bark, leaves = chance.choice(_BARKS), chance.choice(_GREENS)
    if chance.random() < 0.4:  # noqa: PLR2004 - four of ten are firs
        pen.area([(-0.11, 0.5), (0.11, 0.5), (0.13, 0.97), (-0.13, 0.97)], bark)
        for top, foot, half in ((0.0, 0.64, 0.72), (-0.5, 0.24, 0.58), (-0.97, -0.22, 0.42)):
            pen.area([(0, top), (half, foot), (-half, foot)], leaves)
        return
    pen.area([(-0.13, 0.1), (0.13, 0.1), (0.2, 0.97), (-0.2, 0.97)], bark)
    pen.line([(0.02, 0.4), (0.3, 0.12)], bark, 0.09)
    pen.line([(-0.02, 0.34), (-0.3, 0.06)], bark, 0.09)
    blobs = [((-0.42, -0.1), 0.42), ((0.42, -0.1), 0.42), ((-0.26, -0.5), 0.4)]
    blobs += [((0.28, -0.52), 0.4), ((0.0, -0.2), 0.48)]
    for ink in (True, False):
        for centre, radius in blobs:
            size = radius + (0.035 if ink else 0.0)
            pen.oval(centre, (size, size), INK if ink else leaves, ink=0)
    for _ in range(9):
        spot = (chance.uniform(-0.55, 0.55), chance.uniform(-0.7, 0.1))
        shade = lighter(leaves, chance.choice([0.28, -0.25]))
        pen.oval(spot, (0.1, 0.06), shade, turn=chance.uniform(0, 3), ink=0)


def car(pen: Pen, chance: random.Random) -> None:
    """Draw a car from the side: body, cabin with windows, two wheels, lamps."""
    paint = chance.choice(_BRIGHTS)
    cabin = [(-0.52, 0.0), (-0.34, -0.44), (0.28, -0.44), (0.56, 0.0)]
    pen.area(cabin, paint)
    pen.area([(-0.4, -0.02), (-0.28, -0.34), (-0.06, -0.34), (-0.06, -0.02)], _GLASS)
    pen.area([(0.04, -0.02), (0.04, -0.34), (0.24, -0.34), (0.44, -0.02)], _GLASS)
    hull = [(-0.96, 0.42), (-0.97, 0.1), (-0.88, -0.02), (0.56, -0.02), (0.9, 0.08), (0.98, 0.42)]
    pen.area(hull, paint)
    pen.line([(-0.92, 0.3), (0.94, 0.3)], lighter(paint, -0.4), 0.05)
    pen.line([(0.0, 0.0), (0.0, 0.38)], lighter(paint, -0.55), 0.025)
    pen.oval((0.88, 0.18), (0.07, 0.06), _YELLOW)
    pen.area([(-0.97, 0.12), (-0.88, 0.12), (-0.88, 0.24), (-0.97, 0.24)], (210, 30, 40))
    for x in (-0.52, 0.52):
        pen.oval((x, 0.42), (0.25, 0.25), (40, 40, 46))
        pen.oval((x, 0.42), (0.12, 0.12), (196, 198, 204))


def flower(pen: Pen, chance: random.Random) -> None:
    """Draw a flower: petals around a heart, a stalk, two leaves."""
    petals, leaf = chance.choice(_BRIGHTS), chance.choice(_GREENS)
    heart = _YELLOW if petals != _BRIGHTS[-1] else (150, 84, 36)
    count = chance.choice([5, 6, 8])
    pen.line([(0.0, -0.2), (0.04, 0.4), (0.0, 0.98)], lighter(leaf, -0.45), 0.11)
    pen.line([(0.0, -0.2), (0.04, 0.4), (0.0, 0.98)], leaf, 0.07)
    pen.oval((0.28, 0.56), (0.28, 0.11), leaf, turn=-0.5)
    pen.oval((-0.24, 0.72), (0.26, 0.1), leaf, turn=0.5)
    for step in range(count):
        angle = 2 * math.pi * step / count - math.pi / 2
        centre = (0.4 * math.cos(angle), -0.32 + 0.4 * math.sin(angle))
        pen.oval(centre, (0.3, 0.62 / math.sqrt(count)), petals, turn=angle)
    pen.oval((0.0, -0.32), (0.22, 0.22), heart)


def moon(pen: Pen, chance: random.Random) -> None:
    """Draw a crescent moon with craters."""
    skin = chance.choice([(250, 232, 160), (236, 236, 226), (255, 214, 110)])
    depth = chance.uniform(0.4, 0.52)
    outer = oval((0.0, 0.0), (0.92, 0.92), 0, (0.2, 0.8))
    inner = oval((depth, 0.0), (0.92 - depth * 0.12, 0.86), 0, (0.74, 0.26))
    tip = 0.2 * 2 * math.pi
    ends = (0.92 * math.cos(tip), 0.92 * math.sin(tip))
    inside = [point for point in inner if abs(point[1]) < ends[1]]
    pen.area([*outer, *inside], skin, ink=0.045)
    for x, y, size in ((-0.68, 0.06, 0.1), (-0.56, -0.36, 0.07), (-0.52, 0.46, 0.085)):
        pen.oval((x, y), (size, size), lighter(skin, -0.22), ink=0)


DRAWINGS: dict[str, Callable[[Pen, random.Random], None]] = {
    "apple": apple,
    "house": house,
    "fish": fish,
    "star": star,
    "tree": tree,
    "car": car,
    "flower": flower,
    "moon": moon,
}
