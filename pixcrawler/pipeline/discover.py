"""Queries become candidates: engines are asked, their finds merged, shared out fairly and cut."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeVar

from pydantic import TypeAdapter

from pixcrawler.domain.job import JobSpec
from pixcrawler.domain.source import (
    Candidate,
    EngineReport,
    EngineStatus,
    Provenance,
    SearchQuery,
)
from pixcrawler.domain.storage import candidates_ref, discovery_ref, queries_ref
from pixcrawler.pipeline.expand import QUERIES
from pixcrawler.pipeline.lanes import (
    MAX_TROUBLES,
    SEEN_HEX,
    Asker,
    EngineState,
    Found,
    lanes_of,
    settle,
)
from pixcrawler.pipeline.limits import CHUNK_IMAGES, MIN_ROUND_CANDIDATES, OVERSAMPLE
from pixcrawler.pipeline.payloads import Discovered, RoundRef
from pixcrawler.pipeline.ports import BlobStore, JobStore, SearchEngine

Item = TypeVar("Item")


@dataclass(frozen=True)
class Standing:
    """Where discovery stands after a round."""

    discovered: Discovered
    next_rank: int
    seen: str
    """The remembered part of every candidate's key, one after the other, in Base64."""
    engines: list[EngineState]


_STANDING = TypeAdapter(Standing)


def discover(
    ref: RoundRef, *, jobs: JobStore, blobs: BlobStore, engines: Mapping[str, SearchEngine]
) -> Discovered:
    """Find the candidates of one round and write them in chunks; the state is written last.

    Asks until there are about ``wanted * OVERSAMPLE`` new candidates or nobody has more. Same
    answers of the engines, same bytes. Safe to run twice: the first state written wins.
    """
    place = discovery_ref(ref.job_id, ref.round)
    if blobs.exists(place):
        return _STANDING.validate_json(blobs.get(place)).discovered
    if jobs.is_cancelling(ref.job_id):
        return Discovered(chunks=0, candidates=0, exhausted=False, cancelled=True)
    spec = jobs.job(ref.job_id).spec
    queries = QUERIES.validate_json(blobs.get(queries_ref(ref.job_id)))
    former = _former(ref, spec, queries, engines, blobs)
    seen = _unpacked(former.seen)
    target = max(MIN_ROUND_CANDIDATES, math.ceil(ref.wanted * OVERSAMPLE))

    askers = [
        Asker(engines[state.report.engine], state, queries, seen, spec.filters.safe_search)
        for state in former.engines
        if state.report.engine in engines
    ]
    _ask_together(askers, former.engines, target)
    candidates = _candidates(former, queries, target)
    return _recorded(ref, former, candidates, jobs=jobs, blobs=blobs)


def _former(
    ref: RoundRef,
    spec: JobSpec,
    queries: Sequence[SearchQuery],
    engines: Mapping[str, SearchEngine],
    blobs: BlobStore,
) -> Standing:
    """Where the round before left off; before the first, everybody stands at the start."""
    if ref.round > 0:
        return _STANDING.validate_json(blobs.get(discovery_ref(ref.job_id, ref.round - 1)))
    states = [
        EngineState(EngineReport(engine=name, status=EngineStatus.EMPTY), lanes_of(name, queries))
        if name in engines
        else _missing(name)
        for name in spec.engines
    ]
    return Standing(Discovered(chunks=0, candidates=0, exhausted=False), 0, "", states)


def _missing(engine: str) -> EngineState:
    report = EngineReport(
        engine=engine, status=EngineStatus.FAILED, detail="this engine is not set up here"
    )
    return EngineState(report, lanes=[], troubles=MAX_TROUBLES)


