"""Jobs as the steps know them: a JobStore in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from pixcrawler.adapters.postgres.identifiers import uuid_of
from pixcrawler.adapters.postgres.pool import Database
from pixcrawler.adapters.postgres.statements import statements
from pixcrawler.domain.catalogue import VersionStatus
from pixcrawler.domain.errors import NotFound
from pixcrawler.domain.job import Failure, Job, JobSpec, JobStatus, Stage
from pixcrawler.domain.note import Note, with_notes
from pixcrawler.domain.progress import ChunkStatus
from pixcrawler.domain.source import EngineReport
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.ports import ChunkCounts

_SQL = statements("jobs")
_MESSAGE_MAX_CHARS = 4000
_UNFINISHED = {
    JobStatus.FAILED: (ChunkStatus.FAILED, VersionStatus.FAILED),
    JobStatus.CANCELLED: (ChunkStatus.SKIPPED, VersionStatus.CANCELLED),
}


class PostgresJobs:
    """A JobStore; acts as the service, so it sees the jobs of every user."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def job(self, job_id: str) -> Job:
        """Return the job as it is now."""
        row = self._row("job", job_id)
        return Job(
            id=str(row["id"]),
            user_id=str(row["user_id"]),
            dataset_id=str(row["dataset_id"]),
            version=row["version"],
            status=JobStatus(row["status"]),
            spec=JobSpec.model_validate(row["spec"]),
        )

    def is_given_up(self, job_id: str) -> bool:
        """Say whether work on the job is in vain: it is or was cancelled, or it failed."""
        return bool(self._row("is_given_up", job_id)["answer"])

    def set_stage(self, job_id: str, stage: Stage, round_no: int = 0) -> None:
        """Record where the story is; a late call neither reopens a job nor undoes packaging."""
        self._write("set_stage", job_id, {"stage": stage.value, "round": round_no})

    def add_chunks(self, job_id: str, round_no: int, candidates: Sequence[int]) -> None:
        """Record a round's chunks, with the number of candidates of each."""
        values = {"round": round_no, "candidates": list(candidates)}
        with self._database.as_service() as connection:
            _require(connection, "status", job_id)
            connection.execute(_SQL["add_chunks"], _named(job_id, values))

    def chunk_started(self, job_id: str, round_no: int, chunk: int) -> None:
        """Record that an activity works on the chunk."""
        self._write_chunk("chunk_started", job_id, {"round": round_no, "chunk": chunk})

    def chunk_downloaded(self, job_id: str, round_no: int, chunk: int, counts: ChunkCounts) -> None:
        """Record what downloading gave; nothing happens when the chunk is already done."""
        values = {"round": round_no, "chunk": chunk, **_columns(counts)}
        self._write_chunk("chunk_downloaded", job_id, values)

    def chunk_validated(self, job_id: str, round_no: int, chunk: int, counts: ChunkCounts) -> None:
        """Record the chunk's end: totals over download and validation."""
        values = {"round": round_no, "chunk": chunk, **_columns(counts)}
        self._write_chunk("chunk_validated", job_id, values)

    def set_engines(self, job_id: str, reports: Sequence[EngineReport], round_no: int = 0) -> None:
        """Record how the engines fared up to a round."""
        engines = Jsonb([report.model_dump(mode="json") for report in reports])
        self._write("set_engines", job_id, {"engines": engines, "round": round_no})

    def engines(self, job_id: str) -> tuple[EngineReport, ...]:
        """Return how the engines fared so far, as last recorded."""
        reports = self._row("engines", job_id)["answer"]
        return tuple(EngineReport.model_validate(report) for report in reports)

    def add_notes(self, job_id: str, notes: Sequence[Note]) -> None:
        """Record what the job's owner should know; two workers at once lose nothing."""
        with self._database.as_service() as connection:
            known = _notes(_require(connection, "notes_to_change", job_id)["answer"])
            together = with_notes(known, notes)
            if together != known:
                values = {"notes": Jsonb([note.model_dump(mode="json") for note in together])}
                connection.execute(_SQL["set_notes"], _named(job_id, values))

    def notes(self, job_id: str) -> tuple[Note, ...]:
        """Return the job's notes, the oldest first."""
        return _notes(self._row("notes", job_id)["answer"])

    def downloaded_bytes(self, job_id: str) -> int:
        """Return how much the job has downloaded so far, over all its chunks."""
        return int(self._row("downloaded_bytes", job_id)["answer"])

    def set_kept(
        self, job_id: str, kept: int, left_out: Mapping[RejectReason, int], round_no: int = 0
    ) -> None:
        """Record what deduplication up to a round keeps, how many it leaves out, and why."""
        values = {"kept": kept, "left_out": Jsonb(_plain(left_out)), "round": round_no}
        self._write("set_kept", job_id, values)

    def begin_packaging(self, job_id: str) -> bool:
        """Pass the point of no return; False when the job is being cancelled or failed."""
        with self._database.as_service() as connection:
            connection.execute(_SQL["begin_packaging"], _named(job_id))
            return bool(_require(connection, "may_package", job_id)["answer"])

    def finish(
        self, job_id: str, status: JobStatus, message: str, failure: Failure | None = None
    ) -> JobStatus:
        """Record the end and return the recorded status (the first end wins).

        What a failed or cancelled job left open, its chunks and its version, ends with it.
        """
        ending = {
            "status": status.value,
            "message": message[:_MESSAGE_MAX_CHARS],
            "error_code": failure.code if failure else None,
            "error_message": failure.message if failure else None,
        }
        with self._database.as_service() as connection:
            built = connection.execute(_SQL["finish"], _named(job_id, ending)).fetchone()
            if built is None:
                return JobStatus(_require(connection, "status", job_id)["answer"])
            if status in _UNFINISHED:
                chunk_status, version_status = _UNFINISHED[status]
                statuses = {"chunk_status": chunk_status, "version_status": version_status}
                connection.execute(_SQL["close_chunks"], _named(job_id, statuses))
                connection.execute(_SQL["close_version"], {**statuses, **built})
            return status

    def _row(self, name: str, job_id: str) -> DictRow:
        with self._database.as_service() as connection:
            return _require(connection, name, job_id)

    def _write(self, name: str, job_id: str, values: Mapping[str, Any]) -> None:
        with self._database.as_service() as connection:
            if not connection.execute(_SQL[name], _named(job_id, values)).rowcount:
                _require(connection, "status", job_id)

    def _write_chunk(self, name: str, job_id: str, values: Mapping[str, Any]) -> None:
        named = _named(job_id, values)
        with self._database.as_service() as connection:
            if connection.execute(_SQL[name], named).rowcount:
                return
            if connection.execute(_SQL["chunk_exists"], named).fetchone() is None:
                raise NotFound(f"Job {job_id} has no such chunk.")


def _named(job_id: str, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"job_id": uuid_of(job_id, "job"), **(values or {})}


def _require(connection: Connection[DictRow], name: str, job_id: str) -> DictRow:
    row = connection.execute(_SQL[name], _named(job_id)).fetchone()
    if row is None:
        raise _missing(job_id)
    return row


def _notes(rows: Sequence[Mapping[str, Any]]) -> tuple[Note, ...]:
    return tuple(Note.model_validate(row) for row in rows)


def _missing(job_id: str) -> NotFound:
    return NotFound(f"There is no job {job_id}.")


def _plain(counts: Mapping[RejectReason, int]) -> dict[str, int]:
    return {reason.value: count for reason, count in counts.items() if count}


def _columns(counts: ChunkCounts) -> dict[str, Any]:
    return {
        "downloaded": counts.downloaded,
        "valid": counts.valid,
        "rejected": counts.rejected,
        "bytes": counts.bytes,
        "reasons": Jsonb(_plain(counts.reasons)),
    }
