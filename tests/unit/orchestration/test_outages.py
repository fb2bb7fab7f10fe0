"""A database or a store that is away holds a story up, and does not end it."""

from __future__ import annotations

import pytest

from pixcrawler.pipeline.limits import ARCHIVE_POLL_S, STEP_PAUSES_S
from tests.unit.orchestration.activities import Activities, tell, wrapping


class Away:
    """An activity that cannot reach the database for its first ``times`` calls."""

    def __init__(self, times: int, step) -> None:
        self.times, self.step, self.calls = times, wrapping(step), []

    def __call__(self, given):
        self.calls.append(given)
        if len(self.calls) <= self.times:
            return {"failed": {"code": "database_unavailable", "message": "x"}, "may_heal": True}
        return self.step(given)


@pytest.mark.parametrize("step", ["expand", "discover", "deduplicate", "assemble", "finish"])
def test_an_outage_holds_a_job_up(step):
    """A step whose trouble may heal is run again, after longer and longer pauses."""
    activities = Activities(chunks=[3])
    away = Away(3, getattr(activities, step, lambda given: {"queries": 1}))
    activities.overrides[step] = away

    stage, output = tell(activities)

    assert output["done"]["status"] == "succeeded"
    assert len(away.calls) == 4
    assert [wait_s for wait_s in stage.waits_s if wait_s != ARCHIVE_POLL_S] == [60, 120, 240]


def test_only_what_failed_is_run_again():
    """After an outage the chunks that were done stay done."""
    away = Away(2, lambda given: {"passed": 20, "rejected": 0})
    activities = Activities(chunks=[3], download=away)

    tell(activities)

    assert [given["chunk"] for given in away.calls] == [0, 1, 2, 0, 1]
    assert activities.ending["status"] == "succeeded"


def test_an_outage_without_end_fails_the_job():
    """After the last pause the job fails with the reason."""
    away = Away(1000, dict)
    activities = Activities(chunks=[1], validate=away)

    tell(activities)

    assert activities.ending["failure"]["code"] == "database_unavailable"
    assert len(away.calls) == 1 + len(STEP_PAUSES_S)


def test_a_failure_for_good_is_not_waited_for():
    """When one chunk fails for good, the job does not wait for what might heal."""
    broken = {"failed": {"code": "internal", "message": "broke"}}
    away = Away(1000, dict)
    activities = Activities(
        chunks=[2], download=lambda given: away(given) if given["chunk"] else broken
    )

    stage, _ = tell(activities)

    assert len(away.calls) == 1
    assert stage.waits_s == []
