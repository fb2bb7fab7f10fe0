"""A job in memory, and what the steps need beside it."""

from __future__ import annotations

import pytest

from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.adapters.memory.jobs import MemoryJobs
from pixcrawler.domain.job import Job, JobStatus
from pixcrawler.domain.jobfile import parse_job

JOB = "job-1"


@pytest.fixture
def blobs():
    """An empty blob store."""
    return MemoryBlobs()


@pytest.fixture
def jobs():
    """An empty job store."""
    return MemoryJobs()


@pytest.fixture
def start(jobs):
    """Makes the running job with a spec: ``start(categories=…)``."""

    def begin(**spec):
        job = Job(
            id=JOB,
            user_id="user-1",
            dataset_id="dataset-1",
            version=1,
            status=JobStatus.RUNNING,
            spec=parse_job({"name": "test", **spec}),
        )
        jobs.add(job)
        return job

    return begin
