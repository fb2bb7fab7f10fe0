"""Progress: how far a job is, computed from the counts of its chunks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import Field

from pixcrawler.domain.job import JobStatus, Stage
from pixcrawler.domain.model import Value
from pixcrawler.domain.verdict import RejectReason

_PACED_STAGES = frozenset({Stage.DISCOVERING, Stage.DOWNLOADING, Stage.DEDUPLICATING})
"""Stages whose rest can be told from the pace of the chunks so far."""


DOWNLOAD_SHARE = 0.75
"""Of a chunk's time goes to its download, on the real web; the rest to validation."""


class ChunkStatus(StrEnum):
    """States of a chunk."""

    QUEUED = "queued"
    RUNNING = "running"
    DOWNLOADED = "downloaded"
    VALIDATED = "validated"
    FAILED = "failed"
    """The job failed before the chunk was done."""
    SKIPPED = "skipped"
    """The job was cancelled before the chunk was done."""


@dataclass(frozen=True)
class Tally:
    """Sums over the chunks of a job, and what its own row says."""

    wanted: int
    status: JobStatus = JobStatus.PENDING
    stage: Stage = Stage.QUEUED
    round: int = 0
    chunks: Mapping[ChunkStatus, int] = field(default_factory=dict)
    candidates: int = 0
    downloaded: int = 0
    valid: int = 0
    rejected: int = 0
    bytes: int = 0
    reasons: Mapping[RejectReason, int] = field(default_factory=dict)
    kept: int | None = None
    """What deduplication keeps; None before it ran first."""
    left_out: Mapping[RejectReason, int] = field(default_factory=dict)
    elapsed_s: float | None = None
    """Seconds since the job started; None when it has not."""


class ChunkCount(Value):
    """How many chunks a job has so far, and how they fare."""

    total: int = Field(ge=0)
    active: int = Field(ge=0)
    completed: int = Field(ge=0)
    failed: int = Field(ge=0)


class Progress(Value):
    """How far a job is.

    ``kept`` is what deduplication keeps; before it ran first, the number of valid images,
    never more than wanted. ``rejected`` and ``reasons`` also count duplicates.
    """

    round: int = Field(ge=0)
    chunks: ChunkCount
    candidates: int = Field(ge=0)
    downloaded: int = Field(ge=0)
    kept: int = Field(ge=0)
    rejected: int = Field(ge=0)
    reasons: dict[RejectReason, int]
    bytes: int = Field(ge=0)
    success_rate: float | None = Field(ge=0, le=1)
    """Share of the finished candidates that gave a valid image; None while there are none."""
    eta_s: int | None = Field(ge=0)
    """Estimated seconds until enough is kept; None when nothing tells the pace."""


def progress_of(tally: Tally) -> Progress:
    """Return the progress that ``tally`` amounts to."""
    left_out = sum(tally.left_out.values())
    kept = min(tally.valid, tally.wanted) if tally.kept is None else tally.kept
    finished = tally.valid + tally.rejected
    validated = tally.chunks.get(ChunkStatus.VALIDATED, 0)
    return Progress(
        round=tally.round,
        chunks=_count(tally.chunks),
        candidates=tally.candidates,
        downloaded=tally.downloaded,
        kept=kept,
        rejected=tally.rejected + left_out,
        reasons=_added(tally.reasons, tally.left_out),
        bytes=tally.bytes,
        success_rate=round(tally.valid / finished, 4) if finished and validated else None,
        eta_s=_eta_s(tally),
    )


def _count(chunks: Mapping[ChunkStatus, int]) -> ChunkCount:
    return ChunkCount(
        total=sum(chunks.values()),
        active=chunks.get(ChunkStatus.RUNNING, 0) + chunks.get(ChunkStatus.DOWNLOADED, 0),
        completed=chunks.get(ChunkStatus.VALIDATED, 0),
        failed=chunks.get(ChunkStatus.FAILED, 0),
    )


def _added(
    first: Mapping[RejectReason, int], second: Mapping[RejectReason, int]
) -> dict[RejectReason, int]:
    sums = {reason: first.get(reason, 0) + second.get(reason, 0) for reason in RejectReason}
    return {reason: count for reason, count in sums.items() if count}


def _eta_s(tally: Tally) -> int | None:
    """Time for the open chunks at the pace of the finished ones, and for what they will lack."""
    if tally.status is not JobStatus.RUNNING or tally.stage not in _PACED_STAGES:
        return None
    validated = tally.chunks.get(ChunkStatus.VALIDATED, 0)
    fetched = tally.chunks.get(ChunkStatus.DOWNLOADED, 0)
    finished = validated + fetched * DOWNLOAD_SHARE
    if not tally.elapsed_s or not finished or (validated and not tally.valid):
        return None
    total = sum(tally.chunks.values())
    open_chunks_s = (total - finished) * tally.elapsed_s / finished
    return math.ceil(open_chunks_s + _lacking_s(tally, validated, total))


def _lacking_s(tally: Tally, validated: int, total: int) -> float:
    """Seconds for further rounds, when what the open chunks promise is not enough."""
    if not validated or not tally.valid or not tally.elapsed_s:
        return 0.0
    duplicates = sum(tally.left_out.values()) - tally.left_out.get(RejectReason.OVER_LIMIT, 0)
    good = max(1, tally.valid - duplicates)
    expected = good * total / validated
    return max(0.0, tally.wanted - expected) * tally.elapsed_s / good
