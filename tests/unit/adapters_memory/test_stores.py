"""The in-memory stores keep the contracts of the real ones."""

from __future__ import annotations

import uuid

import pytest

from pixcrawler.adapters.memory.datasets import MemoryDatasets
from pixcrawler.adapters.memory.jobs import JobState, MemoryJobs
from pixcrawler.domain.catalogue import VersionStatus
from pixcrawler.domain.job import Job, JobSpec, JobStatus
from tests.contracts.dataset_store import DatasetStoreContract
from tests.contracts.job_store import SPEC, JobStoreContract


class MemoryHarness:
    """Memory stores behind the contracts' harness."""

    def __init__(self) -> None:
        self.datasets = MemoryDatasets()
        self.jobs = MemoryJobs(self.datasets)

    def new_job(self, spec: JobSpec) -> Job:
        job = Job(
            id=str(uuid.uuid4()),
            user_id=str(uuid.uuid4()),
            dataset_id=str(uuid.uuid4()),
            version=1,
            status=JobStatus.PENDING,
            spec=spec,
        )
        self.jobs.add(job)
        return job


class MemoryJobHarness(MemoryHarness):
    """For the JobStore contract."""

    @property
    def store(self) -> MemoryJobs:
        return self.jobs

    def state(self, job_id: str) -> JobState:
        return self.jobs.state(job_id)

    def cancel(self, job_id: str) -> None:
        self.jobs.cancel(job_id)

    def version_status(self, job: Job) -> VersionStatus:
        return self.datasets.version(job.dataset_id, job.version).status


class MemoryDatasetHarness(MemoryHarness):
    """For the DatasetStore contract."""

    def __init__(self) -> None:
        super().__init__()
        self.job = self.new_job(SPEC)

    @property
    def store(self) -> MemoryDatasets:
        return self.datasets

    def version(self) -> tuple[VersionStatus, int, int]:
        known = self.datasets.version(self.job.dataset_id, self.job.version)
        return known.status, known.images, known.bytes


class TestMemoryJobs(JobStoreContract):
    @pytest.fixture
    def harness(self) -> MemoryJobHarness:
        return MemoryJobHarness()


class TestMemoryDatasets(DatasetStoreContract):
    @pytest.fixture
    def harness(self) -> MemoryDatasetHarness:
        return MemoryDatasetHarness()
