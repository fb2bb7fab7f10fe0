"""How far each engine has got with each keyword: what it gave, and what to ask it next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pixcrawler.domain.job import UPLOAD_ENGINE, URL_ENGINE
from pixcrawler.domain.source import EngineReport, Provenance, SearchQuery
from pixcrawler.pipeline.discovery.shards import Shards
from pixcrawler.pipeline.discovery.sift import OWN_LISTS
from pixcrawler.pipeline.engines.ports import Page
from pixcrawler.pipeline.limits import (
    CAPPED_SHARE,
    CAPPED_TOTAL,
    MAX_DRY_PAGES,
    MAX_PARTS,
    MAX_POOR_PARTS,
    MAX_SIFTED_PAGES,
    MAX_TROUBLES,
    SATURATION_FINDS,
    SATURATION_PAGES,
    SATURATION_SHARE,
    SHARD_MIN_FINDS,
    TROUBLE_WAIT_MAX_S,
)


@dataclass(frozen=True)
class Found:
    """One find of an engine, with its key and the number of the query that gave it."""

    key: str
    url: str
    query: int
    provenance: Provenance
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class Gain:
    """What a page adds."""

    fresh: list[Found]
    known: int = 0
    """Finds that were there already, from this query, another one or another engine."""
    sifted: int = 0


@dataclass
class Lane:
    """An engine's way through the queries of one keyword, the plain keyword first."""

    category: str
    keyword: str
    queries: list[int]
    """Numbers of the queries that are not used up; the first is the one being asked."""
    cursor: str | None = None
    dry_pages: int = 0
    """Pages in a row without anything new."""
    held: list[Found] = field(default_factory=list)
    """Given by the engine, but not yet a candidate; best first."""
    sifted_pages: int = 0
    """Pages in a row of which nothing was left after sifting."""
    path: list[int] = field(default_factory=list)
    """The part of the query that is being asked (shards.py); empty for the whole."""
    given: int = 0
    """Finds that the part has given."""
    gained: int = 0
    """Of them, new ones."""
    recent: list[tuple[int, int]] = field(default_factory=list)
    """Finds and new finds of the part's last pages."""
    parts: int = 0
    """Of the query, that are done."""
    poor_parts: int = 0
    """Of them, those in a row that gave hardly anything new."""
    unread: list[int] = field(default_factory=list)
    """Numbers of the queries whose answers could not be read."""
    saturated: int = 0
    """Queries that were left because they gave hardly anything new."""

    @property
    def left(self) -> list[int]:
        """Numbers of the queries that somebody else could still ask, in their order."""
        return sorted({*self.queries, *self.unread})

    def next_query(self) -> None:
        """Leave the query that is being asked."""
        self.queries.pop(0)
        self.path, self.parts, self.poor_parts = [], 0, 0
        self._begin()

    def give_up_query(self) -> None:
        """Leave the query that is being asked, because its answer could not be read."""
        self.unread.append(self.queries[0])
        self.next_query()

    def hand_over(self) -> list[int]:
        """Ask nothing more, and return what is left to ask."""
        left, self.queries, self.unread = self.left, [], []
        return left

    def take(self, page: Page, gain: Gain, shards: Shards) -> None:
        """Hold what a good page gave, and move on."""
        self.held += gain.fresh
        self._count(page, gain)
        is_last = page.next_cursor is None or page.next_cursor == self.cursor
        is_worn_out = shards.card.name not in OWN_LISTS and self._is_worn_out(page, shards)
        if not (is_last or is_worn_out):
            self.cursor = page.next_cursor
            return
        is_capped = is_last and self._is_capped(page, shards.card.max_results)
        if is_worn_out and not self.path:
            self.saturated += 1
            is_capped = False
        elif not is_last:
            # What stands first in this part stood first in the whole. Narrower parts reach further.
            is_capped = self.given >= SHARD_MIN_FINDS
        self._next_part(shards, is_capped=is_capped)

    def _count(self, page: Page, gain: Gain) -> None:
        new = len(gain.fresh)
        self.given += len(page.finds)
        self.gained += new
        if new:
            self.dry_pages = self.sifted_pages = 0
        elif gain.sifted:
            self.sifted_pages += 1
        else:
            self.dry_pages += 1
        self.recent.append((new + gain.known, new))
        while len(self.recent) > SATURATION_PAGES and (
            sum(finds for finds, _ in self.recent[1:]) >= SATURATION_FINDS
        ):
            self.recent.pop(0)

    def _is_worn_out(self, page: Page, shards: Shards) -> bool:
        """Whether the part gives nothing more that is worth a request."""
        if self.sifted_pages >= MAX_SIFTED_PAGES:
            return True
        if self.path and page.finds and self.given < _patience(shards.card.max_results):
            # What stands first in a part was given with the whole already.
            return False
        finds, new = (sum(column) for column in zip(*self.recent, strict=True))
        is_enough = len(self.recent) >= SATURATION_PAGES and finds >= SATURATION_FINDS
        is_saturated = is_enough and new < SATURATION_SHARE * finds
        return self.dry_pages >= MAX_DRY_PAGES or is_saturated

    def _is_capped(self, page: Page, max_results: int | None) -> bool:
        """Whether the engine has more of the part than it gave."""
        if self.given < SHARD_MIN_FINDS:
            return False
        if max_results is None:
            return page.total is not None and page.total >= CAPPED_TOTAL * self.given
        if page.total is not None:
            # Less than given may be what the engine itself left out of its answers.
            return page.total > max_results
        return self.given >= CAPPED_SHARE * max_results

    def _next_part(self, shards: Shards, *, is_capped: bool) -> None:
        self.parts += 1
        is_poor = self.gained < max(1, SATURATION_SHARE * self.given)
        self.poor_parts = self.poor_parts + 1 if is_poor else 0
        following = shards.after(self.path, is_capped=is_capped)
        if following is None or self.parts > MAX_PARTS or self.poor_parts >= MAX_POOR_PARTS:
            self.next_query()
        else:
            self.path = following
            self._begin()

    def _begin(self) -> None:
        self.cursor, self.dry_pages, self.sifted_pages = None, 0, 0
        self.given = self.gained = 0
        self.recent = []


