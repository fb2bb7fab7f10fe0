"""Sharding: a query of which an engine gives only so much is asked again in narrower parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import get_args

from pixcrawler.domain.engine import EngineCard, Honour
from pixcrawler.domain.filters import Aspect, Color, FilterName, Filters, License, Size
from pixcrawler.pipeline.discovery.sift import BELOW_PIXELS

FIRST_YEAR = 2005
"""Ranges of days are cut back to here; what is older comes in one part. Few pictures of the web
are dated earlier, and search engines know most of those by the day they saw them first."""

_KINDS = ("photo", "clipart", "drawing", "face")
_LICENSES: tuple[License, ...] = ("public_domain", "commercial", "modification")
"""They overlap, but each is less than all."""
_LANGUAGES = ("en", "es", "de", "fr", "ja", "pt", "ru", "zh", "it", "pl")
"""Those of most pages of the web."""
_MONTHS = 12

Path = Sequence[int]
"""Which part is asked: at each level of the tree the number of the branch; empty for the whole."""


@dataclass
class Shards:
    """The tree of parts that queries are cut into for one engine.

    Each part narrows the job's own filters and contradicts none. A part that is still too much is
    cut again, by the next filter of the card, days by halves. What is kept of it is a path.

    Args:
        today: the last day that there can be pictures of; None: days are not cut.
    """

    card: EngineCard
    filters: Filters
    today: date | None = None
    _branches: dict[tuple[int, ...], list[Filters]] = field(default_factory=dict)

    def at(self, path: Path) -> Filters | None:
        """Return the filters of a part; None when there is no such part."""
        if not path:
            return self.filters
        branches = self._below(tuple(path[:-1]))
        return branches[path[-1]] if path[-1] < len(branches) else None

    def after(self, path: Path, *, is_capped: bool) -> list[int] | None:
        """Return the part to be asked after one that is done, or None when it was the last.

        Args:
            path: the part that is done.
            is_capped: the engine has more of it than it gave: its own parts come next.
        """
        if is_capped and self._below(tuple(path)):
            return [*path, 0]
        above = list(path)
        while above:
            branch = above.pop() + 1
            if branch < len(self._below(tuple(above))):
                return [*above, branch]
        return None

    def _below(self, path: tuple[int, ...]) -> list[Filters]:
        if path not in self._branches:
            filters = self.at(path)
            self._branches[path] = self._cut(filters) if filters else []
        return self._branches[path]

    def _cut(self, filters: Filters) -> list[Filters]:
        """Return the parts by the first filter that still cuts."""
        for name in self.card.shards:
            if self.card.filters.get(name) is Honour.SEARCHED:
                parts = [
                    part
                    for part in self._parts(name, filters)
                    if self.card.honour(name, part) is Honour.SEARCHED
                ]
                if len(parts) > 1:
                    return parts
        return []

    def _parts(self, name: FilterName, filters: Filters) -> Iterator[Filters]:
        if name is FilterName.DATE:
            yield from _halves(filters, self.today)
        elif name in _VALUES and getattr(filters, name.value) in ("any", None):
            for value in _VALUES[name](filters):
                yield filters.model_copy(update={name.value: value})


def _sizes(filters: Filters) -> Iterator[str]:
    """Without those that the wished width and height rule out."""
    least_pixels = filters.min_width * filters.min_height
    for size in get_args(Size)[1:]:
        if least_pixels < BELOW_PIXELS.get(size, least_pixels + 1):
            yield size


def _aspects(filters: Filters) -> Iterator[str]:
    is_square = filters.max_aspect_ratio <= 1.1  # noqa: PLR2004 - where wide and tall begin
    yield from ("square",) if is_square else get_args(Aspect)[1:]


def _colors(_: Filters) -> Iterator[str]:
    """Each colour by itself; "color" is all of them."""
    yield from (color for color in get_args(Color)[1:] if color != "color")


def _languages(filters: Filters) -> Iterator[str]:
    """None in a region that was asked for: its own languages are what is wished."""
    yield from () if filters.region else _LANGUAGES


_VALUES: dict[FilterName, Callable[[Filters], Iterator[str]]] = {
    FilterName.SIZE: _sizes,
    FilterName.ASPECT: _aspects,
    FilterName.COLOR: _colors,
    FilterName.TYPE: lambda _: iter(_KINDS),
    FilterName.LICENSE: lambda _: iter(_LICENSES),
    FilterName.LANGUAGE: _languages,
}


def _halves(filters: Filters, today: date | None) -> Iterator[Filters]:
    """The newer and the older half of a range of days, cut between years, then months."""
    last = min(filter(None, (filters.until, today)), default=None)
    if today is None or last is None:
        return
    first = max(filters.since or date.min, date(FIRST_YEAR, 1, 1))
    oldest, newest = _month(first), _month(last)
    if oldest // _MONTHS < newest // _MONTHS:
        years = (oldest // _MONTHS + newest // _MONTHS + 1) // 2
        middle = years * _MONTHS
    else:
        middle = (oldest + newest + 1) // 2
    if not oldest < middle <= newest:
        return
    start = date(middle // _MONTHS, middle % _MONTHS + 1, 1)
    yield filters.model_copy(update={"since": start})
    yield filters.model_copy(update={"until": start - timedelta(days=1)})


def _month(day: date) -> int:
    """Months since the year 0."""
    return day.year * _MONTHS + day.month - 1
