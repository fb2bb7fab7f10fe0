"""Sifting: finds that cannot be what the job asks for are left out before they are downloaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from pixcrawler.domain.engine import EngineCard, Honour
from pixcrawler.domain.filters import FilterName, Filters
from pixcrawler.domain.job import UPLOAD_ENGINE, URL_ENGINE
from pixcrawler.domain.licenses import permits, rights_of
from pixcrawler.pipeline.engines.ports import Find

OWN_LISTS = frozenset({URL_ENGINE, UPLOAD_ENGINE})
"""Engines that give what the person chose picture by picture: nothing of it is left out unseen."""

FAR_BELOW = 2
"""A stated side that is so many times too short is believed; engines are wrong by less."""

BELOW_PIXELS = {"small": 100_000, "medium": 1_000_000, "large": 8_000_000}
"""A picture of the class has fewer pixels, and none of the class before; the rest is huge."""

_SQUARE = (0.9, 1.1)
_WORDS = re.compile(r"[^\W_]+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff]")
"""Scripts that are written without spaces: a word is found anywhere in them."""


@dataclass(frozen=True)
class Sieve:
    """What is left out of an engine's answers, by what the engine itself says of its finds."""

    card: EngineCard
    filters: Filters

    def is_left_out(self, find: Find, excluded: Excluded, *, has_larger: bool = False) -> bool:
        """Say whether a find cannot be wanted, however it turns out when it is downloaded.

        Only evidence counts. A licence that is not stated is none, unless the engine looked
        for nothing else; nor is a day. A stated licence or day always decides. ``has_larger``: a
        larger original is known, and the stated size is not that of the picture.
        """
        if self.card.name in OWN_LISTS:
            return False
        return (
            (not has_larger and self._is_far_too_small(find))
            or excluded.is_in(find.provenance.title)
            or (self._asks_license and not self._is_licensed(find))
            or (self._asks_date and not self._is_of_its_time(find))
            or (self._sifts_shape and not has_larger and not self._is_in_shape(find))
        )

    @cached_property
    def _asks_license(self) -> bool:
        return self.filters.license != "any"

    @cached_property
    def _asks_date(self) -> bool:
        return bool(self.filters.since or self.filters.until)

    @cached_property
    def _sifts_shape(self) -> bool:
        wished = self.filters.wished() & {FilterName.SIZE, FilterName.ASPECT}
        return any(self._honour(name) is Honour.SIFTED for name in wished)

    def _honour(self, name: FilterName) -> Honour | None:
        return self.card.honour(name, self.filters)

    @cached_property
    def _least_px(self) -> tuple[int, int]:
        sides = sorted((self.filters.min_width, self.filters.min_height))
        return sides[0], sides[1]

    def _is_far_too_small(self, find: Find) -> bool:
        """A picture may lie on its side: the shorter side is compared with the shorter."""
        if not (find.width and find.height):
            return False
        shorter, longer = sorted((find.width, find.height))
        least_shorter, least_longer = self._least_px
        return shorter * FAR_BELOW < least_shorter or longer * FAR_BELOW < least_longer

    def _is_licensed(self, find: Find) -> bool:
        stated = find.provenance
        if not (stated.license or stated.license_url):
            return self._honour(FilterName.LICENSE) is Honour.SEARCHED
        rights = rights_of(stated.license, stated.license_url)
        return rights is not None and permits(rights, self.filters.license)

    def _is_of_its_time(self, find: Find) -> bool:
        published, filters = find.provenance.published, self.filters
        if published is None:
            return self._honour(FilterName.DATE) is not Honour.SIFTED
        is_late_enough = filters.since is None or filters.since <= published
        return is_late_enough and (filters.until is None or published <= filters.until)

    def _is_in_shape(self, find: Find) -> bool:
        if not (find.width and find.height):
            return True
        stated = {
            FilterName.SIZE: size_of(find.width, find.height),
            FilterName.ASPECT: aspect_of(find.width, find.height),
        }
        return all(
            self._honour(name) is not Honour.SIFTED
            or getattr(self.filters, name.value) in ("any", is_like)
            for name, is_like in stated.items()
        )


class Excluded:
    """Words and phrases that a title must not have: whole words, in any case."""

    def __init__(self, phrases: tuple[str, ...]) -> None:
        folded = [phrase.casefold() for phrase in phrases]
        self._parts = tuple(phrase for phrase in folded if _UNSPACED.search(phrase))
        self._phrases = tuple(
            f" {words} "
            for phrase in folded
            if not _UNSPACED.search(phrase) and (words := _words(phrase))
        )

    def is_in(self, title: str | None) -> bool:
        """Say whether the title has any of them."""
        if not title or not (self._phrases or self._parts):
            return False
        folded = title.casefold()
        words = f" {_words(folded)} "
        return any(one in words for one in self._phrases) or any(
            one in folded for one in self._parts
        )


def size_of(width: int, height: int) -> str:
    """Return the size class of a picture, as ``Filters.size`` defines it."""
    pixels = width * height
    return next((size for size, most in BELOW_PIXELS.items() if pixels < most), "huge")


def aspect_of(width: int, height: int) -> str:
    """Return the aspect of a picture, as ``Filters.aspect`` defines it."""
    ratio = width / height
    if ratio > _SQUARE[1]:
        return "wide"
    return "tall" if ratio < _SQUARE[0] else "square"


def _words(folded: str) -> str:
    """Every word of a text, one blank between them; ``_`` and hyphens part words."""
    return " ".join(_WORDS.findall(folded))
