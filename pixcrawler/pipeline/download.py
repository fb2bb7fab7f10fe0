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
from pixcrawler.pipeline.limits import SHARD_MAX_BYTES
from pixcrawler.pipeline.payloads import ChunkRef, ChunkReport
from pixcrawler.pipeline.ports import BlobStore, ChunkCounts, Fetched, Fetcher, JobStore, Unfetched

DETAIL_MAX_CHARS = 300
MEMBER_OVERHEAD_BYTES = 1024
"""Of a tar member: its header, and at most one block of padding."""
DIGEST_DIGITS = 16
"""Of a shard's SHA-256, in its name."""
_COPY_BYTES = 1024 * 1024


@dataclass(frozen=True)
class _Body:
    """Where a fetched body waits in the spool file."""

    fetched: Fetched
    offset: int
    length: int


def download(ref: ChunkRef, *, jobs: JobStore, blobs: BlobStore, fetcher: Fetcher) -> ChunkReport:
    """Fetch a chunk's candidates into one shard, with one outcome for each candidate.

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
    """Fetch everything; bodies go to the spool as they come, so that memory holds few."""
    missing = Unfetched(RejectReason.UNREACHABLE, "the fetcher gave no result")
    results: list[_Body | Unfetched] = [missing] * len(candidates)
    spooled = 0
    for index, result in fetcher.fetch_all([one.url for one in candidates]):
        if isinstance(result, Unfetched):
            results[index] = result
            continue
        length = len(result.body)
        if spooled + length + MEMBER_OVERHEAD_BYTES > SHARD_MAX_BYTES:
            results[index] = _too_much(result)
            continue
        results[index] = _Body(_without_body(result), spool.tell(), length)
        spool.write(result.body)
        spooled += length + MEMBER_OVERHEAD_BYTES
    return results


def _without_body(fetched: Fetched) -> Fetched:
    return Fetched(b"", fetched.final_url, fetched.status, fetched.elapsed_ms)


def _too_much(fetched: Fetched) -> Unfetched:
    return Unfetched(
        RejectReason.OVER_LIMIT,
        f"the chunk's shard may hold {SHARD_MAX_BYTES} bytes",
        fetched.final_url,
        fetched.status,
        fetched.elapsed_ms,
    )


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
