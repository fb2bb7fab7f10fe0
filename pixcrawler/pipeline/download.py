"""Candidates become files: one shard and one list of outcomes a chunk."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from typing import IO

from pixcrawler.domain.source import Candidate
from pixcrawler.domain.storage import candidates_ref, outcomes_ref, shard_ref
from pixcrawler.domain.verdict import Outcome, RejectReason
from pixcrawler.domain.visit import Visit
from pixcrawler.pipeline.discovery.ranking import MAX_ALTERNATIVES
from pixcrawler.pipeline.limits import SHARD_MAX_BYTES
from pixcrawler.pipeline.payloads import ChunkRef, ChunkReport
from pixcrawler.pipeline.pictures.magic import OTHER_IMAGES, WANTED
from pixcrawler.pipeline.ports import BlobStore, ChunkCounts, Fetched, Fetcher, JobStore, Unfetched
from pixcrawler.pipeline.visits.body import Body
from pixcrawler.pipeline.visits.load import with_other

DETAIL_MAX_CHARS = 300
MEMBER_OVERHEAD_BYTES = 1024
"""Of a tar member: its header, and at most one block of padding."""
DIGEST_DIGITS = 16
"""Of a shard's SHA-256, in its name."""
_WISHES = frozenset({RejectReason.DISALLOWED_BY_SITE, RejectReason.OPTED_OUT})
"""Of a site or an author: met at any address of a candidate, they hold for all of them."""
_FINAL = _WISHES | {RejectReason.OVER_LIMIT}
"""Failures that other addresses are no answer to."""


@dataclass(frozen=True)
class _Member:
    """A fetched body in the shard."""

    fetched: Fetched
    name: str
    offset: int
    length: int
    alternative: str | None = None
    """Where it came from, when that was not the candidate's own address."""


@dataclass(frozen=True)
class _Visit:
    """One address to fetch, and the candidate's place that it is for."""

    index: int
    url: str
    is_first: bool
    is_only: bool
    """The candidate has no other address."""


def download(ref: ChunkRef, *, jobs: JobStore, blobs: BlobStore, fetcher: Fetcher) -> ChunkReport:
    """Fetch a chunk's candidates into one shard, with one outcome for each candidate.

    A candidate's further addresses are tried when its own gives no picture.

    The outcomes are written last, and only once: of two workers the first counts, and once they
    exist, nothing is fetched again. A body is stored as it came: whether it is an image is for
    the next step to see. Scratch disk holds at most the largest shard.
    """
    place = outcomes_ref(ref.job_id, ref.round, ref.chunk)
    if blobs.exists(place):
        return _report(_outcomes(blobs.get(place)))
    if jobs.is_given_up(ref.job_id):
        return ChunkReport(passed=0, rejected=0, cancelled=True)
    jobs.chunk_started(ref.job_id, ref.round, ref.chunk)
    lines = blobs.get(candidates_ref(ref.job_id, ref.round, ref.chunk)).splitlines()
    candidates = [Candidate.model_validate_json(line) for line in lines]
    with tempfile.TemporaryFile() as file:
        shard = _Shard(file)
        results = _fetched(candidates, fetcher, shard)
        digest = shard.end()
        if any(isinstance(result, _Member) for result in results):
            shard_place = shard_ref(ref.job_id, ref.round, ref.chunk, digest)
            blobs.put_file(shard_place, file, "application/x-tar")
    outcomes = [
        _failed(candidate, result)
        if isinstance(result, Unfetched)
        else _filed(candidate, result, digest)
        for candidate, result in zip(candidates, results, strict=True)
    ]
    jobs.chunk_downloaded(ref.job_id, ref.round, ref.chunk, _counts(outcomes))
    written = "".join(f"{one.model_dump_json(exclude_defaults=True)}\n" for one in outcomes)
    if not blobs.put_new(place, written.encode(), "application/x-ndjson"):
        return _report(_outcomes(blobs.get(place)))
    return _report(outcomes)


