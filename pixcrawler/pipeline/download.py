"""Candidates become files: one shard and one list of outcomes a chunk."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from collections import Counter
from dataclasses import dataclass
from typing import IO

from pixcrawler.domain.source import Candidate
from pixcrawler.domain.storage import candidates_ref, outcomes_ref, shard_ref
from pixcrawler.domain.verdict import Outcome, RejectReason
from pixcrawler.pipeline.discovery.ranking import MAX_ALTERNATIVES
from pixcrawler.pipeline.limits import SHARD_MAX_BYTES
from pixcrawler.pipeline.payloads import ChunkRef, ChunkReport
from pixcrawler.pipeline.pictures.magic import OTHER_IMAGES, WANTED, kind_of
from pixcrawler.pipeline.ports import BlobStore, ChunkCounts, Fetched, Fetcher, JobStore, Unfetched

DETAIL_MAX_CHARS = 300
MEMBER_OVERHEAD_BYTES = 1024
"""Of a tar member: its header, and at most one block of padding."""
DIGEST_DIGITS = 16
"""Of a shard's SHA-256, in its name."""
_COPY_BYTES = 1024 * 1024
_FINAL = frozenset({RejectReason.DISALLOWED_BY_SITE, RejectReason.OVER_LIMIT})
"""Failures that other addresses are no answer to: nobody's wishes are gone around."""


@dataclass(frozen=True)
class _Body:
    """Where a fetched body waits in the spool file."""

    fetched: Fetched
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
    the next step to see. Scratch disk holds at most twice the largest shard.
    """
    place = outcomes_ref(ref.job_id, ref.round, ref.chunk)
    if blobs.exists(place):
        return _report(_outcomes(blobs.get(place)))
    if jobs.is_given_up(ref.job_id):
        return ChunkReport(passed=0, rejected=0, cancelled=True)
    jobs.chunk_started(ref.job_id, ref.round, ref.chunk)
    lines = blobs.get(candidates_ref(ref.job_id, ref.round, ref.chunk)).splitlines()
    candidates = [Candidate.model_validate_json(line) for line in lines]
    with tempfile.TemporaryFile() as spool, tempfile.TemporaryFile() as shard:
        results = _spooled(candidates, fetcher, spool)
        outcomes = _filed(candidates, results, spool, shard)
        if any(outcome.reason is None for outcome in outcomes):
            shard.seek(0)
            digest = hashlib.file_digest(shard, "sha256").hexdigest()[:DIGEST_DIGITS]
            outcomes = [_in_shard(outcome, digest) for outcome in outcomes]
            shard_place = shard_ref(ref.job_id, ref.round, ref.chunk, digest)
            blobs.put_file(shard_place, shard, "application/x-tar")
    jobs.chunk_downloaded(ref.job_id, ref.round, ref.chunk, _counts(outcomes))
    written = "".join(f"{one.model_dump_json(exclude_defaults=True)}\n" for one in outcomes)
    if not blobs.put_new(place, written.encode(), "application/x-ndjson"):
        return _report(_outcomes(blobs.get(place)))
    return _report(outcomes)


def _spooled(
    candidates: list[Candidate], fetcher: Fetcher, spool: IO[bytes]
) -> list[_Body | Unfetched]:
    """Fetch everything; bodies go to the spool as they come, so that memory holds few.

    What gave no picture is tried again at its next alternative, in a further pass. Where none
    helps, the first failure is the one that is told.
    """
    missing = Unfetched(RejectReason.UNREACHABLE, "the fetcher gave no result")
    results: list[_Body | Unfetched] = [missing] * len(candidates)
    spooled = 0
    for turn in range(1 + MAX_ALTERNATIVES):
        visits = _visits(candidates, results, turn)
        for place, came in fetcher.fetch_all([visit.url for visit in visits]) if visits else ():
            visit = visits[place]
            room = SHARD_MAX_BYTES - spooled - MEMBER_OVERHEAD_BYTES
            result = came if isinstance(came, Unfetched) else _taken(visit, came, room, spool)
            if isinstance(result, _Body):
                spooled += result.length + MEMBER_OVERHEAD_BYTES
            if visit.is_first or isinstance(result, _Body):
                results[visit.index] = result
    return results


def _visits(
    candidates: list[Candidate], results: list[_Body | Unfetched], turn: int
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


def _taken(visit: _Visit, fetched: Fetched, room_bytes: int, spool: IO[bytes]) -> _Body | Unfetched:
    """Spool a body, unless it does not fit, or is no picture while there are other addresses."""
    kind = "" if visit.is_only else kind_of(fetched.body)
    if kind and kind not in WANTED:
        is_other = kind in OTHER_IMAGES
        reason = RejectReason.UNSUPPORTED_FORMAT if is_other else RejectReason.NOT_AN_IMAGE
        return _unfetched(fetched, reason, f"what came is {kind}")
    if len(fetched.body) > room_bytes:
        told = f"the chunk's shard may hold {SHARD_MAX_BYTES} bytes"
        return _unfetched(fetched, RejectReason.OVER_LIMIT, told)
    address = None if visit.is_first else visit.url
    body = _Body(_without_body(fetched), spool.tell(), len(fetched.body), address)
    spool.write(fetched.body)
    return body


def _without_body(fetched: Fetched) -> Fetched:
    return Fetched(b"", fetched.final_url, fetched.status, fetched.elapsed_ms)


def _unfetched(fetched: Fetched, reason: RejectReason, detail: str) -> Unfetched:
    return Unfetched(reason, detail, fetched.final_url, fetched.status, fetched.elapsed_ms)


def _filed(
    candidates: list[Candidate],
    results: list[_Body | Unfetched],
    spool: IO[bytes],
    shard: IO[bytes],
) -> list[Outcome]:
    """Copy the bodies into the shard, in the candidates' order; say what became of each."""
    outcomes = []
    for index, (candidate, result) in enumerate(zip(candidates, results, strict=True)):
        if isinstance(result, Unfetched):
            outcomes.append(_failed(candidate, result))
            continue
        name = f"{index:05d}"
        offset = _add_member(shard, name, spool, result)
        outcomes.append(
            Outcome(
                candidate=candidate,
                name=name,
                offset=offset,
                length=result.length,
                alternative=result.alternative,
                final_url=result.fetched.final_url,
                status=result.fetched.status,
                elapsed_ms=result.fetched.elapsed_ms,
            )
        )
    shard.write(bytes(2 * tarfile.BLOCKSIZE))
    return outcomes


def _in_shard(outcome: Outcome, digest: str) -> Outcome:
    return outcome if outcome.reason else outcome.model_copy(update={"shard": digest})


def _failed(candidate: Candidate, result: Unfetched) -> Outcome:
    return Outcome(
        candidate=candidate,
        reason=result.reason,
        detail=result.detail[:DETAIL_MAX_CHARS],
        final_url=result.final_url,
        status=result.status,
        elapsed_ms=result.elapsed_ms,
    )


def _add_member(shard: IO[bytes], name: str, spool: IO[bytes], body: _Body) -> int:
    """Append one file to the tar; return where its bytes begin.

    The header holds nothing but name and length, so that the same bodies give the same shard.
    """
    header = tarfile.TarInfo(name)
    header.size = body.length
    shard.write(header.tobuf(tarfile.USTAR_FORMAT))
    offset = shard.tell()
    spool.seek(body.offset)
    left = body.length
    while left > 0:
        piece = spool.read(min(left, _COPY_BYTES))
        shard.write(piece)
        left -= len(piece)
    shard.write(bytes(-body.length % tarfile.BLOCKSIZE))
    return offset


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
