"""Jobs in a dictionary: a JobStore for tests and for trying a step without a database."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pixcrawler.adapters.memory.datasets import MemoryDatasets
from pixcrawler.domain.catalogue import VersionStatus
from pixcrawler.domain.errors import NotFound
from pixcrawler.domain.job import Failure, Job, JobStatus, Stage
from pixcrawler.domain.note import Note, with_notes
from pixcrawler.domain.progress import ChunkStatus, Progress, Tally, progress_of
from pixcrawler.domain.source import EngineReport
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.ports import ChunkCounts, Clock

_OPEN = (ChunkStatus.QUEUED, ChunkStatus.RUNNING, ChunkStatus.DOWNLOADED)
_IN_VAIN = (JobStatus.CANCELLING, JobStatus.CANCELLED, JobStatus.FAILED)
_UNFINISHED = {
    JobStatus.FAILED: (ChunkStatus.FAILED, VersionStatus.FAILED),
    JobStatus.CANCELLED: (ChunkStatus.SKIPPED, VersionStatus.CANCELLED),
}


@dataclass
class _Chunk:
    candidates: int
    status: ChunkStatus = ChunkStatus.QUEUED
    counts: ChunkCounts = field(default_factory=ChunkCounts)


@dataclass
class _Record:
    job: Job
    stage: Stage = Stage.QUEUED
    round: int = 0
    chunks: dict[tuple[int, int], _Chunk] = field(default_factory=dict)
    engines: tuple[EngineReport, ...] = ()
    notes: tuple[Note, ...] = ()
    kept: int | None = None
    left_out: dict[RejectReason, int] = field(default_factory=dict)
    message: str | None = None
    failure: Failure | None = None
    started_at: datetime | None = None

    def is_past(self, round_no: int) -> bool:
        return self.stage in (Stage.PACKAGING, Stage.DONE) or self.round > round_no

    @property
    def status(self) -> JobStatus:
        return self.job.status

    @status.setter
    def status(self, status: JobStatus) -> None:
        self.job = self.job.model_copy(update={"status": status})


@dataclass(frozen=True)
class JobState:
    """What a job's row says, beside what the steps need."""

    status: JobStatus
    stage: Stage
    message: str | None
    failure: Failure | None
    progress: Progress
    notes: tuple[Note, ...] = ()


def _now() -> datetime:
    return datetime.now(UTC)


