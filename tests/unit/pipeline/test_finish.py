"""How a job ends, and what the person is told."""

from __future__ import annotations

import pytest

from pixcrawler.adapters.memory.jobs import MemoryJobs
from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.job import Failure, Job, JobStatus
from pixcrawler.domain.jobfile import parse_job
from pixcrawler.domain.source import EngineReport
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


def test_what_ended_well_is_not_cancelled_afterwards(jobs):
    """Who wants to cancel a job whose dataset is there already comes too late."""
    jobs.cancel("j")

    ended = finish(Ending(job_id="j", status=JobStatus.SUCCEEDED, images=50), jobs=jobs)

    assert (ended.status, ended.message) == (JobStatus.SUCCEEDED, "50 images kept, as wanted.")


def test_healthy_engines_clear_the_sick_one(jobs):
    """When others gave candidates, an engine that was away is told, not made the cause."""
    found = EngineReport(engine="commons", status=EngineStatus.OK, candidates=64)
    jobs.set_engines("j", [unreachable(), found])

    ended = finish(Ending(job_id="j", status=JobStatus.FAILED, failure=NOTHING), jobs=jobs)

    assert jobs.state("j").failure.code == "no_images"
    assert ended.message.startswith("No image was found that could be kept: ")
    assert "openverse could not be reached" in ended.message


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ({"status": "succeeded", "images": 1}, "1 image kept, as wanted."),
        (
            {"status": "partial", "images": 3},
            "3 of 50 wanted images kept: the engines have",
        ),
        ({"status": "partial", "images": 3, "is_exhausted": False}, "asked in 20 rounds"),
        ({"status": "cancelled"}, "No dataset version was written"),
    ],
    ids=["one", "exhausted", "last round", "cancelled"],
)
def test_the_sentence_is_true(jobs, ending, said):
    """A person reads what happened, and nothing that did not."""
    ended = finish(Ending(job_id="j", **ending), jobs=jobs)

    assert said in ended.message
    assert jobs.state("j").message == ended.message


def test_a_list_of_addresses_has_no_words():
    """A job of addresses alone is not told to add keywords."""
    jobs = MemoryJobs()
    spec = parse_job({"urls": ["https://p.example/1.jpg"]})
    job = Job(id="j", user_id="u", dataset_id="d", version=1, status=JobStatus.RUNNING, spec=spec)
    jobs.add(job)

    ended = finish(Ending(job_id="j", status=JobStatus.PARTIAL, images=1), jobs=jobs)

    assert ended.message.endswith("the list of addresses has no more. Add addresses to get more.")


def test_a_failure_of_ours_is_told_in_words(jobs):
    """The class of an exception is no sentence; the code stays for programs."""
    away = Failure(code="database_unavailable", message="OperationalError")

    ended = finish(Ending(job_id="j", status=JobStatus.FAILED, failure=away), jobs=jobs)

    assert ended.message.startswith("The database could not be reached (OperationalError).")
    assert jobs.state("j").failure.code == "database_unavailable"


def test_what_fails_while_it_is_cancelled_is_cancelled(jobs):
    """Who asked for a cancel gets one, also when a step fails or nothing was found meanwhile."""
    jobs.cancel("j")

    ended = finish(Ending(job_id="j", status=JobStatus.FAILED, failure=NOTHING), jobs=jobs)

    assert ended.status is JobStatus.CANCELLED
    state = jobs.state("j")
    assert (state.status, state.failure) == (JobStatus.CANCELLED, None)


def test_the_first_end_wins(jobs):
    """Repeating the last step, or ending twice, changes nothing."""
    finish(Ending(job_id="j", status=JobStatus.SUCCEEDED, images=50), jobs=jobs)

    again = finish(Ending(job_id="j", status=JobStatus.FAILED, failure=NOTHING), jobs=jobs)

    assert again.status is JobStatus.SUCCEEDED
    assert jobs.state("j").status is JobStatus.SUCCEEDED


def test_a_job_that_cannot_be_read_can_fail_all_the_same():
    """What broke the steps, a job file that is no longer valid, does not keep the job running."""

    class Unreadable(MemoryJobs):
        def job(self, job_id):
            raise ValueError(job_id)

    store = Unreadable()
    spec = parse_job({"keywords": ["wren"]})
    store.add(
        Job(id="j", user_id="u", dataset_id="d", version=1, status=JobStatus.RUNNING, spec=spec)
    )
    broke = Failure(code="internal", message="The step expand broke.")

    ended = finish(Ending(job_id="j", status=JobStatus.FAILED, failure=broke), jobs=store)

    assert (ended.status, store.state("j").failure) == (JobStatus.FAILED, broke)
