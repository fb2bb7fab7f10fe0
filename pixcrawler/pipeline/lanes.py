"""How far each engine has got with each keyword: what it gave, and what to ask it next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.job import UPLOAD_ENGINE, URL_ENGINE
from pixcrawler.domain.source import EngineReport, Provenance, SearchQuery
from pixcrawler.pipeline.addresses import address_key
from pixcrawler.pipeline.engine_ports import Page, SearchEngine

MAX_TROUBLES = 2
"""Rounds in a row that an engine may end in trouble before the job goes on without it."""

MAX_PAGES = 120
"""Answers an engine is asked for in one round, so that a round ends within minutes."""

MAX_DRY_PAGES = 3
"""Answers in a row without anything new after which a query is used up."""

SEEN_HEX = 16
"""Digits of a key that are remembered: 64 bits, so that 100,000 keys clash once in 10^9 jobs."""


@dataclass(frozen=True)
class Found:
    """One find of an engine, with its key and the number of the query that gave it."""

    key: str
    url: str
    query: int
    provenance: Provenance
    width: int | None = None
    height: int | None = None


@dataclass
class Lane:
    """An engine's way through the queries of one keyword, the plain keyword first."""

    category: str
    keyword: str
    queries: list[int]
    """Numbers of the queries that are not used up; the first is the one being asked."""
    cursor: str | None = None
    dry_pages: int = 0
    held: list[Found] = field(default_factory=list)
    """Given by the engine, but not yet a candidate; best first."""

    def next_query(self) -> None:
        """Leave the query that is being asked."""
        self.queries.pop(0)
        self.cursor, self.dry_pages = None, 0

    def take(self, page: Page, fresh: list[Found]) -> None:
        """Hold what a good page gave, and move on."""
        self.held += fresh
        self.dry_pages = 0 if fresh else self.dry_pages + 1
        is_last = page.next_cursor is None or page.next_cursor == self.cursor
        if is_last or self.dry_pages >= MAX_DRY_PAGES:
            self.next_query()
        else:
            self.cursor = page.next_cursor


@dataclass
class EngineState:
    """Where one engine stands; the report is the one shown with the job."""

    report: EngineReport
    lanes: list[Lane]
    troubles: int = 0
    """Rounds in a row that ended in trouble."""

    @property
    def is_used_up(self) -> bool:
        """Nothing more will be asked: every query is used up, or there was too much trouble."""
        return self.troubles >= MAX_TROUBLES or not any(lane.queries for lane in self.lanes)

    def held_keys(self) -> set[str]:
        """Keys of everything held."""
        return {found.key for lane in self.lanes for found in lane.held}


def lanes_of(engine: str, queries: Sequence[SearchQuery]) -> list[Lane]:
    """One lane for each keyword that the engine can be asked for, in the queries' order."""
    lanes: dict[tuple[str, str], Lane] = {}
    for number, query in enumerate(queries):
        if _is_for(engine, query):
            at = (query.category, query.keyword)
            lanes.setdefault(at, Lane(*at, queries=[])).queries.append(number)
    return list(lanes.values())


def _is_for(engine: str, query: SearchQuery) -> bool:
    """What users bring along is read by its own engine and by no other."""
    if query.addresses or query.uploads:
        return engine == (URL_ENGINE if query.addresses else UPLOAD_ENGINE)
    return engine not in (URL_ENGINE, UPLOAD_ENGINE)


@dataclass
class Asker:
    """Asks one engine, one page at a time, for one round.

    Askers of different engines share nothing that changes: they may run side by side, and what
    one asks depends on nothing but its own engine's answers.
    """

    engine: SearchEngine
    state: EngineState
    queries: Sequence[SearchQuery]
    seen: set[str]
    """The remembered digits of the keys of former rounds' candidates."""
    filters: Filters
    pages_left: int = MAX_PAGES
    is_stopped: bool = False
    """There was trouble."""

    @property
    def can_ask(self) -> bool:
        """There is something left to ask for in this round."""
        return not (self.is_stopped or self.pages_left <= 0 or self.state.is_used_up)

    def ask(self, quota: int) -> None:
        """Ask until about ``quota`` finds are held, evenly over the keywords."""
        held = self.state.held_keys()
        while self.can_ask:
            poorest = min((lane for lane in self.state.lanes if lane.queries), key=_size)
            if _evenly(self.state.lanes, quota, _size(poorest)) >= quota:
                return
            self._ask_page(poorest, held)

    def _ask_page(self, lane: Lane, held: set[str]) -> None:
        number = lane.queries[0]
        page = self.engine.search(self.queries[number], lane.cursor, self.filters)
        self.pages_left -= 1
        if page.status in (EngineStatus.OK, EngineStatus.EMPTY):
            fresh = _fresh(page, number, self.seen, held)
            held.update(found.key for found in fresh)
            lane.take(page, fresh)
            self.state.troubles = 0
            return
        if page.status == EngineStatus.CHANGED:
            # What cannot be read is not asked for again; the next query may fare better.
            lane.next_query()
        self._stop(page)

    def _stop(self, page: Page) -> None:
        """Note what is wrong, and ask no more in this round."""
        self.is_stopped = True
        self.state.troubles += 1
        self.state.report = self.state.report.model_copy(
            update={
                "status": page.status,
                "detail": page.detail,
                "retry_after_s": page.retry_after_s,
            }
        )


def settle(state: EngineState, taken: set[str], candidates: int) -> EngineState:
    """Return the state after ``candidates`` finds, with the keys ``taken``, became candidates.

    The report is about what is missing: an engine that went on where it had failed or refused
    gave everything; what could not be read was left out for good.
    """
    total = state.report.candidates + candidates
    report = state.report.model_copy(update={"candidates": total})
    is_recovered = state.troubles == 0 and report.status is not EngineStatus.CHANGED
    if is_recovered or report.status in (EngineStatus.OK, EngineStatus.EMPTY):
        status = EngineStatus.OK if total else EngineStatus.EMPTY
        report = EngineReport(engine=report.engine, status=status, candidates=total)
    lanes = [
        replace(lane, held=[found for found in lane.held if found.key not in taken])
        for lane in state.lanes
    ]
    return replace(state, report=report, lanes=lanes)


def _fresh(page: Page, query: int, seen: set[str], held: set[str]) -> list[Found]:
    """What a page adds: addresses that may be fetched, each once."""
    fresh: dict[str, Found] = {}
    for find in page.finds:
        key = find.key or address_key(find.url)
        if key is None or key[:SEEN_HEX] in seen or key in held:
            continue
        found = Found(key, find.url, query, find.provenance, find.width, find.height)
        fresh.setdefault(key, found)
    return list(fresh.values())


def _size(lane: Lane) -> int:
    return len(lane.held)


def _evenly(lanes: Iterable[Lane], quota: int, share: int) -> int:
    """How many finds there are when no lane counts for more than its share of the quota."""
    sizes = [len(lane.held) for lane in lanes]
    most = max(share, -(-quota // max(1, len(sizes))))
    return sum(min(size, most) for size in sizes)