class _Shard:
    """A tar that grows; the headers hold nothing but name and length."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def room_bytes(self) -> int:
        """How large the next member may be."""
        return SHARD_MAX_BYTES - self.size - MEMBER_OVERHEAD_BYTES

    def add(self, name: str, body: Body) -> int:
        """Append a member; return where its bytes begin."""
        header = tarfile.TarInfo(name)
        header.size = body.size
        self._write(header.tobuf(tarfile.USTAR_FORMAT))
        offset = self.size
        for piece in body.pieces():
            self._write(piece)
        self._write(bytes(-body.size % tarfile.BLOCKSIZE))
        return offset

    def end(self) -> str:
        """Close the tar; return the digest that it is named by."""
        self._write(bytes(2 * tarfile.BLOCKSIZE))
        self._file.seek(0)
        return self._digest.hexdigest()[:DIGEST_DIGITS]

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self.size += len(data)


def _fetched(
    candidates: list[Candidate], fetcher: Fetcher, shard: _Shard
) -> list[_Member | Unfetched]:
    """Fetch everything; bodies go to the shard as they come, so that memory holds few.

    What gave no picture is tried again at its next alternative, in a further pass. Where none
    helps, the first failure is the one that is told, unless a wish ended the search.
    """
    missing = Unfetched(RejectReason.UNREACHABLE, "the fetcher gave no result")
    results: list[_Member | Unfetched] = [missing] * len(candidates)
    for turn in range(1 + MAX_ALTERNATIVES):
        visits = _visits(candidates, results, turn)
        for place, came in fetcher.fetch_all([visit.url for visit in visits]) if visits else ():
            visit = visits[place]
            result = came if isinstance(came, Unfetched) else _taken(visit, came, shard)
            before = results[visit.index]
            if visit.is_first:
                results[visit.index] = result
            elif _ends(result):
                results[visit.index] = _counting(result, before)
            else:
                results[visit.index] = _counting(before, result)
    return results


def _ends(result: _Member | Unfetched) -> bool:
    """Say whether what an alternative gave is the candidate's outcome."""
    return isinstance(result, _Member) or result.reason in _WISHES


def _counting(told: _Member | Unfetched, other: _Member | Unfetched) -> _Member | Unfetched:
    """Return what is told of a candidate, with what another address of it took counted."""
    visit = with_other(_visit_of(told), _visit_of(other))
    if isinstance(told, _Member):
        return replace(told, fetched=replace(told.fetched, visit=visit))
    return replace(told, visit=visit)


def _visit_of(result: _Member | Unfetched) -> Visit | None:
    return result.fetched.visit if isinstance(result, _Member) else result.visit


def _visits(
    candidates: list[Candidate], results: list[_Member | Unfetched], turn: int
) -> list[_Visit]:
    """What is fetched in a pass: in the first everything, then the alternatives of failures."""
    visits = []
    for index, (candidate, result) in enumerate(zip(candidates, results, strict=True)):
        addresses = (candidate.url, *candidate.alternatives[:MAX_ALTERNATIVES])
        is_failed = isinstance(result, Unfetched) and result.reason not in _FINAL
        if turn < len(addresses) and (turn == 0 or is_failed):
            is_only = len(addresses) == 1
            visits.append(_Visit(index, addresses[turn], is_first=turn == 0, is_only=is_only))
    return visits


def _taken(visit: _Visit, fetched: Fetched, shard: _Shard) -> _Member | Unfetched:
    """File a body, unless it does not fit, or is no picture while there are other addresses."""
    body = fetched.body
    try:
        if body.kind not in WANTED and not visit.is_only:
            is_other = body.kind in OTHER_IMAGES
            reason = RejectReason.UNSUPPORTED_FORMAT if is_other else RejectReason.NOT_AN_IMAGE
            return _unfetched(fetched, reason, f"what came is {body.kind}")
        if body.size > shard.room_bytes:
            told = f"the chunk's shard may hold {SHARD_MAX_BYTES} bytes"
            return _unfetched(fetched, RejectReason.OVER_LIMIT, told)
        name = f"{visit.index:05d}"
        offset = shard.add(name, body)
        return _Member(fetched, name, offset, body.size, None if visit.is_first else visit.url)
    finally:
        body.close()


def _unfetched(fetched: Fetched, reason: RejectReason, detail: str) -> Unfetched:
    final_url, status, visit = fetched.final_url, fetched.status, fetched.visit
    return Unfetched(reason, detail, final_url, status, fetched.elapsed_ms, visit)


def _filed(candidate: Candidate, member: _Member, shard: str) -> Outcome:
    return Outcome(
        candidate=candidate,
        shard=shard,
        name=member.name,
        offset=member.offset,
        length=member.length,
        alternative=member.alternative,
        final_url=member.fetched.final_url,
        status=member.fetched.status,
        elapsed_ms=member.fetched.elapsed_ms,
        visit=member.fetched.visit,
    )


def _failed(candidate: Candidate, result: Unfetched) -> Outcome:
    return Outcome(
        candidate=candidate,
        reason=result.reason,
        detail=result.detail[:DETAIL_MAX_CHARS],
        final_url=result.final_url,
        status=result.status,
        elapsed_ms=result.elapsed_ms,
        visit=result.visit,
    )


def _outcomes(lines: bytes) -> list[Outcome]:
    return [Outcome.model_validate_json(line) for line in lines.splitlines()]


def _counts(outcomes: list[Outcome]) -> ChunkCounts:
    reasons = Counter(outcome.reason for outcome in outcomes if outcome.reason is not None)
    return ChunkCounts(
        downloaded=len(outcomes) - reasons.total(),
        rejected=reasons.total(),
        bytes=sum(outcome.length for outcome in outcomes),
        reasons=dict(reasons),
    )


def _report(outcomes: list[Outcome]) -> ChunkReport:
    rejected = sum(1 for outcome in outcomes if outcome.reason is not None)
    return ChunkReport(passed=len(outcomes) - rejected, rejected=rejected)
