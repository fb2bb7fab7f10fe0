"""Sampling: every engine is asked for the first page of a few queries, side by side and shortly."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

from pixcrawler.domain.engine import EngineCard, EngineStatus
from pixcrawler.domain.job import URL_ENGINE, JobSpec
from pixcrawler.domain.source import SearchQuery
from pixcrawler.pipeline.discovery.addresses import address_key
from pixcrawler.pipeline.discovery.asker import judgement
from pixcrawler.pipeline.discovery.lanes import lanes_of
from pixcrawler.pipeline.discovery.sift import Excluded, Sieve
from pixcrawler.pipeline.engines.ports import Page, SearchEngine

PLAIN_QUERIES = 2
"""Keywords that an engine is asked for as they are, and one variation beside them."""
TIMEOUT_S = 20.0
"""For all engines together: a person waits."""


@dataclass(frozen=True)
class Taste:
    """The first page of one query."""

    query: int
    """Its number."""
    keys: frozenset[str]
    """Of the pictures that may be wanted."""
    listed: int
    """Finds on the page, wanted or not."""
    has_more: bool
    total: int | None = None
    """Of the query, as the engine says; it may lie."""
    stated_bytes: tuple[int, ...] = ()
    """What the pictures weigh, where the engine says so."""


@dataclass
class Sample:
    """What one engine showed."""

    card: EngineCard
    queries: tuple[int, ...]
    """Numbers of the queries that a job would ask it."""
    tastes: list[Taste] = field(default_factory=list)
    trouble: Page | None = None
    stands_by_for: str | None = None

    @property
    def keys(self) -> frozenset[str]:
        """Of all pictures seen."""
        return frozenset[str]().union(*(taste.keys for taste in self.tastes))


def sampled(
    spec: JobSpec,
    queries: Sequence[SearchQuery],
    engines: Mapping[str, SearchEngine],
    timeout_s: float = TIMEOUT_S,
) -> list[Sample]:
    """Ask the job's engines for a few first pages; return one sample for each, in order.

    Of engines that share an index one is asked, the next only where that one is in trouble.
    An engine that takes longer than ``timeout_s`` is in trouble; what it gave until then counts.
    """
    samples = [
        Sample(engines[name].card, _numbers(engines[name].card, queries))
        for name in spec.engines
        if name in engines
    ]
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.card.index_name, []).append(sample)
    over = threading.Event()
    threads = ThreadPoolExecutor(max_workers=max(1, len(groups)))
    futures = {
        threads.submit(_ask_group, group, _Question(spec, queries, engines, over)): group
        for group in groups.values()
    }
    done, late = wait(futures, timeout=timeout_s)
    over.set()
    threads.shutdown(wait=False, cancel_futures=True)
    for future in done:
        future.result()
    cut = {one.card.name: one for future in late for one in _cut_short(futures[future], timeout_s)}
    return [cut.get(one.card.name, one) for one in samples]


@dataclass(frozen=True)
class _Question:
    """What all engines are asked about."""

    spec: JobSpec
    queries: Sequence[SearchQuery]
    engines: Mapping[str, SearchEngine]
    over: threading.Event
    """Nobody waits any more."""


def _numbers(card: EngineCard, queries: Sequence[SearchQuery]) -> tuple[int, ...]:
    lanes = lanes_of(card.name, queries, names_only=card.names_only)
    return tuple(number for lane in lanes for number in lane.queries)


def _ask_group(group: list[Sample], question: _Question) -> None:
    leader: str | None = None
    for sample in group:
        if leader is not None:
            sample.stands_by_for = leader
            continue
        _ask(sample, question)
        if sample.trouble is None:
            leader = sample.card.name


def _ask(sample: Sample, question: _Question) -> None:
    """Fill one engine's sample."""
    if sample.card.name == URL_ENGINE:
        sample.tastes += [_own_list(question.queries[number], number) for number in sample.queries]
        return
    engine = question.engines[sample.card.name]
    sieve = Sieve(engine.card, question.spec.filters)
    for number in _chosen(sample.queries, question.queries):
        if question.over.is_set():
            return
        query = question.queries[number]
        page = engine.search(query, None, question.spec.filters)
        if not page.status.is_well:
            sample.trouble = page
            return
        sample.tastes.append(_taste(page, number, sieve, Excluded(query.exclude)))


def _chosen(numbers: Sequence[int], queries: Sequence[SearchQuery]) -> list[int]:
    """The first keywords as they are, and the first variation of the first of them."""
    plain = [number for number in numbers if queries[number].expansion == 0][:PLAIN_QUERIES]
    first = queries[plain[0]] if plain else None
    varied = [
        number
        for number in numbers
        if first
        and queries[number].expansion
        and (queries[number].category, queries[number].keyword) == (first.category, first.keyword)
    ]
    return plain + varied[:1]


def _taste(page: Page, number: int, sieve: Sieve, excluded: Excluded) -> Taste:
    keys, stated = set[str](), list[int]()
    for find in page.finds:
        key, has_larger = judgement(find)
        if key and not sieve.is_left_out(find, excluded, has_larger=has_larger):
            keys.add(key)
            stated += [find.bytes_hint] if find.bytes_hint else []
    has_more = page.next_cursor is not None
    return Taste(number, frozenset(keys), len(page.finds), has_more, page.total, tuple(stated))


def _own_list(query: SearchQuery, number: int) -> Taste:
    """The user's own list need not be asked: it is all there."""
    keys = frozenset(key for address in query.addresses if (key := address_key(address)))
    return Taste(number, keys, len(query.addresses), has_more=False)


def _cut_short(group: Sequence[Sample], timeout_s: float) -> list[Sample]:
    """What a slow index gave so far; its thread may still be adding to the samples.

    The first without trouble is the one that is being asked: those after it stand by.
    """
    samples = [replace(sample, tastes=list(sample.tastes)) for sample in group]
    slow: str | None = None
    for sample in samples:
        if slow is not None:
            sample.stands_by_for = slow
        elif sample.trouble is None:
            slow = sample.card.name
            detail = f"{sample.card.title} did not answer within {timeout_s:.0f} s"
            sample.trouble = Page(EngineStatus.FAILED, detail=detail)
    return samples
