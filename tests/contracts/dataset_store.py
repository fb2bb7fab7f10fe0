"""What every DatasetStore promises: on memory in unit tests, on PostgreSQL in integration tests."""

from __future__ import annotations

from typing import Protocol

import pytest

from pixcrawler.domain.catalogue import VersionStatus
from pixcrawler.domain.errors import NotFound
from pixcrawler.domain.job import Failure, Job, JobStatus
from pixcrawler.domain.storage import Archive, StorageTier, archive_ref, version_ref
from pixcrawler.pipeline.ports import DatasetStore, JobStore

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def an_archive(job: Job, bytes_: int = 123) -> Archive:
    """Describe the archive of the version that ``job`` builds."""
    blob = archive_ref(job.dataset_id, job.version, "birds-1.zip")
    return Archive(blob=blob, bytes=bytes_, sha256="ab" * 32)


class Harness(Protocol):
    """A store, a job that builds a version in it, and a look at that version."""

    store: DatasetStore
    jobs: JobStore
    job: Job

    def version(self) -> tuple[VersionStatus, int, int]:
        """Return status, images and bytes of the job's version."""
        ...


class DatasetStoreContract:
    """Subclass it, and give a fixture ``harness``."""

    def _assemble(self, harness: Harness) -> None:
        job = harness.job
        manifest = version_ref(job.dataset_id, job.version, "manifest.json")
        harness.store.version_assembled(job.dataset_id, job.version, 40, 9000, manifest)

    def _register(self, harness: Harness, bytes_: int = 123) -> str:
        job = harness.job
        archive = an_archive(job, bytes_)
        return harness.store.register_archive(job.dataset_id, job.version, archive, StorageTier.HOT)

    def test_a_version_is_built(self, harness: Harness) -> None:
        """A job's version is being built until it is assembled."""
        assert harness.version() == (VersionStatus.BUILDING, 0, 0)
        self._assemble(harness)
        self._assemble(harness)
        assert harness.version() == (VersionStatus.ASSEMBLED, 40, 9000)

    def test_an_archive_makes_it_packaged(self, harness: Harness) -> None:
        """Registering names the job to wake; the archive comes back; repeating is harmless."""
        self._assemble(harness)
        job = harness.job
        assert harness.store.archive(job.dataset_id, job.version) is None
        assert self._register(harness) == job.id
        assert self._register(harness) == job.id
        assert harness.store.archive(job.dataset_id, job.version) == an_archive(job)
        assert harness.version() == (VersionStatus.PACKAGED, 40, 9000)

    def test_the_archive_may_be_faster(self, harness: Harness) -> None:
        """The archive may be registered before the version is recorded as assembled."""
        self._register(harness)
        self._assemble(harness)
        assert harness.version() == (VersionStatus.PACKAGED, 40, 9000)

    def test_a_new_archive_replaces_the_old(self, harness: Harness) -> None:
        """Packaged again, a version has the facts of the last archive."""
        self._register(harness)
        self._register(harness, 456)
        job = harness.job
        assert harness.store.archive(job.dataset_id, job.version) == an_archive(job, 456)

    def test_a_failed_job_keeps_its_version_failed(self, harness: Harness) -> None:
        """An archive that comes after the job's end does not make the version good."""
        failure = Failure(code="package_late", message="Late.")
        harness.jobs.finish(harness.job.id, JobStatus.FAILED, "Late.", failure)
        self._assemble(harness)
        self._register(harness)
        assert harness.version()[0] is VersionStatus.FAILED

    def test_a_packaged_version_survives_a_late_failure(self, harness: Harness) -> None:
        """A version that can be downloaded stays so, whatever becomes of its job."""
        self._register(harness)
        failure = Failure(code="story_lost", message="Lost.")
        harness.jobs.finish(harness.job.id, JobStatus.FAILED, "Lost.", failure)
        assert harness.version()[0] is VersionStatus.PACKAGED

    def test_unknown_versions_are_not_found(self, harness: Harness) -> None:
        """Nothing can be recorded for a version that nobody began."""
        job = harness.job
        manifest = version_ref(job.dataset_id, 2, "manifest.json")
        with pytest.raises(NotFound):
            harness.store.version_assembled(job.dataset_id, 2, 1, 1, manifest)
        with pytest.raises(NotFound):
            harness.store.register_archive(UNKNOWN, 1, an_archive(job), StorageTier.HOT)
        assert harness.store.archive(UNKNOWN, 1) is None