@dataclass
class EngineState:
    """Where one engine stands; the report is the one shown with the job."""

    report: EngineReport
    lanes: list[Lane]
    troubles: int = 0
    """Rounds in a row that ended in trouble."""
    pause_s: float = 0.0
    """It ended the last round in trouble, and is to be left alone for so long."""
    remarks: list[str] = field(default_factory=list)
    """What good pages said beside their finds; shown with the report while all is well."""

    @property
    def is_used_up(self) -> bool:
        """Nothing more will be asked: every query is used up, or there was too much trouble."""
        return self.troubles >= MAX_TROUBLES or not any(lane.queries for lane in self.lanes)

    @property
    def is_away(self) -> bool:
        """It is to be left alone for longer than a job waits."""
        return self.pause_s > TROUBLE_WAIT_MAX_S

    def held_keys(self) -> set[str]:
        """Keys of everything held."""
        return {found.key for lane in self.lanes for found in lane.held}


def lanes_of(
    engine: str, queries: Sequence[SearchQuery], *, names_only: bool = False
) -> list[Lane]:
    """One lane for each keyword that the engine can be asked for, in the queries' order.

    An engine that looks names up is not asked for views.
    """
    lanes: dict[tuple[str, str], Lane] = {}
    for number, query in enumerate(queries):
        if _is_for(query, engine) and not (names_only and query.is_view):
            at = (query.category, query.keyword)
            lanes.setdefault(at, Lane(*at, queries=[])).queries.append(number)
    return list(lanes.values())


def _is_for(query: SearchQuery, engine: str) -> bool:
    """The user's own lists and pictures go to the engines that read them, words to all others."""
    if query.addresses:
        return engine == URL_ENGINE
    if query.uploads:
        return engine == UPLOAD_ENGINE
    return engine not in OWN_LISTS


def _patience(max_results: int | None) -> float:
    """Finds of a part before it may be left for giving nothing new."""
    return (max_results or 2 * SATURATION_FINDS) / 2
