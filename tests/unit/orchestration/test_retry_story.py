"""The story of a retry, told on a stage that replays it through the real SDK."""

from __future__ import annotations

import pytest

from tests.unit.orchestration.activities import BASE, JOB, Activities, tell_retry


def test_a_retry_recalls_instead_of_searching():
    """No word is expanded and no engine asked; only what failed is downloaded and validated."""
    stage, output = tell_retry(Activities(chunks=[2, 3]))

    assert output["done"]["status"] == "succeeded"
    assert [name for name, _ in stage.called] == [
        "recall", *["download"] * 3, *["validate"] * 3, "deduplicate", "assemble", "find_archive",
        "finish",
    ]  # fmt: skip
    [recall] = [given for name, given in stage.called if name == "recall"]
    assert recall == {"job_id": JOB, "retry_of": BASE, "reasons": ["throttled"]}


def test_both_rounds_are_deduplicated_and_assembled():
    """What was there and what came are one dataset, with room for all of it."""
    stage, _ = tell_retry(Activities(chunks=[2, 3]))

    rounds = [given for name, given in stage.called if name in ("deduplicate", "assemble")]
    assert rounds == [{"job_id": JOB, "chunks": [2, 3], "limit": 77}] * 2
    fetched = [
        (given["round"], given["chunk"]) for name, given in stage.called if name == "download"
    ]
    assert fetched == [(1, 0), (1, 1), (1, 2)]


def test_with_less_than_wanted_a_retry_is_partial_and_says_why():
    """The last step learns that a retry looks for nothing new."""
    activities = Activities(chunks=[1, 1])

    tell_retry(activities)

    ending = activities.ending
    assert (ending["status"], ending["images"], ending["stop"]) == ("partial", 20, "retried")


@pytest.mark.parametrize(
    "chunks", [[0, 1], [0, 0], [3, 0]], ids=["nothing held", "nothing", "no failure"]
)
def test_a_round_may_be_empty(chunks):
    """A job without a version gives no round 0; one that changed meanwhile perhaps no round 1."""
    activities = Activities(chunks=chunks)

    tell_retry(activities)

    status = "failed" if not any(chunks) else "succeeded" if chunks[0] else "partial"
    assert activities.ending["status"] == status


def test_many_failures_are_told_in_groups():
    """A retry of thousands keeps its history as short as a search does."""
    stage, _ = tell_retry(Activities(chunks=[1, 100]), wanted=1000)

    downloads = [given["chunk"] for name, given in stage.called if name == "download"]
    assert sorted(downloads) == list(range(100))


@pytest.mark.parametrize("step", ["recall", "download"])
def test_a_cancelled_retry_ends(step):
    """Whichever step sees that the job is given up, nothing is packaged."""
    given_up = {
        "recall": {"held": 0, "chunks": 0, "candidates": 0, "cancelled": True},
        "download": {"passed": 0, "rejected": 0, "cancelled": True},
    }
    activities = Activities(chunks=[2, 2], **{step: lambda given: {"done": given_up[step]}})

    stage, _ = tell_retry(activities)

    assert activities.ending["status"] == "cancelled"
    assert not {"deduplicate", "assemble"} & {name for name, _ in stage.called}


def test_a_retry_whose_sources_are_gone_fails():
    """The reason of the step is that of the job."""
    gone = {"failed": {"code": "not_found", "message": "gone"}}
    activities = Activities(chunks=[2, 2], recall=lambda given: gone)

    tell_retry(activities)

    assert activities.ending["failure"] == gone["failed"]
