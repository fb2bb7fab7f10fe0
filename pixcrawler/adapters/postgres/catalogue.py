"""What people are shown and may change: their own jobs, datasets and versions, nobody else's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Json, Jsonb

from pixcrawler.adapters.postgres.creation import (
    insert_job,
    insert_retry,
    one_row,
    repeated_job,
    spec_hash,
)
from pixcrawler.adapters.postgres.entries import archive_of, dataset_entry, job_entry, version_entry
from pixcrawler.adapters.postgres.identifiers import uuid_of
from pixcrawler.adapters.postgres.paging import cursor_after, page_values
from pixcrawler.adapters.postgres.pool import CALLER_TIMEOUT_MS, Database
from pixcrawler.adapters.postgres.statements import statements
from pixcrawler.domain.account import Principal
from pixcrawler.domain.catalogue import (
    DatasetEntry,
    JobEntry,
    Listing,
    Page,
    VersionEntry,
    VersionStatus,
)
from pixcrawler.domain.errors import Conflict, Forbidden, NotFound, Unauthenticated
from pixcrawler.domain.job import JobSpec, JobStatus
from pixcrawler.domain.note import Note, with_notes
from pixcrawler.domain.retry import RetryCall
from pixcrawler.domain.storage import Archive

_SQL = statements("catalogue")
MAX_VERSION = 2**31 - 1
MAX_VERSIONS_SHOWN = 1000


@dataclass(frozen=True)
class Created:
    """The job of a create call, and whether the call was a repetition of an earlier one."""

    job: JobEntry
    is_repeated: bool


class PostgresCatalogue:
    """Reads as the caller, writes as the service; every statement names the owner.

    Raises NotFound for what does not exist or belongs to somebody else, DatabaseUnavailable when
    the database is away.

    Args:
        api: logs in as ``pixcrawler_api``.
        worker: logs in as ``pixcrawler_worker``; users have no rights to write.
    """

    def __init__(self, api: Database, worker: Database) -> None:
        self._api = api
        self._worker = worker

    def ping(self) -> None:
        """Ask the database for a sign of life, as both login roles."""
        self._api.ping()
        self._worker.ping()

    def require_live_session(self, principal: Principal) -> None:
        """Check what an access token cannot know: signed out, banned or deleted since.

        Raises:
            Unauthenticated: the session is over.
        """
        values = {"session_id": UUID(principal.session_id), "user_id": UUID(principal.user_id)}
        with self._worker.as_service(CALLER_TIMEOUT_MS) as connection:
            row = connection.execute(_SQL["session_is_live"], values).fetchone()
        if not row or not row["answer"]:
            raise Unauthenticated("The session has ended: sign in again.", reason="session_ended")

    def require_operator(self, principal: Principal) -> None:
        """Check that the caller is an operator: the profile decides, not the token.

        Raises:
            Forbidden: the caller is none.
        """
        with self._worker.as_service(CALLER_TIMEOUT_MS) as connection:
            values = {"user_id": UUID(principal.user_id)}
            row = connection.execute(_SQL["is_operator"], values).fetchone()
        if not row or not row["answer"]:
            raise Forbidden

    # -------------------------------------------------------------- jobs

    def create_job(
        self,
        principal: Principal,
        spec: JobSpec,
        idempotency_key: str | None = None,
        notes: Sequence[Note] = (),
    ) -> Created:
        """Create a job, its dataset and project where they are new, and its next version.

        All or nothing. The same key with the same job file gives the same job again, with the
        notes that it was created with.

        Raises:
            Conflict: the key was used for another job file, or the dataset's name is taken by
                another project.
        """
        values = {
            "user_id": UUID(principal.user_id),
            "email": principal.email or None,
            "spec": Json(spec.model_dump(mode="json")),
            "wanted": spec.max_images,
            "notes": Jsonb([note.model_dump(mode="json") for note in with_notes((), notes)]),
            "idempotency_key": idempotency_key,
            "request_hash": spec_hash(spec) if idempotency_key else None,
            "spec_hash": spec_hash(spec),
        }
        with self._worker.as_service(CALLER_TIMEOUT_MS) as connection:
            connection.execute(_SQL["repair_profile"], values)
            connection.execute(_SQL["lock_owner"], values)
            repeated = repeated_job(connection, values) if idempotency_key else None
            job_id = repeated or insert_job(connection, values, spec)
            row = one_row(connection, _SQL["job"], {**values, "job_id": job_id}, "job")
        return Created(job=job_entry(row), is_repeated=repeated is not None)

    def retry_job(self, principal: Principal, call: RetryCall, *, has_papers: bool) -> Created:
        """Create a job that fetches again what failed in an ended one, for the version after it.

        Args:
            principal: the caller.
            call: what is asked for; the same key for the same retry gives the same job again.
            has_papers: what the ended job says of its candidates can still be read.

        Raises:
            Conflict: the key was used for another request, or the job cannot be retried.
        """
        values = {
            "user_id": UUID(principal.user_id),
            "job_id": uuid_of(call.job_id, "job"),
            "reasons": [reason.value for reason in call.reasons],
            "idempotency_key": call.key,
            "request_hash": call.digest if call.key else None,
        }
        with self._worker.as_service(CALLER_TIMEOUT_MS) as connection:
            connection.execute(_SQL["lock_owner"], values)
            base = job_entry(one_row(connection, _SQL["job"], values, "job"))
            repeated = repeated_job(connection, values) if call.key else None
            job_id = repeated or insert_retry(connection, values, base, call, has_papers=has_papers)
            row = one_row(connection, _SQL["job"], {**values, "job_id": job_id}, "job")
        return Created(job=job_entry(row), is_repeated=repeated is not None)

    def list_jobs(self, principal: Principal, page: Page) -> Listing[JobEntry]:
        """Return the caller's jobs, newest first."""
        rows, cursor = self._page("jobs", principal, page)
        return Listing[JobEntry](items=tuple(map(job_entry, rows)), next_cursor=cursor)

    def job(self, principal: Principal, job_id: str) -> JobEntry:
        """Return one job of the caller."""
        return job_entry(self._read("job", principal, {"job_id": uuid_of(job_id, "job")}, "job"))

    def cancel_job(self, principal: Principal, job_id: str) -> JobEntry:
        """Ask for a job to be cancelled; asking again changes nothing.

        Raises:
            Conflict: it has ended, or is already being packaged.
        """
        values = {"job_id": uuid_of(job_id, "job"), "user_id": UUID(principal.user_id)}
        with self._worker.as_service(CALLER_TIMEOUT_MS) as connection:
            cancelled = connection.execute(_SQL["cancel_job"], values).fetchone()
            entry = job_entry(one_row(connection, _SQL["job"], values, "job"))
        if cancelled is None:
            raise _too_late(entry)
        return entry

    # -------------------------------------------------------------- datasets

    def list_datasets(self, principal: Principal, page: Page) -> Listing[DatasetEntry]:
        """Return the caller's datasets, newest first."""
        rows, cursor = self._page("datasets", principal, page)
        return Listing[DatasetEntry](items=tuple(map(dataset_entry, rows)), next_cursor=cursor)

    def dataset(self, principal: Principal, dataset_id: str) -> DatasetEntry:
        """Return one dataset of the caller."""
        values = {"dataset_id": uuid_of(dataset_id, "dataset")}
        return dataset_entry(self._read("dataset", principal, values, "dataset"))

    def versions(self, principal: Principal, dataset_id: str) -> Listing[VersionEntry]:
        """Return the newest versions of one dataset, newest first."""
        values = {
            "user_id": UUID(principal.user_id),
            "dataset_id": uuid_of(dataset_id, "dataset"),
            "limit": MAX_VERSIONS_SHOWN,
        }
        with self._api.as_user(principal.user_id) as connection:
            one_row(connection, _SQL["dataset"], values, "dataset")
            rows = connection.execute(_SQL["versions"], values).fetchall()
        return Listing[VersionEntry](items=tuple(map(version_entry, rows)))

    def version(self, principal: Principal, dataset_id: str, version: int) -> VersionEntry:
        """Return one version of a dataset."""
        return version_entry(self._version_row(principal, dataset_id, version))

    def archive(self, principal: Principal, dataset_id: str, version: int) -> Archive:
        """Return the archive of a version.

        Raises:
            Conflict: the version is not packaged (yet).
        """
        row = self._version_row(principal, dataset_id, version)
        archive = archive_of(row)
        if archive is None or row["status"] != VersionStatus.PACKAGED:
            raise Conflict(
                f"Version {version} cannot be downloaded: it is {row['status']}.",
                status=row["status"],
            )
        return archive

    # -------------------------------------------------------------- private

    def _version_row(self, principal: Principal, dataset_id: str, version: int) -> DictRow:
        if not 0 < version <= MAX_VERSION:
            raise NotFound("There is no such version.")
        values = {"dataset_id": uuid_of(dataset_id, "dataset"), "version": version}
        return self._read("version", principal, values, "version")

    def _read(self, name: str, principal: Principal, values: dict[str, Any], kind: str) -> DictRow:
        with self._api.as_user(principal.user_id) as connection:
            return one_row(
                connection, _SQL[name], {**values, "user_id": UUID(principal.user_id)}, kind
            )

    def _page(
        self, name: str, principal: Principal, page: Page
    ) -> tuple[list[DictRow], str | None]:
        values = {"user_id": UUID(principal.user_id), **page_values(page)}
        with self._api.as_user(principal.user_id) as connection:
            rows = connection.execute(_SQL[name], values).fetchall()
        shown = rows[: page.limit]
        return shown, cursor_after(shown[-1]) if len(rows) > page.limit else None


def _too_late(job: JobEntry) -> Conflict:
    if job.status.is_final:
        return Conflict(f"The job has already ended: {job.status.value}.", status=job.status.value)
    return Conflict(
        "The job is already being packaged and ends in a moment.", status=JobStatus.RUNNING.value
    )
