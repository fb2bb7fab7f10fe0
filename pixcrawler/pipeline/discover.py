"""Queries become candidates: engines are asked, their finds merged, shared out fairly and cut."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.job import Budget, JobSpec
from pixcrawler.domain.source import EngineReport, SearchQuery
from pixcrawler.domain.storage import candidates_ref, discovery_ref, found_ref, queries_ref
from pixcrawler.pipeline.discovery.asker import Asker, Errand
from pixcrawler.pipeline.discovery.indexes import stand_by, take_over
from pixcrawler.pipeline.discovery.lanes import EngineState, lanes_of
from pixcrawler.pipeline.discovery.standing import (
    Standing,
    candidates_of,
    packed,
    recalled,
    remembered,
    settled,
    unpacked,
)
from pixcrawler.pipeline.engines.ports import SearchEngine
from pixcrawler.pipeline.expand import QUERIES
from pixcrawler.pipeline.limits import (
    CHUNK_IMAGES,
    MAX_TROUBLES,
    MIN_ROUND_CANDIDATES,
    OVERSAMPLE,
    ROUND_PATIENCE_S,
)
from pixcrawler.pipeline.payloads import Discovered, RoundRef, Stop
from pixcrawler.pipeline.ports import BlobStore, JobStore

_DIGEST_DIGITS = 16


def discover(
    ref: RoundRef, *, jobs: JobStore, blobs: BlobStore, engines: Mapping[str, SearchEngine]
) -> Discovered:
    """Find the candidates of one round, then write them in chunks.

    Asks until there are about ``wanted * OVERSAMPLE`` new candidates, nobody has more or the
    job's budget is used up. Same answers of the engines, same bytes. Safe to run twice, although
    engines may answer otherwise the second time: the first state written wins, and everything
    else follows from it.
    """
    place = discovery_ref(ref.job_id, ref.round)
    standing = None
    if not blobs.exists(place):
        if jobs.is_given_up(ref.job_id):
            return Discovered(chunks=0, candidates=0, exhausted=False, cancelled=True)
        standing, lines = _asked(ref, jobs=jobs, blobs=blobs, engines=engines)
        blobs.put(found_ref(ref.job_id, ref.round, standing.found), lines, "application/x-ndjson")
        if not blobs.put_new(place, packed(standing), "application/gzip"):
            standing = None
    standing = standing or unpacked(blobs.get(place))
    _cut(ref, standing, blobs)
    sizes = [
        min(CHUNK_IMAGES, standing.discovered.candidates - start)
        for start in range(0, standing.discovered.candidates, CHUNK_IMAGES)
    ]
    jobs.add_chunks(ref.job_id, ref.round, sizes)
    jobs.set_engines(ref.job_id, [state.report for state in standing.engines], ref.round)
    return standing.discovered


@dataclass(frozen=True)
class _Allowance:
    """What the job's budget leaves for a round."""

    candidates: float = math.inf
    requests: float = math.inf
    """To all engines, counted from the job's start."""
    is_over: bool = False
    """Everything is downloaded that may be."""


