"""Asking one engine: page by page, evenly over the keywords, until enough is held or it refuses."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import EngineReport, SearchQuery
from pixcrawler.pipeline.discovery.addresses import judged
from pixcrawler.pipeline.discovery.lanes import EngineState, Found, Gain, Lane
from pixcrawler.pipeline.discovery.ranking import ranked
from pixcrawler.pipeline.discovery.shards import Shards
from pixcrawler.pipeline.discovery.sift import OWN_LISTS, Excluded, Sieve
from pixcrawler.pipeline.engines.ports import Find, Page, SearchEngine
from pixcrawler.pipeline.limits import (
    MAX_ROUND_REQUESTS,
    MAX_TROUBLES,
    RELIEF_WAIT_S,
    TROUBLE_WAIT_S,
)

SEEN_HEX = 16
"""Digits of a key that are remembered: 64 bits, so that 100,000 keys clash once in 10^9 jobs."""

OUR_DESK = frozenset({BlockKind.QUOTA, BlockKind.SUSPENDED})
"""Refusals of our own desk: the engine was not asked, and asking again costs nothing."""

_KEY = re.compile("[0-9a-f]{16,64}")
"""What a key is; a source that names its pictures otherwise gets keys made of its names."""


@dataclass(frozen=True)
class Errand:
    """What all engines are asked about in one round."""

    queries: Sequence[SearchQuery]
    filters: Filters
    seen: set[str]
    """The remembered digits of the keys of former rounds' candidates."""
    at: datetime | None
    """When the round began."""
    is_over: Callable[[], bool]
    """The round has taken its time, or the job is given up: nobody is asked anything more."""
    began: float
    """``at``, by the clock that never jumps (seconds)."""

    def now(self) -> datetime | None:
        """Return the time, in whole minutes after ``at``; None when nobody knows."""
        minutes = (time.monotonic() - self.began) // 60
        return self.at + timedelta(minutes=minutes) if self.at else None


