"""Dataset versions and archives as the steps know them: a DatasetStore in PostgreSQL."""

from __future__ import annotations

from typing import Any

from pixcrawler.adapters.postgres.identifiers import uuid_of
from pixcrawler.adapters.postgres.pool import Database
from pixcrawler.adapters.postgres.statements import statements
from pixcrawler.domain.errors import NotFound
from pixcrawler.domain.storage import Archive, BlobRef, StorageTier

_SQL = statements("datasets")


class PostgresDatasets:
    """A DatasetStore; acts as the service."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def version_assembled(
        self, dataset_id: str, version: int, images: int, bytes_: int, manifest: BlobRef
    ) -> None:
        """Record a complete, not yet packaged version."""
        values = {
            **_named(dataset_id, version),
            "images": images,
            "bytes": bytes_,
            "manifest": f"{manifest.container}/{manifest.name}",
        }
        with self._database.as_service() as connection:
            if not connection.execute(_SQL["version_assembled"], values).rowcount:
                raise _missing(dataset_id, version)

    def register_archive(
        self, dataset_id: str, version: int, archive: Archive, tier: StorageTier
    ) -> str:
        """Record the archive of a version; return the id of the job that built the version.

        A version whose job has failed or was cancelled keeps that status.
        """
        values = {
            **_named(dataset_id, version),
            "format": archive.format.value,
            "container": archive.blob.container,
            "name": archive.blob.name,
            "bytes": archive.bytes,
            "sha256": archive.sha256,
            "tier": tier.value,
        }
        with self._database.as_service() as connection:
            builder = connection.execute(_SQL["builder"], values).fetchone()
            if builder is None:
                raise _missing(dataset_id, version)
            connection.execute(_SQL["put_archive"], values)
            if connection.execute(_SQL["version_packaged"], values).rowcount:
                connection.execute(_SQL["dataset_changed"], values)
            return str(builder["answer"])

    def archive(self, dataset_id: str, version: int) -> Archive | None:
        """Return the registered archive, if any."""
        with self._database.as_service() as connection:
            row = connection.execute(_SQL["archive"], _named(dataset_id, version)).fetchone()
        if row is None:
            return None
        blob = BlobRef(container=row["container"], name=row["name"])
        return Archive(blob=blob, format=row["format"], bytes=row["bytes"], sha256=row["sha256"])


def _named(dataset_id: str, version: int) -> dict[str, Any]:
    return {"dataset_id": uuid_of(dataset_id, "dataset"), "version": version}


def _missing(dataset_id: str, version: int) -> NotFound:
    return NotFound(f"There is no version {version} of dataset {dataset_id}.")
