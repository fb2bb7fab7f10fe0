"""A job in memory, and what the steps need beside it."""

from __future__ import annotations

import pytest

from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.adapters.memory.jobs import MemoryJobs
from pixcrawler.domain.job import Job, JobStatus
from pixcrawler.domain.jobfile import parse_job
from pixcrawler.domain.source import Candidate
from pixcrawler.domain.storage import candidates_ref
from pixcrawler.pipeline.discover import discover
from pixcrawler.pipeline.expand import expand
from pixcrawler.pipeline.payloads import JobRef, RoundRef

JOB = "job-1"
OFF = {"mode": "off"}


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


@pytest.fixture
def rounds(start, jobs, blobs):
    """Starts a job and runs its rounds: ``run(engines, wanted, …)`` gives one round's report."""

    class Rounds:
        def __init__(self):
            self.next = 0

        def start(self, engines, /, **spec):
            self.engines = {engine.card.name: engine for engine in engines}
            listed = {"engines": [e.card.name for e in engines]} if "urls" not in spec else {}
            start(**({"expand": OFF} | listed | spec))
            expand(JobRef(job_id=JOB), jobs=jobs, blobs=blobs)

        def run(self, wanted, at=None):
            ref = RoundRef(job_id=JOB, round=self.next, wanted=wanted, at=at)
            found = discover(ref, jobs=jobs, blobs=blobs, engines=self.engines)
            self.next += 1
            return found

        def candidates(self, round_no, found):
            lines = [
                line
                for chunk in range(found.chunks)
                for line in blobs.get(candidates_ref(JOB, round_no, chunk)).splitlines()
            ]
            return [Candidate.model_validate_json(line) for line in lines]

        def all(self, wanted, most=30, at=None):
            """Every candidate until exhausted."""
            gathered = []
            for _ in range(most):
                self.last = found = self.run(wanted, at)
                gathered += self.candidates(self.next - 1, found)
                if found.exhausted:
                    return gathered
            pytest.fail("never exhausted")

    return Rounds()