def _asked(
    ref: RoundRef, *, jobs: JobStore, blobs: BlobStore, engines: Mapping[str, SearchEngine]
) -> tuple[Standing, bytes]:
    """Where discovery stands once the engines were asked, and the candidates, one a line."""
    spec = jobs.job(ref.job_id).spec
    queries = QUERIES.validate_json(blobs.get(queries_ref(ref.job_id)))
    former = _former(ref, spec, queries, engines, blobs)
    allowed = _allowance(spec.budget, former, ref, jobs)
    target = 0 if allowed.is_over else int(min(_target(ref.wanted), allowed.candidates))
    errand = _errand(ref, spec, queries, former, jobs)
    askers = [
        Asker(engines[state.report.engine], state, errand)
        for state in former.engines
        if state.report.engine in engines
    ]
    _ask_together(askers, former.engines, target, allowed.requests)
    found = candidates_of(former.engines, queries, target, former.next_rank)
    lines = "".join(f"{one.model_dump_json(exclude_defaults=True)}\n" for one in found).encode()
    states = settled(former.engines, found)
    stop = _stop(states, len(found), allowed)
    standing = Standing(
        Discovered(
            chunks=-(-len(found) // CHUNK_IMAGES),
            candidates=len(found),
            exhausted=stop is not None,
            wait_s=0.0 if stop else _wait_s(states),
            stop=stop,
        ),
        next_rank=former.next_rank + len(found),
        seen=remembered(former.seen, [one.key for one in found]),
        engines=states,
        found=hashlib.sha256(lines).hexdigest()[:_DIGEST_DIGITS],
    )
    return standing, lines


def _errand(
    ref: RoundRef,
    spec: JobSpec,
    queries: Sequence[SearchQuery],
    former: Standing,
    jobs: JobStore,
) -> Errand:
    began = time.monotonic()

    def is_over() -> bool:
        return time.monotonic() > began + ROUND_PATIENCE_S or jobs.is_given_up(ref.job_id)

    return Errand(queries, spec.filters, recalled(former.seen), ref.at, is_over, began)


def _target(wanted: int) -> int:
    """Candidates that a round looks for."""
    return max(MIN_ROUND_CANDIDATES, math.ceil(wanted * OVERSAMPLE))


def _former(
    ref: RoundRef,
    spec: JobSpec,
    queries: Sequence[SearchQuery],
    engines: Mapping[str, SearchEngine],
    blobs: BlobStore,
) -> Standing:
    """Where the round before left off; before the first, everybody stands at the start."""
    if ref.round > 0:
        former = unpacked(blobs.get(discovery_ref(ref.job_id, ref.round - 1)))
    else:
        by_name = {name for name, engine in engines.items() if engine.card.names_only}
        states = [
            EngineState(
                EngineReport(engine=name, status=EngineStatus.EMPTY),
                lanes_of(name, queries, names_only=name in by_name),
            )
            for name in spec.engines
        ]
        stand_by(states, {name: engine.card for name, engine in engines.items()})
        former = Standing(Discovered(chunks=0, candidates=0, exhausted=False), engines=states)
    for state in former.engines:
        if state.report.engine not in engines and not state.is_used_up:
            _give_up(state)
    return former


def _give_up(state: EngineState) -> None:
    """The engine is not set up here, or not any more: what it gave is all it gives."""
    wrong = {"status": EngineStatus.FAILED, "detail": "this engine is not set up here"}
    told_before = {"kind": None, "retry_after_s": None, "until": None}
    state.report = state.report.model_copy(update=told_before | wrong)
    state.troubles = MAX_TROUBLES


def _allowance(budget: Budget, former: Standing, ref: RoundRef, jobs: JobStore) -> _Allowance:
    candidates = requests = math.inf
    if budget.max_candidates is not None:
        candidates = max(0, budget.max_candidates - former.next_rank)
    if budget.max_requests is not None:
        requests = budget.max_requests
    is_over = (
        budget.max_bytes is not None
        and ref.round > 0
        and jobs.downloaded_bytes(ref.job_id) >= budget.max_bytes
    )
    return _Allowance(candidates, requests, is_over)


def _ask_together(
    askers: list[Asker], states: list[EngineState], target: int, max_requests: float
) -> None:
    """Ask all engines side by side until ``target`` different finds are held.

    Each is asked for an equal part. What some could not give, and what several gave, is asked
    of those who have more, in further turns, and so are requests that some did not need.
    """
    quota, missing = 0, target
    cards = {asker.engine.card.name: asker.engine.card for asker in askers}
    queries = askers[0].errand.queries if askers else ()
    with ThreadPoolExecutor(max_workers=max(1, len(askers))) as threads:
        while missing > 0:
            take_over(states, cards, queries)
            live = _live(askers, max_requests - _requests(states))
            if not live:
                return
            quota += -(-missing // len(live))
            for _ in threads.map(lambda one, quota=quota: one[0].ask(quota, one[1]), live):
                pass
            missing = target - len(set[str]().union(*(state.held_keys() for state in states)))


def _live(askers: Iterable[Asker], requests: float) -> list[tuple[Asker, int | None]]:
    """Who can be asked, each with an equal share of the requests that are left."""
    able = [asker for asker in askers if asker.can_ask]
    if math.isinf(requests):
        return [(asker, None) for asker in able]
    able = able[: max(0, int(requests))]
    return [(asker, int(requests) // len(able)) for asker in able]


def _requests(states: Iterable[EngineState]) -> int:
    return sum(state.report.requests for state in states)


def _stop(states: list[EngineState], candidates: int, allowed: _Allowance) -> Stop | None:
    """Why there will be no further candidates after this round, or None when there may be."""
    if allowed.is_over:
        return Stop.MAX_BYTES
    if candidates >= allowed.candidates:
        return Stop.MAX_CANDIDATES
    is_empty = not any(state.held_keys() for state in states)
    able = [state for state in states if not state.is_used_up]
    if is_empty and not able:
        return Stop.USED_UP
    if is_empty and _requests(states) >= allowed.requests:
        return Stop.MAX_REQUESTS
    # While what was found is downloaded, the time that they want may pass.
    is_over = is_empty and not candidates and all(state.is_away for state in able)
    return Stop.REFUSED if is_over else None


def _wait_s(states: Iterable[EngineState]) -> float:
    """Until an engine may be asked; 0 when one may be at once."""
    able = [state for state in states if not state.is_used_up]
    return min((state.pause_s for state in able if not state.is_away), default=0.0)


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
