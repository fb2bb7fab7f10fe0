"""What the pipeline needs from the world, as protocols. Adapters raise only errors of our tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Protocol

from pixcrawler.domain.job import Failure, Job, JobStatus, Stage
from pixcrawler.domain.note import Note
from pixcrawler.domain.source import EngineReport
from pixcrawler.domain.storage import Archive, BlobRef, DownloadLink, StorageTier
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.domain.visit import Visit
from pixcrawler.pipeline.payloads import Order
from pixcrawler.pipeline.visits.body import Body

# ------------------------------------------------------------------ storage


class BlobStore(Protocol):
    """Keeps bytes. Every write replaces what was there; containers are made on demand.

    Raises StorageUnavailable when the service cannot be reached, NotFound for a missing blob.
    """

    def put(self, ref: BlobRef, data: bytes, media_type: str = "application/octet-stream") -> None:
        """Write ``data``."""
        ...

    def put_file(
        self, ref: BlobRef, source: IO[bytes], media_type: str = "application/octet-stream"
    ) -> None:
        """Write everything from ``source``'s start, streamed."""
        ...

    def put_new(self, ref: BlobRef, data: bytes, media_type: str = "application/json") -> bool:
        """Write only when there is nothing yet; say whether it was written (If-None-Match: *)."""
        ...

    def get(self, ref: BlobRef) -> bytes:
        """Return all bytes."""
        ...

    def get_range(self, ref: BlobRef, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``."""
        ...

    def stream(self, ref: BlobRef) -> Iterator[bytes]:
        """Yield the bytes in pieces of at most 4 MiB."""
        ...

    def exists(self, ref: BlobRef) -> bool:
        """Say whether the blob is there."""
        ...

    def size(self, ref: BlobRef) -> int:
        """Return the blob's length in bytes."""
        ...

    def names(self, container: str, prefix: str) -> Iterator[str]:
        """Yield blob names that start with ``prefix``, in order; nothing for no container."""
        ...

    def lengths(self, container: str, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield what ``names`` does, each with the blob's bytes."""
        ...

    def delete(self, ref: BlobRef) -> None:
        """Remove; nothing happens when it is not there."""
        ...

    def delete_prefix(self, container: str, prefix: str) -> int:
        """Remove every blob whose name starts with ``prefix``; return how many."""
        ...

    def set_tier(self, ref: BlobRef, tier: StorageTier) -> None:
        """Move the blob to a storage tier."""
        ...

    def link(self, ref: BlobRef, expires_at: datetime, filename: str) -> DownloadLink:
        """Return a read-only address of this one blob, good until ``expires_at`` (UTC)."""
        ...

    def upload_link(self, ref: BlobRef, expires_at: datetime) -> DownloadLink:
        """Return an address that this one blob may be written to, and not read from."""
        ...


# ------------------------------------------------------------------ jobs and datasets


@dataclass(frozen=True)
class ChunkCounts:
    """Counts of one chunk that its activity writes; progress is the sum over chunks."""

    downloaded: int = 0
    valid: int = 0
    rejected: int = 0
    bytes: int = 0
    reasons: Mapping[RejectReason, int] = field(default_factory=dict)


class JobStore(Protocol):
    """Keeps jobs and their chunks. Every call is safe to repeat.

    Raises NotFound for an unknown job, DatabaseUnavailable when the service is away.
    """

    def job(self, job_id: str) -> Job:
        """Return the job as it is now."""
        ...

    def is_given_up(self, job_id: str) -> bool:
        """Say whether work on the job is in vain: it is or was cancelled, or it failed."""
        ...

    def set_stage(self, job_id: str, stage: Stage, round_no: int = 0) -> None:
        """Record where the story is; a pending job becomes running.

        Nothing happens when a later round, or packaging, has begun.
        """
        ...

    def add_chunks(self, job_id: str, round_no: int, candidates: Sequence[int]) -> None:
        """Record a round's chunks, with the number of candidates of each."""
        ...

    def chunk_started(self, job_id: str, round_no: int, chunk: int) -> None:
        """Record that an activity works on the chunk."""
        ...

    def chunk_downloaded(self, job_id: str, round_no: int, chunk: int, counts: ChunkCounts) -> None:
        """Record what downloading gave."""
        ...

    def chunk_validated(self, job_id: str, round_no: int, chunk: int, counts: ChunkCounts) -> None:
        """Record the chunk's end: totals over download and validation."""
        ...

    def set_engines(self, job_id: str, reports: Sequence[EngineReport], round_no: int = 0) -> None:
        """Record how the engines fared up to a round.

        Nothing happens when a later round, or packaging, has begun.
        """
        ...

    def engines(self, job_id: str) -> tuple[EngineReport, ...]:
        """Return how the engines fared so far, as last recorded."""
        ...

    def add_notes(self, job_id: str, notes: Sequence[Note]) -> None:
        """Record what the job's owner should know; see ``with_notes`` about repetitions."""
        ...

    def notes(self, job_id: str) -> tuple[Note, ...]:
        """Return the job's notes, the oldest first."""
        ...

    def downloaded_bytes(self, job_id: str) -> int:
        """Return how much the job has downloaded so far, over all its chunks."""
        ...

    def set_kept(
        self, job_id: str, kept: int, left_out: Mapping[RejectReason, int], round_no: int = 0
    ) -> None:
        """Record what deduplication up to a round keeps, how many it leaves out, and why.

        Nothing happens when a later round, or packaging, has begun.
        """
        ...

    def begin_packaging(self, job_id: str) -> bool:
        """Pass the point of no return; False when the job is being cancelled."""
        ...

    def finish(
        self, job_id: str, status: JobStatus, message: str, failure: Failure | None = None
    ) -> JobStatus:
        """Record the end and return the recorded status (the first end wins)."""
        ...


class JobKeeper(Protocol):
    """Finds the jobs that timers look after."""

    def unstarted(self, before: datetime) -> list[Order]:
        """Return jobs created before ``before`` that no story has begun."""
        ...

    def silent(self, before: datetime) -> list[Order]:
        """Return unfinished jobs that gave no sign of life since ``before``."""
        ...

    def ended(self, before: datetime) -> list[str]:
        """Return ids of jobs that ended before ``before`` and are not yet swept."""
        ...

    def mark_swept(self, job_id: str) -> None:
        """Record that the job's working files are gone."""
        ...


class DatasetStore(Protocol):
    """Keeps dataset versions and their archives. Every call is safe to repeat."""

    def version_assembled(
        self, dataset_id: str, version: int, images: int, bytes_: int, manifest: BlobRef
    ) -> None:
        """Record a complete, not yet packaged version."""
        ...

    def register_archive(
        self, dataset_id: str, version: int, archive: Archive, tier: StorageTier
    ) -> str:
        """Record the archive of a version; return the id of the job that built the version."""
        ...

    def archive(self, dataset_id: str, version: int) -> Archive | None:
        """Return the registered archive, if any."""
        ...


# ------------------------------------------------------------------ the web


@dataclass(frozen=True)
class Fetched:
    """The body of a GET that ended well; whoever takes it closes the body."""

    body: Body
    final_url: str
    status: int
    elapsed_ms: int
    visit: Visit | None = None


@dataclass(frozen=True)
class Unfetched:
    """Why a GET gave no body."""

    reason: RejectReason
    detail: str
    final_url: str | None = None
    status: int | None = None
    elapsed_ms: int = 0
    visit: Visit | None = None


class Fetcher(Protocol):
    """Downloads many addresses at once, guarded, polite and bounded."""

    def fetch_all(self, urls: Sequence[str]) -> Iterator[tuple[int, Fetched | Unfetched]]:
        """Yield (index into ``urls``, result) as each ends; every index exactly once."""
        ...


class Clock(Protocol):
    """Tells the time."""

    def __call__(self) -> datetime:
        """Return the time now, UTC-aware."""
        ...
