"""What the website has: good pictures, and among them faults that a crawler must cope with."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

from pixcrawler.host.stack.errors import CannotStart
from pixcrawler.host.stack.files import read_json, write_json
from pixcrawler.host.stack.website.phash import distance, perceptual_hash
from pixcrawler.host.stack.website.scene import Scene, render
from pixcrawler.host.stack.website.shapes import DRAWINGS

# Part of every cached file's place: raise it when a picture changes.
VERSION = 2
# Two good pictures differ in at least this many of 64 bits when drawn small, which keeps their
# files more than 10 bits apart (drawn large and compressed, a hash moves by 0 to 4 bits).
_FARTHEST_REFUSED_BITS = 16
_DRAFT_PX = 128
_FAULTY_SHARE = 0.2
_FEWEST_FAULTS = 3
_AWKWARD_EVERY = 9
_MOST_DRIPPING = 2  # each costs a crawler its whole deadline
_THROTTLED_BELOW = 18  # of a category: each makes a polite crawler wait with the whole website
_SMALLEST_PX, _LARGEST_PX = 320, 1200
_ASPECTS = (1.0, 4 / 3, 3 / 2, 3 / 4, 2 / 3, 5 / 4)
_FORMATS = ("jpeg", "jpeg", "jpeg", "png", "webp")
_SUFFIXES = {"jpeg": "jpg", "png": "png", "webp": "webp", "gif": "gif", "bmp": "bmp", "svg": "svg"}
_ADJECTIVES = (
    *("Little", "Bright", "Quiet", "Old", "Merry", "Bold"),
    *("Early", "Late", "Lucky", "Gentle", "Proud", "Plain"),
)


class Fault(StrEnum):
    """What is wrong with a planted file; none of these belongs into a dataset."""

    TRUNCATED = "truncated"
    HTML = "html"
    TINY = "tiny"
    EXACT_DUPLICATE = "exact_duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    GONE = "gone"
    FORBIDDEN = "forbidden"
    SERVER_ERROR = "server_error"
    REDIRECT_LOOP = "redirect_loop"
    PRIVATE_REDIRECT = "private_redirect"
    BOMB = "bomb"
    DRIPPING = "dripping"
    GARBAGE = "garbage"
    ANIMATED_GIF = "animated_gif"
    ANIMATED_WEBP = "animated_webp"
    UNSUPPORTED = "unsupported"
    ASPECT = "aspect"
    DISALLOWED = "disallowed"
    NOAI = "noai"
    RESERVED = "reserved"


class Awkward(StrEnum):
    """How a good picture is served to test a crawler's patience; all of these are to be kept."""

    SLOW = "slow"
    THROTTLED = "throttled"
    NO_LENGTH = "no_length"
    WRONG_TYPE = "wrong_type"
    REDIRECT = "redirect"
    ODD_NAME = "odd_name"


@dataclass(frozen=True)
class Picture:
    """One entry of the website: what it shows, what its file is like, how it is served.

    ``width`` and ``height`` are what the search says; where there is a fault, the file differs.
    """

    id: str
    category: str
    title: str
    scene: Scene
    width: int
    height: int
    format: str
    name: str
    fault: Fault | None = None
    awkward: Awkward | None = None
    original: str | None = None

    @property
    def path(self) -> str:
        """The path of its file on the website, escaped; robots.txt closes one of the folders."""
        folder = "private" if self.fault == Fault.DISALLOWED else "images"
        return f"/{folder}/{quote(self.name)}"


class Catalogue:
    """All pictures of one website, the same for the same arguments.

    Args:
        seed: decides every picture.
        per_category: good pictures of each category; a larger catalogue has the smaller one's.
        cache: remembers which pictures were drawn anew because they resembled another.
    """

    def __init__(self, seed: int, per_category: int, cache: Path) -> None:
        attempts = _attempts(seed, per_category, cache)
        self.categories: dict[str, list[Picture]] = {}
        planted = _faults(per_category)
        for category in DRAWINGS:
            good = [
                _good(seed, category, number, attempts[f"{category}-{number}"])
                for number in range(per_category)
            ]
            faulty = [
                _faulty(seed, category, number, next(planted), good)
                for number in range(_faults_in(per_category))
            ]
            ranked = [*good, *faulty]
            random.Random(f"{seed}/{category}/ranks").shuffle(ranked)  # noqa: S311 - not a secret
            self.categories[category] = ranked
        self.by_id = {picture.id: picture for picture in self}
        self.by_name = {picture.name: picture for picture in self}

    def __iter__(self) -> Iterator[Picture]:
        return (picture for ranked in self.categories.values() for picture in ranked)


def _faults_in(per_category: int) -> int:
    return max(_FEWEST_FAULTS, round(per_category * _FAULTY_SHARE))


def _faults(per_category: int) -> Iterator[Fault]:
    kinds, dripping = list(Fault), 0
    for number in range(len(DRAWINGS) * _faults_in(per_category)):
        kind = kinds[number % len(kinds)]
        dripping += kind == Fault.DRIPPING
        too_many = kind == Fault.DRIPPING and dripping > _MOST_DRIPPING
        yield Fault.NEAR_DUPLICATE if too_many else kind