def _ask_together(askers: list[Asker], states: list[EngineState], target: int) -> None:
    """Ask all engines side by side until ``target`` different finds are held.

    Each is asked for an equal part. What some could not give, and what several gave, is asked
    of those who have more, in further turns.
    """
    quota, missing = 0, target
    with ThreadPoolExecutor(max_workers=max(1, len(askers))) as threads:
        while missing > 0 and (live := [asker for asker in askers if asker.can_ask]):
            quota += -(-missing // len(live))
            for _ in threads.map(lambda asker, quota=quota: asker.ask(quota), live):
                pass
            missing = target - len(set[str]().union(*(state.held_keys() for state in states)))


def _candidates(former: Standing, queries: Sequence[SearchQuery], target: int) -> list[Candidate]:
    """The first ``target`` of all held finds, taking turns over category, keyword and engine."""
    by_key: dict[str, list[Found]] = {}
    for found in _fair_order(former.engines):
        by_key.setdefault(found.key, []).append(found)
    chosen = list(by_key.values())[:target]
    return [
        _candidate(finds, queries, former.next_rank + place) for place, finds in enumerate(chosen)
    ]


def _fair_order(states: Iterable[EngineState]) -> Iterator[Found]:
    groups: dict[str, dict[str, list[list[Found]]]] = {}
    for state in states:
        for lane in state.lanes:
            groups.setdefault(lane.category, {}).setdefault(lane.keyword, []).append(lane.held)
    return _turns(_turns(_turns(held) for held in words.values()) for words in groups.values())


def _turns(lists: Iterable[Iterable[Item]]) -> Iterator[Item]:
    """The first of each, the second of each, …."""
    nothing = object()
    for row in zip_longest(*lists, fillvalue=nothing):
        yield from (item for item in row if item is not nothing)  # type: ignore[misc]


def _candidate(finds: list[Found], queries: Sequence[SearchQuery], rank: int) -> Candidate:
    """One candidate out of every find of one key; the first find's address is fetched."""
    first = finds[0]
    query = queries[first.query]
    others: list[Provenance] = []
    for found in finds[1:]:
        if found.provenance not in (first.provenance, *others):
            others.append(found.provenance)
    return Candidate(
        url=first.url,
        key=first.key,
        keyword=query.keyword,
        category=query.category,
        query=query.text,
        rank=rank,
        width=first.width,
        height=first.height,
        provenance=first.provenance,
        also_found=tuple(others),
    )


def _recorded(
    ref: RoundRef,
    former: Standing,
    candidates: list[Candidate],
    *,
    jobs: JobStore,
    blobs: BlobStore,
) -> Discovered:
    """Write the chunks, then tell the job, then write where discovery stands."""
    chunks = [
        candidates[start : start + CHUNK_IMAGES]
        for start in range(0, len(candidates), CHUNK_IMAGES)
    ]
    for number, chunk in enumerate(chunks):
        lines = "".join(f"{one.model_dump_json(exclude_defaults=True)}\n" for one in chunk)
        blobs.put(
            candidates_ref(ref.job_id, ref.round, number), lines.encode(), "application/x-ndjson"
        )
    states = _settled(former.engines, candidates)
    jobs.add_chunks(ref.job_id, ref.round, [len(chunk) for chunk in chunks])
    jobs.set_engines(ref.job_id, [state.report for state in states])
    discovered = Discovered(
        chunks=len(chunks),
        candidates=len(candidates),
        exhausted=all(state.is_used_up and not state.held_keys() for state in states),
    )
    seen = _packed(former.seen, [one.key for one in candidates])
    standing = Standing(discovered, former.next_rank + len(candidates), seen, states)
    place = discovery_ref(ref.job_id, ref.round)
    if not blobs.put_new(place, _STANDING.dump_json(standing, exclude_none=True)):
        return _STANDING.validate_json(blobs.get(place)).discovered
    return discovered


def _settled(states: list[EngineState], candidates: list[Candidate]) -> list[EngineState]:
    taken = {one.key for one in candidates}
    gave = {state.report.engine: 0 for state in states}
    for one in candidates:
        for engine in {one.provenance.engine, *(other.engine for other in one.also_found)}:
            gave[engine] += 1
    return [settle(state, taken, gave[state.report.engine]) for state in states]


def _packed(seen: str, keys: Iterable[str]) -> str:
    added = bytes.fromhex("".join(key[:SEEN_HEX] for key in keys))
    return base64.b64encode(base64.b64decode(seen) + added).decode()


def _unpacked(seen: str) -> set[str]:
    digits = base64.b64decode(seen).hex()
    return {digits[at : at + SEEN_HEX] for at in range(0, len(digits), SEEN_HEX)}
