"""Dataset versions in a dictionary: a DatasetStore for tests and for trying a step."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from pixcrawler.domain.catalogue import VersionStatus
from pixcrawler.domain.errors import NotFound
from pixcrawler.domain.storage import Archive, BlobRef, StorageTier


@dataclass(frozen=True)
class MemoryVersion:
    """What is known of one version."""

    job_id: str
    status: VersionStatus = VersionStatus.BUILDING
    images: int = 0
    bytes: int = 0
    manifest: BlobRef | None = None
    archive: Archive | None = None
    tier: StorageTier | None = None


class MemoryDatasets:
    """A DatasetStore; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._versions: dict[tuple[str, int], MemoryVersion] = {}

    def add(self, dataset_id: str, version: int, job_id: str) -> None:
        """Begin a version that the job builds; nothing happens when it was begun before."""
        with self._lock:
            self._versions.setdefault((dataset_id, version), MemoryVersion(job_id))

    def version(self, dataset_id: str, version: int) -> MemoryVersion:
        """Return what is known of a version.

        Raises:
            NotFound: there is no such version.
        """
        with self._lock:
            return self._known(dataset_id, version)

    def version_assembled(
        self, dataset_id: str, version: int, images: int, bytes_: int, manifest: BlobRef
    ) -> None:
        """Record a complete, not yet packaged version."""
        with self._lock:
            before = self._known(dataset_id, version)
            building = before.status is VersionStatus.BUILDING
            self._versions[dataset_id, version] = replace(
                before,
                status=VersionStatus.ASSEMBLED if building else before.status,
                images=images,
                bytes=bytes_,
                manifest=manifest,
            )

    def register_archive(
        self, dataset_id: str, version: int, archive: Archive, tier: StorageTier
    ) -> str:
        """Record the archive of a version; return the id of the job that built the version."""
        with self._lock:
            before = self._known(dataset_id, version)
            complete = before.status in (VersionStatus.BUILDING, VersionStatus.ASSEMBLED)
            self._versions[dataset_id, version] = replace(
                before,
                status=VersionStatus.PACKAGED if complete else before.status,
                archive=archive,
                tier=tier,
            )
            return before.job_id

    def archive(self, dataset_id: str, version: int) -> Archive | None:
        """Return the registered archive, if any."""
        with self._lock:
            known = self._versions.get((dataset_id, version))
            return known.archive if known else None

    def job_ended(self, dataset_id: str, version: int, status: VersionStatus) -> None:
        """Close a version whose job ended without packaging it."""
        with self._lock:
            known = self._versions.get((dataset_id, version))
            if known and known.status in (VersionStatus.BUILDING, VersionStatus.ASSEMBLED):
                self._versions[dataset_id, version] = replace(known, status=status)

    def _known(self, dataset_id: str, version: int) -> MemoryVersion:
        try:
            return self._versions[dataset_id, version]
        except KeyError:
            raise NotFound(f"There is no version {version} of dataset {dataset_id}.") from None
