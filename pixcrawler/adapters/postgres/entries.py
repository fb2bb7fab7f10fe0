"""Rows become the entries that people are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pixcrawler.domain.catalogue import ArchiveEntry, DatasetEntry, JobEntry, VersionEntry
from pixcrawler.domain.estimate import CREDITS_PER_IMAGE, Actual
from pixcrawler.domain.job import Failure, JobStatus, Stage
from pixcrawler.domain.progress import ChunkStatus, Progress, Tally, progress_of
from pixcrawler.domain.storage import Archive, BlobRef
from pixcrawler.domain.verdict import RejectReason

Row = Mapping[str, Any]

_CHUNK_COLUMNS = {
    ChunkStatus.QUEUED: "queued",
    ChunkStatus.RUNNING: "running",
    ChunkStatus.DOWNLOADED: "fetched",
    ChunkStatus.VALIDATED: "validated",
    ChunkStatus.FAILED: "failed",
    ChunkStatus.SKIPPED: "skipped",
}


def job_entry(row: Row) -> JobEntry:
    """Return the job that a row of ``crawl_job_entries`` describes."""
    code = row["error_code"]
    return JobEntry(
        id=str(row["id"]),
        name=row["name"],
        project=row["project"],
        dataset_id=str(row["dataset_id"]),
        version=row["version"],
        status=JobStatus(row["status"]),
        stage=Stage(row["stage"]),
        wanted=row["wanted"],
        progress=_progress(row),
        engines=row["engines"],
        notes=row["notes"],
        message=row["message"],
        error=Failure(code=code, message=row["error_message"] or "") if code else None,
        spec=row["spec"],
        estimate=row["estimate"],
        actual=_actual(row),
        retry_of=str(row["retry_of"]) if row["retry_of"] else None,
        retry_reasons=row["retry_reasons"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )


def _actual(row: Row) -> Actual | None:
    """What the job gave and cost in the end; None before."""
    if row["finished_at"] is None:
        return None
    has_dataset = JobStatus(row["status"]) in (JobStatus.SUCCEEDED, JobStatus.PARTIAL)
    images = (row["kept"] or 0) if has_dataset else 0
    seconds = (row["finished_at"] - (row["started_at"] or row["finished_at"])).total_seconds()
    return Actual(
        images=images,
        bytes=row["bytes"],
        minutes=round(max(0.0, seconds) / 60, 2),
        # What a retry took over was paid for with the job before it.
        credits=max(0, images - row["base_kept"]) * CREDITS_PER_IMAGE,
    )


def _progress(row: Row) -> Progress:
    tally = Tally(
        wanted=row["wanted"],
        status=JobStatus(row["status"]),
        stage=Stage(row["stage"]),
        round=row["round"],
        chunks={status: row[column] for status, column in _CHUNK_COLUMNS.items()},
        candidates=row["candidates"],
        downloaded=row["downloaded"],
        valid=row["valid"],
        rejected=row["rejected"],
        bytes=row["bytes"],
        reasons=_reasons(row["reasons"]),
        kept=row["kept"],
        left_out=_reasons(row["left_out"]),
        elapsed_s=row["elapsed_s"],
    )
    return progress_of(tally)


def _reasons(counts: Mapping[str, int]) -> dict[RejectReason, int]:
    return {RejectReason(reason): count for reason, count in counts.items()}


def dataset_entry(row: Row) -> DatasetEntry:
    """Return the dataset that a row of ``dataset_entries`` describes."""
    latest = row["latest_version"]
    return DatasetEntry(
        id=str(row["id"]),
        name=row["name"],
        project=row["project"],
        latest_version=version_entry(latest) if latest else None,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def version_entry(row: Row) -> VersionEntry:
    """Return the version that a row of ``dataset_version_entries`` describes."""
    return VersionEntry(
        dataset_id=str(row["dataset_id"]),
        version=row["version"],
        status=row["status"],
        job_id=str(row["job_id"]),
        images=row["images"],
        bytes=row["bytes"],
        archive=_archive_entry(row) if row["archive_name"] else None,
        created_at=row["created_at"],
        packaged_at=row["packaged_at"],
    )


def _archive_entry(row: Row) -> ArchiveEntry:
    return ArchiveEntry(
        filename=row["archive_name"].rpartition("/")[2],
        format=row["archive_format"],
        bytes=row["archive_bytes"],
        sha256=row["archive_sha256"],
        tier=row["archive_tier"],
        created_at=row["archive_created_at"],
    )


def archive_of(row: Row) -> Archive | None:
    """Return the archive that a row of ``dataset_version_entries`` points at, if any."""
    if not row["archive_name"]:
        return None
    return Archive(
        blob=BlobRef(container=row["archive_container"], name=row["archive_name"]),
        format=row["archive_format"],
        bytes=row["archive_bytes"],
        sha256=row["archive_sha256"],
    )
