"""Queries become candidates: engines are asked, their finds merged, shared out fairly and cut."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeVar

from pydantic import TypeAdapter

from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.job import JobSpec
from pixcrawler.domain.source import Candidate, EngineReport, Provenance, SearchQuery
from pixcrawler.domain.storage import candidates_ref, discovery_ref, found_ref, queries_ref
from pixcrawler.pipeline.engine_ports import SearchEngine
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
from pixcrawler.pipeline.limits import (
    CHUNK_IMAGES,
    MIN_ROUND_CANDIDATES,
    OVERSAMPLE,
    TROUBLE_WAIT_MAX_S,
    TROUBLE_WAIT_S,
)
from pixcrawler.pipeline.payloads import Discovered, RoundRef
from pixcrawler.pipeline.ports import BlobStore, JobStore

Item = TypeVar("Item")


@dataclass(frozen=True)
class Standing:
    """Where discovery stands after a round."""

    discovered: Discovered
    next_rank: int
    seen: str
    """The remembered part of every candidate's key, one after the other, in Base64."""
    engines: list[EngineState]
    found: str
    """Digest that the file of the round's candidates is named by."""


_STANDING = TypeAdapter(Standing)
_DIGEST_DIGITS = 16


def discover(
    ref: RoundRef, *, jobs: JobStore, blobs: BlobStore, engines: Mapping[str, SearchEngine]
) -> Discovered:
    """Find the candidates of one round, then write them in chunks.

    Asks until there are about ``wanted * OVERSAMPLE`` new candidates or nobody has more. Same
    answers of the engines, same bytes. Safe to run twice, although engines may answer otherwise
    the second time: the first state written wins, and everything else follows from it.
    """
    place = discovery_ref(ref.job_id, ref.round)
    if not blobs.exists(place):
        if jobs.is_given_up(ref.job_id):
            return Discovered(chunks=0, candidates=0, exhausted=False, cancelled=True)
        standing, lines = _asked(ref, jobs=jobs, blobs=blobs, engines=engines)
        blobs.put(found_ref(ref.job_id, ref.round, standing.found), lines, "application/x-ndjson")
        blobs.put_new(place, _STANDING.dump_json(standing, exclude_none=True))
    standing = _STANDING.validate_json(blobs.get(place))
    _cut(ref, standing, blobs)
    sizes = [
        min(CHUNK_IMAGES, standing.discovered.candidates - start)
        for start in range(0, standing.discovered.candidates, CHUNK_IMAGES)
    ]
    jobs.add_chunks(ref.job_id, ref.round, sizes)
    jobs.set_engines(ref.job_id, [state.report for state in standing.engines], ref.round)
    return standing.discovered


def _asked(
    ref: RoundRef, *, jobs: JobStore, blobs: BlobStore, engines: Mapping[str, SearchEngine]
) -> tuple[Standing, bytes]:
    """Where discovery stands once the engines were asked, and the candidates, one a line."""
    spec = jobs.job(ref.job_id).spec
    queries = QUERIES.validate_json(blobs.get(queries_ref(ref.job_id)))
    former = _former(ref, spec, queries, engines, blobs)
    seen = _unpacked(former.seen)
    target = max(MIN_ROUND_CANDIDATES, math.ceil(ref.wanted * OVERSAMPLE))

    askers = [
        Asker(engines[state.report.engine], state, queries, seen, spec.filters)
        for state in former.engines
        if state.report.engine in engines
    ]
    _ask_together(askers, former.engines, target)
    candidates = _candidates(former, queries, target)
    lines = "".join(f"{one.model_dump_json(exclude_defaults=True)}\n" for one in candidates)
    return _standing(former, candidates, lines.encode()), lines.encode()


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
    return Standing(Discovered(chunks=0, candidates=0, exhausted=False), 0, "", states, "")


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


def _standing(former: Standing, candidates: list[Candidate], lines: bytes) -> Standing:
    """Where discovery stands when ``candidates`` were taken."""
    states = _settled(former.engines, candidates)
    discovered = Discovered(
        chunks=-(-len(candidates) // CHUNK_IMAGES),
        candidates=len(candidates),
        exhausted=all(state.is_used_up and not state.held_keys() for state in states),
        wait_s=_wait_s(states),
    )
    return Standing(
        discovered,
        next_rank=former.next_rank + len(candidates),
        seen=_packed(former.seen, [one.key for one in candidates]),
        engines=states,
        found=hashlib.sha256(lines).hexdigest()[:_DIGEST_DIGITS],
    )


def _wait_s(states: Iterable[EngineState]) -> float:
    """Until the first engine in trouble may be asked again."""
    waits_s = [
        max(TROUBLE_WAIT_S, min(state.report.retry_after_s or 0.0, TROUBLE_WAIT_MAX_S))
        for state in states
        if state.troubles and not state.is_used_up
    ]
    return min(waits_s, default=0.0)


def _cut(ref: RoundRef, standing: Standing, blobs: BlobStore) -> None:
    """Write the round's candidates in chunks, unless the last is there."""
    chunks = standing.discovered.chunks
    if not chunks or blobs.exists(candidates_ref(ref.job_id, ref.round, chunks - 1)):
        return
    lines = blobs.get(found_ref(ref.job_id, ref.round, standing.found)).splitlines(keepends=True)
    for chunk in range(chunks):
        part = lines[chunk * CHUNK_IMAGES : (chunk + 1) * CHUNK_IMAGES]
        place = candidates_ref(ref.job_id, ref.round, chunk)
        blobs.put(place, b"".join(part), "application/x-ndjson")


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
