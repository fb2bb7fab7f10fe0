"""How a job ends, and what the person is told."""

from __future__ import annotations

import pytest

from pixcrawler.adapters.memory.jobs import MemoryJobs
from pixcrawler.domain.job import Failure, Job, JobStatus
from pixcrawler.domain.jobfile import parse_job
from pixcrawler.domain.source import EngineReport, EngineStatus
from pixcrawler.pipeline.finish import finish
from pixcrawler.pipeline.payloads import Ending

NOTHING = Failure(code="no_images", message="No image was found that could be kept.")


@pytest.fixture
def jobs() -> MemoryJobs:
    store = MemoryJobs()
    spec = parse_job({"keywords": ["red panda"], "max_images": 50})
    job = Job(id="j", user_id="u", dataset_id="d", version=1, status=JobStatus.RUNNING, spec=spec)
    store.add(job)
    return store


def unreachable(engine: str = "openverse") -> EngineReport:
    detail = "api.openverse.org: the name could not be resolved"
    return EngineReport(engine=engine, status=EngineStatus.FAILED, detail=detail)


def test_an_unreachable_engine_is_named_with_advice(jobs):
    """Nothing found because the engine was away: the message says which, why and what to do."""
    jobs.set_engines("j", [unreachable()])

    ended = finish(Ending(job_id="j", status=JobStatus.FAILED, failure=NOTHING), jobs=jobs)

    assert "openverse could not be reached (api.openverse.org: the name" in ended.message
    assert "Check the network" in ended.message
    assert jobs.state("j").failure.code == "source_unavailable"


def test_nothing_found_by_healthy_engines_is_said_plainly(jobs):
    """Without trouble the words are at fault, and no engine is blamed."""
    jobs.set_engines("j", [EngineReport(engine="commons", status=EngineStatus.EMPTY)])

    ended = finish(Ending(job_id="j", status=JobStatus.FAILED, failure=NOTHING), jobs=jobs)

    assert jobs.state("j").failure.code == "no_images"
    assert "commons" not in ended.message


def test_a_shortfall_names_its_cause(jobs):
    """A partial job says how many of how many, and which engine was missing."""
    jobs.set_engines("j", [unreachable()])

    ended = finish(Ending(job_id="j", status=JobStatus.PARTIAL, images=12), jobs=jobs)

    assert ended.message.startswith("12 of 50 wanted images kept")
    assert "openverse could not be reached" in ended.message


def test_the_first_end_wins(jobs):
    """Repeating the last step, or ending twice, changes nothing."""
    finish(Ending(job_id="j", status=JobStatus.SUCCEEDED, images=50), jobs=jobs)

    again = finish(Ending(job_id="j", status=JobStatus.FAILED, failure=NOTHING), jobs=jobs)

    assert again.status is JobStatus.SUCCEEDED
    assert jobs.state("j").status is JobStatus.SUCCEEDED
