"""Timers: whatever state a job was left in, it begins or it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pixcrawler.domain.job import JobStatus, Stage
from pixcrawler.domain.storage import queries_ref
from pixcrawler.functions import timers
from pixcrawler.pipeline.payloads import Order
from tests.factories import a_job


class Keeper:
    """Says what it is told to, and remembers which moments it was asked about."""

    def __init__(self, unstarted=(), silent=(), ended=()) -> None:
        self.found = {"unstarted": unstarted, "silent": silent, "ended": list(ended)}
        self.asked = {}

    def _listed(self, kind, before):
        self.asked[kind] = before
        return [one if kind == "ended" else Order(job_id=one, wanted=7) for one in self.found[kind]]

    def unstarted(self, before):
        return self._listed("unstarted", before)

    def silent(self, before):
        return self._listed("silent", before)

    def ended(self, before):
        return self._listed("ended", before)

    def mark_swept(self, job_id):
        self.found["ended"].remove(job_id)


class Kept:
    """Says that nothing was old, and remembers that it was asked."""

    sweeps = 0

    def sweep(self):
        self.sweeps += 1
        return 0


@pytest.fixture
def look(memory, call):
    """Lets a timer fire with a keeper that finds what is given."""

    def fire(name="find_stuck", **found):
        keeper = Keeper(**found)
        vars(memory).update(keeper=keeper, estimates=Kept(), hosts=Kept())
        call(timers, name, None)
        return keeper

    return fire


def test_a_job_that_nobody_started_is_started(look, stories):
    """A job without a story gets one, with its id and what it wants, and only one."""
    for _ in range(2):
        look(unstarted=["job-1"])
    assert stories.started == [("build_dataset", "job-1", {"job_id": "job-1", "wanted": 7})]


@pytest.mark.parametrize("kind", ["unstarted", "silent"])
@pytest.mark.parametrize("status", ["Completed", "Failed", "Terminated", "Canceled"])
def test_a_job_whose_story_is_over_ends(look, stories, memory, kind, status):
    """A story that ended without recording it leaves no job waiting, begun or not."""
    memory.jobs.add(a_job("job-1").model_copy(update={"status": JobStatus.PENDING}))
    stories.statuses["job-1"] = status
    look(**{kind: ["job-1"]})
    state = memory.jobs.state("job-1")
    assert (state.status, state.failure.code) == (JobStatus.FAILED, "story_lost")
    assert stories.started == []


@pytest.mark.parametrize("kind", ["unstarted", "silent"])
@pytest.mark.parametrize("status", ["Pending", "Running", "Suspended"])
def test_a_story_that_goes_on_is_left_alone(look, stories, memory, kind, status):
    """A slow job is no lost job."""
    memory.jobs.add(a_job("job-1"))
    stories.statuses["job-1"] = status
    look(**{kind: ["job-1"]})
    assert memory.jobs.state("job-1").status is JobStatus.RUNNING
    assert stories.started == []


def test_a_cancelled_job_whose_story_is_lost_is_cancelled(look, stories, memory):
    """Who asked for a cancel does not get a failure."""
    memory.jobs.add(a_job("job-1"))
    memory.jobs.cancel("job-1")
    stories.statuses["job-1"] = "Terminated"
    look(silent=["job-1"])
    assert memory.jobs.state("job-1").status is JobStatus.CANCELLED


def test_an_end_that_was_recorded_meanwhile_stays(look, stories, memory):
    """A job that ended between the look and the examination keeps its end."""
    memory.jobs.add(a_job("job-1"))
    memory.jobs.finish("job-1", JobStatus.SUCCEEDED, "Done.")
    stories.statuses["job-1"] = "Completed"
    look(silent=["job-1"])
    state = memory.jobs.state("job-1")
    assert (state.status, state.stage, state.message) == (JobStatus.SUCCEEDED, Stage.DONE, "Done.")


def test_jobs_are_given_time(look, memory):
    """A job is examined only after the time that its settings say."""
    begun = memory.clock()
    asked = look().asked
    after = memory.clock()
    assert begun - asked["unstarted"] <= timers.UNSTARTED_AFTER <= after - asked["unstarted"]
    stuck_after = timedelta(minutes=memory.settings.stuck_after_min)
    assert begun - asked["silent"] <= stuck_after <= after - asked["silent"]


def test_working_files_go_after_their_grace(look, memory):
    """Files of jobs that ended before the grace are removed, and the job is marked."""
    memory.blobs.put(queries_ref("job-1"), b"x")
    begun = memory.clock()
    keeper = look("sweep_work", ended=["job-1"])
    grace = timedelta(hours=memory.settings.work_grace_h)
    assert not memory.blobs.exists(queries_ref("job-1"))
    assert keeper.found["ended"] == []
    assert (memory.estimates.sweeps, memory.hosts.sweeps) == (1, 1)
    assert begun - keeper.asked["ended"] <= grace <= memory.clock() - keeper.asked["ended"]