def _attempts(seed: int, per_category: int, cache: Path) -> dict[str, int]:
    """Return for each good picture which attempt at drawing it resembles no earlier one."""
    cache.mkdir(parents=True, exist_ok=True)
    remembered = cache / f"attempts-{VERSION}-{seed}-{per_category}.json"
    try:
        known = read_json(remembered)
    except CannotStart:  # damaged: it can be made again
        known = {}
    if known:
        return known
    hashes: list[int] = []
    attempts: dict[str, int] = {}
    # By number before category: the first pictures do not depend on how many follow.
    for number in range(per_category):
        for category in DRAWINGS:
            attempt = 0
            while _resembles(found := _draft_hash(seed, category, number, attempt), hashes):
                attempt += 1
            hashes.append(found)
            attempts[f"{category}-{number}"] = attempt
    write_json(remembered, attempts)
    return attempts


def _resembles(found: int, others: list[int]) -> bool:
    return any(distance(found, other) <= _FARTHEST_REFUSED_BITS for other in others)


def _draft_hash(seed: int, category: str, number: int, attempt: int) -> int:
    picture = _good(seed, category, number, attempt)
    scale = _DRAFT_PX / min(picture.width, picture.height)
    size = (round(picture.width * scale), round(picture.height * scale))
    return perceptual_hash(render(picture.scene, *size))


def _good(seed: int, category: str, number: int, attempt: int) -> Picture:
    awkward = None
    if number % _AWKWARD_EVERY == _AWKWARD_EVERY - 1:
        kinds = list(Awkward)
        turn = number // _AWKWARD_EVERY + list(DRAWINGS).index(category)
        awkward = kinds[turn % len(kinds)]
        if awkward == Awkward.THROTTLED and number >= _THROTTLED_BELOW:
            awkward = Awkward.REDIRECT
    picture_id = f"{category}-{number + 1:03}"
    return _picture(seed, picture_id, category, attempt, awkward=awkward)


def _picture(
    seed: int, picture_id: str, category: str, attempt: int, *, awkward: Awkward | None = None
) -> Picture:
    chance = random.Random(f"{seed}/{picture_id}")  # noqa: S311 - not a secret
    width, height = _size(chance)
    kind = chance.choice(_FORMATS)
    title = f"{chance.choice(_ADJECTIVES)} {category} no. {picture_id.rpartition('-')[2]}"
    name = f"{picture_id}.{_SUFFIXES[kind]}"
    if awkward == Awkward.ODD_NAME:
        name = f"{title.upper()} (ü & 100%).{_SUFFIXES[kind].upper()}"
    scene = Scene(category, f"{seed}/{picture_id}/{attempt}")
    return Picture(picture_id, category, title, scene, width, height, kind, name, awkward=awkward)


def _size(chance: random.Random) -> tuple[int, int]:
    aspect = chance.choice(_ASPECTS)
    shorter = chance.randint(_SMALLEST_PX, round(_LARGEST_PX / max(aspect, 1 / aspect)))
    # Large pictures are rarer, as on the web.
    shorter = min(shorter, chance.randint(_SMALLEST_PX, _LARGEST_PX))
    longer = round(shorter * max(aspect, 1 / aspect))
    return (longer, shorter) if aspect > 1 else (shorter, longer)


_FORMAT_OF_FAULT = {
    Fault.ANIMATED_GIF: "gif",
    Fault.ANIMATED_WEBP: "webp",
    Fault.BOMB: "png",
    Fault.HTML: "jpeg",
    Fault.GARBAGE: "jpeg",
    Fault.TRUNCATED: "jpeg",
    Fault.DRIPPING: "jpeg",
    Fault.RESERVED: "jpeg",
}


def _faulty(seed: int, category: str, number: int, fault: Fault, good: list[Picture]) -> Picture:
    """Plan one planted fault; duplicates are of a good picture of the same category."""
    picture = _picture(seed, f"{category}-x{number + 1:02}", category, 0)
    kind = _FORMAT_OF_FAULT.get(fault, picture.format)
    if fault == Fault.UNSUPPORTED:
        kind = ("bmp", "svg")[list(DRAWINGS).index(category) % 2]
    original = None
    if fault in (Fault.EXACT_DUPLICATE, Fault.NEAR_DUPLICATE) and good:
        chance = random.Random(f"{seed}/{picture.id}/original")  # noqa: S311 - not a secret
        of = chance.choice(good)
        original, picture = of.id, _like(picture, of)
        kind = of.format if fault == Fault.EXACT_DUPLICATE else _other_format(of.format)
    return Picture(
        id=picture.id,
        category=category,
        title=picture.title,
        scene=picture.scene,
        width=picture.width,
        height=picture.height,
        format=kind,
        name=f"{picture.id}.{_SUFFIXES[kind]}",
        fault=fault,
        original=original,
    )


def _like(picture: Picture, original: Picture) -> Picture:
    return Picture(
        picture.id,
        picture.category,
        picture.title,
        original.scene,
        original.width,
        original.height,
        original.format,
        picture.name,
    )


def _other_format(kind: str) -> str:
    return {"jpeg": "webp", "webp": "jpeg", "png": "jpeg"}[kind]