@dataclass
class Asker:
    """Asks one engine, one page at a time, for one round.

    Askers of different engines share nothing that changes: they may run side by side, and what
    one asks depends on nothing but its own engine's answers.
    """

    engine: SearchEngine
    state: EngineState
    errand: Errand
    requests_left: int = MAX_ROUND_REQUESTS
    is_stopped: bool = False
    """There was trouble, or it still wants to be left alone."""
    _excluded: dict[int, Excluded] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Prepare what the round's pages are read with."""
        card, errand = self.engine.card, self.errand
        self._shards = Shards(card, errand.filters, errand.at.date() if errand.at else None)
        self._sieve = Sieve(card, errand.filters)
        self.is_stopped = self.is_stopped or _wants_peace(self.state.report, errand.at)

    @property
    def can_ask(self) -> bool:
        """There is something left to ask for in this round."""
        is_done = self.is_stopped or self.requests_left <= 0 or self.state.is_used_up
        return not (is_done or self.errand.is_over())

    def ask(self, quota: int, max_requests: int | None = None) -> None:
        """Ask until about ``quota`` finds are held, evenly over the keywords.

        Ends as well with the page that comes to ``max_requests`` requests.
        """
        held = self.state.held_keys()
        start = self.state.report.requests
        while self.can_ask:
            if max_requests is not None and self.state.report.requests - start >= max_requests:
                return
            poorest = min((lane for lane in self.state.lanes if lane.queries), key=_size)
            if _evenly(self.state.lanes, quota, _size(poorest)) >= quota:
                return
            self._ask_page(poorest, held)

    def _ask_page(self, lane: Lane, held: set[str]) -> None:
        number = lane.queries[0]
        filters = self._shards.at(lane.path) or self.errand.filters
        page = self.engine.search(self.errand.queries[number], lane.cursor, filters)
        self.requests_left -= max(1, page.requests)
        self._report(requests=self.state.report.requests + page.requests)
        if page.status.is_well:
            gain = self._gain(page, number, held)
            held.update(found.key for found in gain.fresh)
            lane.take(page, gain, self._shards)
            self._report(sifted=self.state.report.sifted + gain.sifted)
            self.state.troubles, self.state.pause_s = 0, 0.0
            if page.detail and page.detail not in self.state.remarks:
                self.state.remarks.append(page.detail)
            return
        if page.status is EngineStatus.CHANGED:
            # What cannot be read is not asked for again; the next query may fare better.
            lane.give_up_query()
        self._stop(page)

    def _gain(self, page: Page, query: int, held: set[str]) -> Gain:
        """What a page adds: addresses that may be fetched, each once, that may fit."""
        fresh: dict[str, Found] = {}
        known = sifted = 0
        excluded = self._excluded_by(query)
        for find in page.finds:
            key, has_larger = judgement(find)
            if key is None:
                continue
            if key in held or key in fresh or key[:SEEN_HEX] in self.errand.seen:
                known += 1
            elif self._sieve.is_left_out(find, excluded, has_larger=has_larger):
                sifted += 1
            else:
                fresh[key] = Found(key, find.url, query, find.provenance, find.width, find.height)
        # The person's own order stays as it is.
        order = list if self.engine.card.name in OWN_LISTS else ranked
        return Gain(order(list(fresh.values())), known, sifted)

    def _excluded_by(self, query: int) -> Excluded:
        if query not in self._excluded:
            self._excluded[query] = Excluded(self.errand.queries[query].exclude)
        return self._excluded[query]

    def _stop(self, page: Page) -> None:
        """Note what is wrong, and ask no more in this round."""
        self.is_stopped = True
        if page.kind is BlockKind.SWITCHED_OFF:
            self.state.troubles = MAX_TROUBLES
        elif page.kind not in OUR_DESK:
            self.state.troubles += 1
        self.state.pause_s = max(TROUBLE_WAIT_S, page.retry_after_s or 0.0)
        report, cause = self.state.report, {"kind": page.kind, "detail": page.detail}
        if page.kind is BlockKind.SUSPENDED and report.kind not in (None, BlockKind.SUSPENDED):
            # The engine's own words say more than that we leave it alone because of them.
            cause = {"kind": report.kind, "detail": report.detail}
        self._report(
            status=page.status,
            retry_after_s=page.retry_after_s,
            until=_until(self.errand.now(), page.retry_after_s),
            **cause,
        )

    def _report(self, **changes: object) -> None:
        self.state.report = self.state.report.model_copy(update=changes)


def judgement(find: Find) -> tuple[str | None, bool]:
    """Return the key of a find, None when it is never fetched; and is a larger original known?"""
    if find.key is not None:
        if _KEY.fullmatch(find.key):
            return find.key, False
        return hashlib.sha256(find.key.encode("utf-8", "backslashreplace")).hexdigest(), False
    known = judged(find.url)
    return (None, False) if known is None else (known.key, known.original != find.url)


def _wants_peace(report: EngineReport, at: datetime | None) -> bool:
    """Whether the engine itself said that it is to be left alone until later than now."""
    if at is None or report.until is None or report.kind in OUR_DESK:
        return False
    return at < report.until


def _until(now: datetime | None, wait_s: float | None) -> datetime | None:
    """When a pause that is worth telling of is over; None when that is unknown."""
    if now is None or wait_s is None or wait_s <= RELIEF_WAIT_S:
        return None
    try:
        return (now + timedelta(seconds=wait_s)).replace(microsecond=0)
    except (OverflowError, ValueError):
        return None


def _size(lane: Lane) -> int:
    return len(lane.held)


def _evenly(lanes: Iterable[Lane], quota: int, share: int) -> int:
    """How many finds there are when no lane counts for more than its share of the quota."""
    sizes = [len(lane.held) for lane in lanes]
    most = max(share, -(-quota // max(1, len(sizes))))
    return sum(min(size, most) for size in sizes)
