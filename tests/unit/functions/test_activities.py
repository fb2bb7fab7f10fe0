"""The door of every step: what goes in, what comes out, and what becomes of errors."""

from __future__ import annotations

import logging

import pytest

from pixcrawler.domain.errors import DatabaseUnavailable, InvariantBroken, NotFound
from pixcrawler.domain.job import JobStatus, Stage
from pixcrawler.functions import activities
from pixcrawler.functions.activities import performed
from pixcrawler.pipeline import steps
from pixcrawler.pipeline.payloads import ChunkRef, ChunkReport
from tests.factories import a_job

GIVEN = {"job_id": "job-1", "round": 0, "chunk": 3}
REPORT = ChunkReport(passed=2, rejected=1)


@pytest.fixture
def waits(monkeypatch):
    """The waits between attempts, which are not waited."""
    waited: list[float] = []
    monkeypatch.setattr(activities.time, "sleep", waited.append)
    return waited


def raising(*errors):
    """A step that raises each of ``errors`` in turn, then reports."""
    left = list(errors)

    def step(_world, ref):
        assert ref == ChunkRef(**GIVEN)
        if left:
            raise left.pop(0)
        return REPORT

    return step


def test_a_step_is_decoded_done_and_encoded(memory, waits):
    """Plain values go in and come out."""
    answer = performed(steps.DOWNLOAD, raising(), GIVEN)
    assert answer == {"done": {"passed": 2, "rejected": 1, "cancelled": False}}
    assert waits == []


def test_what_may_heal_is_tried_again(memory, waits):
    """A database that is away for a moment costs a wait, longer each time, and nothing else."""
    answer = performed(steps.DOWNLOAD, raising(*[DatabaseUnavailable()] * 3), GIVEN)
    assert "done" in answer
    assert len(waits) == 3
    assert all(0.5 <= waits[n] / 2**n <= 1.5 for n in range(3))


def test_a_long_outage_is_handed_to_the_story(memory, waits):
    """After the last attempt the story learns that the trouble may heal."""
    answer = performed(steps.DOWNLOAD, raising(*[DatabaseUnavailable("away")] * 100), GIVEN)
    assert answer == {
        "failed": {"code": "database_unavailable", "message": "away"},
        "may_heal": True,
    }
    assert len(waits) == steps.DOWNLOAD.attempts - 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvariantBroken("the shard is short"), "invariant_broken"),
        (NotFound("no such job"), "not_found"),
        (ZeroDivisionError("secret detail"), "internal"),
    ],
    ids=["ours", "gone", "a bug"],
)
def test_what_cannot_heal_is_not_tried_again(memory, waits, error, code):
    """Any other error is an answer at once: nothing raises at the Durable boundary."""
    answer = performed(steps.DOWNLOAD, raising(error), GIVEN)
    assert (answer["failed"]["code"], answer["may_heal"], waits) == (code, False, [])
    assert "secret" not in answer["failed"]["message"]


def test_a_payload_of_another_version_is_an_answer(memory, waits):
    """What cannot be decoded fails the step, not the worker."""
    assert performed(steps.DOWNLOAD, raising(), {"job": 1})["failed"]["code"] == "internal"


def test_each_step_leaves_one_line(memory, waits, caplog):
    """The log says which step, for which chunk, how it ended and after how many attempts."""
    caplog.set_level(logging.INFO, "pixcrawler.steps")
    performed(steps.DOWNLOAD, raising(DatabaseUnavailable()), GIVEN)
    [line] = [record.getMessage() for record in caplog.records]
    for part in ("step=download", "job_id=job-1", "chunk=3", "passed=2", "ok=True", "attempt=2"):
        assert part in line


def test_every_step_has_its_activity(registered):
    """Each step of the story is registered under its name, and nothing else."""
    assert registered(activities) == {step.name for step in steps.STORY}


CALLS = {
    "expand": ({"job_id": "job-1"}, Stage.EXPANDING),
    "discover": ({"job_id": "job-1", "round": 0, "wanted": 5}, Stage.DOWNLOADING),
    "deduplicate": ({"job_id": "job-1", "chunks": [0]}, Stage.DEDUPLICATING),
    "assemble": ({"job_id": "job-1", "chunks": [0]}, Stage.PACKAGING),
}


def test_stages_are_seen(memory, call):
    """Each step leaves the job in the stage that people are shown."""
    vars(memory)["engines"] = {}
    memory.jobs.add(a_job())
    for name, (given, stage) in CALLS.items():
        assert "done" in call(activities, name, given)
        assert memory.jobs.state("job-1").stage is stage


def test_the_last_step_ends_the_job(memory, call):
    """The job's status and sentence are recorded."""
    memory.jobs.add(a_job())
    ending = {"job_id": "job-1", "status": "succeeded", "images": 3}
    assert call(activities, "finish", ending)["done"]["status"] == "succeeded"
    assert memory.jobs.state("job-1").status is JobStatus.SUCCEEDED
