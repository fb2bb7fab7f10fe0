"""Creating jobs: the rows of a job, its dataset and its version, in the caller's transaction."""

from __future__ import annotations

import hashlib
import json
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from pixcrawler.adapters.postgres.statements import statements
from pixcrawler.domain.catalogue import JobEntry
from pixcrawler.domain.errors import Conflict, NotFound
from pixcrawler.domain.job import JobSpec
from pixcrawler.domain.retry import RetryCall, accepted, note_of

_SQL = statements("creation")


def one_row(
    connection: Connection[DictRow], statement: LiteralString, values: dict[str, Any], kind: str
) -> DictRow:
    """Return the row that a statement gives.

    Raises:
        NotFound: it gives none.
    """
    row = connection.execute(statement, values).fetchone()
    if row is None:
        raise NotFound(f"There is no such {kind}.")
    return row


def spec_hash(spec: JobSpec) -> bytes:
    """Return what job files of one normal form share: 32 bytes."""
    # Not sorted: the order of categories is part of the request.
    text = json.dumps(spec.model_dump(mode="json"))
    return hashlib.sha256(text.encode()).digest()


def repeated_job(connection: Connection[DictRow], values: dict[str, Any]) -> UUID | None:
    """Return the job that an earlier call with the same key made.

    Raises:
        Conflict: that call asked for something else.
    """
    row = connection.execute(_SQL["repeated"], values).fetchone()
    if row is None:
        return None
    if row["request_hash"] != values["request_hash"]:
        raise Conflict("This Idempotency-Key was used for another job file or retry.")
    job_id: UUID = row["id"]
    return job_id


def insert_job(connection: Connection[DictRow], values: dict[str, Any], spec: JobSpec) -> UUID:
    """Create a job, and its project and dataset where they are new; return its id.

    Raises:
        Conflict: the dataset is in another project.
    """
    project = _returned(connection, "project", {**values, "name": spec.project})["id"]
    found = {**values, "project_id": project, "name": spec.name}
    dataset = _returned(connection, "find_dataset", found)
    if dataset["project_id"] != project:
        raise Conflict(
            f"There is a dataset {spec.name!r} in another project: name that project, or choose"
            " another name.",
            field="project",
        )
    values = {**values, "dataset_id": dataset["id"]}
    version = _returned(connection, "next_version", values)["version"]
    job_id: UUID = _returned(connection, "create_job", {**values, "version": version})["id"]
    return job_id


def insert_retry(
    connection: Connection[DictRow],
    values: dict[str, Any],
    base: JobEntry,
    call: RetryCall,
    *,
    has_papers: bool,
) -> UUID:
    """Create a job that retries ``base``; return its id.

    Raises:
        Conflict: it cannot be retried, or there is nothing to fetch.
    """
    newer = connection.execute(_SQL["retried_by"], values).fetchone()
    retried_by = str(newer["id"]) if newer else None
    retry = accepted(base, call.reasons, has_papers=has_papers, retried_by=retried_by)
    notes = [note_of(retry, base.id).model_dump(mode="json")]
    values = {**values, "dataset_id": UUID(base.dataset_id), "notes": Jsonb(notes)}
    version = _returned(connection, "next_version", values)["version"]
    job_id: UUID = _returned(connection, "create_retry", {**values, "version": version})["id"]
    return job_id


def _returned(connection: Connection[DictRow], name: str, values: dict[str, Any]) -> DictRow:
    return one_row(connection, _SQL[name], values, name.replace("_", " "))