class MemoryJobs:
    """A JobStore; safe to use from several threads.

    Args:
        datasets: told when a job ends without a packaged version.
        clock: for the estimate of the time left.
    """

    def __init__(self, datasets: MemoryDatasets | None = None, clock: Clock = _now) -> None:
        self._datasets = datasets or MemoryDatasets()
        self._clock = clock
        self._lock = threading.Lock()
        self._records: dict[str, _Record] = {}

    def add(self, job: Job) -> None:
        """Keep a new job, and begin its dataset version."""
        with self._lock:
            self._records[job.id] = _Record(job)
        self._datasets.add(job.dataset_id, job.version, job.id)

    def state(self, job_id: str) -> JobState:
        """Return what the job's owner would see."""
        with self._record(job_id) as record:
            progress = progress_of(self._tally(record))
            return JobState(
                record.status,
                record.stage,
                record.message,
                record.failure,
                progress,
                record.notes,
            )

    def cancel(self, job_id: str) -> None:
        """Ask for the job to be cancelled; too late once it is being packaged or has ended."""
        with self._record(job_id) as record:
            if not record.status.is_final and record.stage is not Stage.PACKAGING:
                record.status = JobStatus.CANCELLING

    def job(self, job_id: str) -> Job:
        """Return the job as it is now."""
        with self._record(job_id) as record:
            return record.job

    def is_given_up(self, job_id: str) -> bool:
        """Say whether work on the job is in vain: it is or was cancelled, or it failed."""
        with self._record(job_id) as record:
            return record.status in _IN_VAIN

    def set_stage(self, job_id: str, stage: Stage, round_no: int = 0) -> None:
        """Record where the story is; a late call neither reopens a job nor undoes packaging."""
        with self._record(job_id) as record:
            if record.is_past(round_no):
                return
            record.stage, record.round = stage, round_no
            record.started_at = record.started_at or self._clock()
            if record.status is JobStatus.PENDING:
                record.status = JobStatus.RUNNING

    def add_chunks(self, job_id: str, round_no: int, candidates: Sequence[int]) -> None:
        """Record a round's chunks, with the number of candidates of each."""
        with self._record(job_id) as record:
            for chunk, count in enumerate(candidates):
                record.chunks.setdefault((round_no, chunk), _Chunk(count))

    def chunk_started(self, job_id: str, round_no: int, chunk: int) -> None:
        """Record that an activity works on the chunk."""
        with self._chunk(job_id, round_no, chunk) as known:
            if known.status is ChunkStatus.QUEUED:
                known.status = ChunkStatus.RUNNING

    def chunk_downloaded(self, job_id: str, round_no: int, chunk: int, counts: ChunkCounts) -> None:
        """Record what downloading gave; nothing happens when the chunk is already done."""
        with self._chunk(job_id, round_no, chunk) as known:
            if known.status in _OPEN:
                known.status, known.counts = ChunkStatus.DOWNLOADED, counts

    def chunk_validated(self, job_id: str, round_no: int, chunk: int, counts: ChunkCounts) -> None:
        """Record the chunk's end: totals over download and validation."""
        with self._chunk(job_id, round_no, chunk) as known:
            if known.status in (*_OPEN, ChunkStatus.VALIDATED):
                known.status, known.counts = ChunkStatus.VALIDATED, counts

    def set_engines(self, job_id: str, reports: Sequence[EngineReport], round_no: int = 0) -> None:
        """Record how the engines fared up to a round."""
        with self._record(job_id) as record:
            if not record.is_past(round_no):
                record.engines = tuple(reports)

    def engines(self, job_id: str) -> tuple[EngineReport, ...]:
        """Return how the engines fared so far, as last recorded."""
        with self._record(job_id) as record:
            return record.engines

    def add_notes(self, job_id: str, notes: Sequence[Note]) -> None:
        """Record what the job's owner should know."""
        with self._record(job_id) as record:
            record.notes = with_notes(record.notes, notes)

    def notes(self, job_id: str) -> tuple[Note, ...]:
        """Return the job's notes, the oldest first."""
        with self._record(job_id) as record:
            return record.notes

    def downloaded_bytes(self, job_id: str) -> int:
        """Return how much the job has downloaded so far, over all its chunks."""
        with self._record(job_id) as record:
            return sum(chunk.counts.bytes for chunk in record.chunks.values())

    def set_kept(
        self, job_id: str, kept: int, left_out: Mapping[RejectReason, int], round_no: int = 0
    ) -> None:
        """Record what deduplication up to a round keeps, how many it leaves out, and why."""
        with self._record(job_id) as record:
            if not record.is_past(round_no):
                record.kept, record.left_out = kept, dict(left_out)

    def begin_packaging(self, job_id: str) -> bool:
        """Pass the point of no return; False when the job is being cancelled or failed."""
        with self._record(job_id) as record:
            if record.status in (JobStatus.PENDING, JobStatus.RUNNING):
                record.status, record.stage = JobStatus.RUNNING, Stage.PACKAGING
                record.started_at = record.started_at or self._clock()
            return record.status in (JobStatus.RUNNING, JobStatus.SUCCEEDED, JobStatus.PARTIAL)

    def finish(
        self, job_id: str, status: JobStatus, message: str, failure: Failure | None = None
    ) -> JobStatus:
        """Record the end and return the recorded status (the first end wins)."""
        with self._record(job_id) as record:
            if record.status.is_final:
                return record.status
            record.status, record.stage = status, Stage.DONE
            record.message, record.failure = message, failure
            job = record.job
            if status in _UNFINISHED:
                chunk_status, version_status = _UNFINISHED[status]
                for chunk in record.chunks.values():
                    chunk.status = chunk_status if chunk.status in _OPEN else chunk.status
                self._datasets.job_ended(job.dataset_id, job.version, version_status)
            return status

    @contextmanager
    def _record(self, job_id: str) -> Iterator[_Record]:
        with self._lock:
            if job_id not in self._records:
                raise NotFound(f"There is no job {job_id}.")
            yield self._records[job_id]

    @contextmanager
    def _chunk(self, job_id: str, round_no: int, chunk: int) -> Iterator[_Chunk]:
        with self._record(job_id) as record:
            if (round_no, chunk) not in record.chunks:
                raise NotFound(f"Job {job_id} has no chunk {chunk} in round {round_no}.")
            yield record.chunks[round_no, chunk]

    def _tally(self, record: _Record) -> Tally:
        counts = [chunk.counts for chunk in record.chunks.values()]
        reasons: Counter[RejectReason] = Counter()
        for count in counts:
            reasons.update(count.reasons)
        elapsed = self._clock() - record.started_at if record.started_at else None
        return replace(
            Tally(wanted=record.job.spec.max_images, status=record.status, stage=record.stage),
            round=record.round,
            chunks=Counter(chunk.status for chunk in record.chunks.values()),
            candidates=sum(chunk.candidates for chunk in record.chunks.values()),
            downloaded=sum(count.downloaded for count in counts),
            valid=sum(count.valid for count in counts),
            rejected=sum(count.rejected for count in counts),
            bytes=sum(count.bytes for count in counts),
            reasons=reasons,
            kept=record.kept,
            left_out=record.left_out,
            elapsed_s=elapsed.total_seconds() if elapsed else None,
        )
