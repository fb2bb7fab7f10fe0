"""The story, told on a stage that replays it through the real SDK."""

from __future__ import annotations

import pytest

from pixcrawler.orchestration import build_dataset as build_dataset_module
from pixcrawler.orchestration.build_dataset import build_dataset
from pixcrawler.pipeline.limits import (
    ARCHIVE_POLL_S,
    GROUP_CHUNKS,
    GROUPS_AT_ONCE,
    MAX_ROUNDS,
    SATURATED_ROUNDS,
)
from tests.fakes.durable import Stage
from tests.unit.orchestration.activities import Activities, tell


def test_one_round_is_enough_when_it_gives_enough():
    """With enough kept after a round the story asks for no second one and succeeds."""
    activities = Activities(chunks=[3, 5])

    stage, output = tell(activities)

    assert output["done"]["status"] == "succeeded"
    assert [name for name, _ in stage.called] == [
        "expand", "discover", *["download"] * 3, *["validate"] * 3, "deduplicate", "assemble",
        "find_archive", "finish",
    ]  # fmt: skip


def test_rounds_go_on_until_enough_is_kept():
    """Another round asks only for what is still missing."""
    activities = Activities(chunks=[1, 1, 1, 1])

    stage, _ = tell(activities)

    asked = [given["wanted"] for name, given in stage.called if name == "discover"]
    assert asked == [30, 20, 10]


@pytest.mark.parametrize(("chunks", "waits"), [([1, 1, 1], []), ([1, 0, 1], [30.0])])
def test_an_engine_in_trouble_is_waited_for_only_with_nothing_else_to_do(chunks, waits):
    """What others gave is downloaded meanwhile; that takes its time, too."""
    activities = Activities(chunks=chunks)
    activities.overrides["discover"] = lambda given: {
        "done": {**activities.discover(given), "wait_s": 30.0}
    }

    stage, _ = tell(activities, wanted=1000)

    assert [wait_s for wait_s in stage.waits_s if wait_s != ARCHIVE_POLL_S] == waits


def test_a_shortfall_is_partial():
    """When nothing is left and less than wanted is kept, the job is partial."""
    activities = Activities(chunks=[1])

    tell(activities)

    assert activities.ending["status"] == "partial"
    assert activities.ending["images"] == 10


def test_nothing_kept_is_a_failure():
    """A job that keeps nothing fails, and packages nothing."""
    activities = Activities(chunks=[1], per_chunk=0)

    stage, _ = tell(activities)

    assert activities.ending["failure"]["code"] == "no_images"
    assert "assemble" not in [name for name, _ in stage.called]


def test_many_chunks_are_told_in_groups():
    """A round of 100 chunks becomes ten sub-stories; every chunk is downloaded once."""
    activities = Activities(chunks=[100])

    stage, _ = tell(activities, wanted=1000)

    downloads = [given["chunk"] for name, given in stage.called if name == "download"]
    assert sorted(downloads) == list(range(100))


def test_images_are_validated_before_the_last_download_begins():
    """Groups go in waves, so that a large job shows kept images from early on."""
    activities = Activities(chunks=[100])

    stage, _ = tell(activities, wanted=1000)

    names = [name for name, _ in stage.called]
    last_download = len(names) - 1 - names[::-1].index("download")
    assert names.index("validate") < last_download


@pytest.mark.parametrize("step", ["expand", "discover", "download", "validate", "assemble"])
def test_a_step_that_gives_up_fails_the_job(step):
    """Whatever step gives up, the job ends as failed with that step's reason."""
    given_up = {"failed": {"code": "storage_unavailable", "message": "away"}}
    activities = Activities(chunks=[2], **{step: lambda given: given_up})

    tell(activities)

    assert activities.ending["status"] == "failed"
    assert activities.ending["failure"] == given_up["failed"]


def test_an_activity_that_kills_its_workers_fails_the_job():
    """An exception at the Durable boundary ends the job; it does not leave it running."""

    def poison(given):
        raise RuntimeError("worker died 5 times")

    activities = Activities(chunks=[2], download=poison)

    tell(activities)

    assert activities.ending["failure"]["code"] == "activity_lost"


def test_a_cancelled_chunk_cancels_the_job():
    """When a chunk was left alone the story ends as cancelled, with no version."""
    left_alone = {"done": {"passed": 0, "rejected": 0, "cancelled": True}}
    activities = Activities(chunks=[3], download=lambda given: left_alone)

    stage, _ = tell(activities)

    assert activities.ending["status"] == "cancelled"
    assert "assemble" not in [name for name, _ in stage.called]


def test_a_cancel_just_before_packaging_counts():
    """When the version was not written because somebody cancelled, the job ends as cancelled."""
    activities = Activities(chunks=[3])
    activities.overrides["assemble"] = lambda given: {
        "done": {**activities.assemble(given), "images": 0, "cancelled": True}
    }

    stage, _ = tell(activities)

    assert activities.ending["status"] == "cancelled"
    assert "find_archive" not in [name for name, _ in stage.called]


def test_an_answer_of_no_known_shape_fails_the_job():
    """What an activity of another version answers is not guessed at."""
    activities = Activities(chunks=[3], expand=lambda given: {"queries": 1})

    tell(activities)

    assert activities.ending["failure"]["code"] == "invariant_broken"


def test_a_cancelled_job_begins_no_more_groups():
    """A large job that is cancelled does not walk through all its chunks to find that out."""
    left_alone = {"done": {"passed": 0, "rejected": 0, "cancelled": True}}
    activities = Activities(chunks=[400], download=lambda given: left_alone)

    stage, _ = tell(activities, wanted=1000)

    asked = [name for name, _ in stage.called if name == "download"]
    assert len(asked) <= GROUPS_AT_ONCE * GROUP_CHUNKS
    assert activities.ending["status"] == "cancelled"


def test_engines_in_trouble_are_given_time():
    """A round without a candidate because of trouble is followed by a pause, then another round."""
    activities = Activities(chunks=[0, 3])

    stage, output = tell(activities)

    assert output["done"]["status"] == "succeeded"
    assert stage.waits_s[0] == 30
    assert [given["chunks"] for name, given in stage.called if name == "deduplicate"] == [[0, 3]]


def test_an_engine_without_end_is_not_asked_for_ever():
    """After the last round the job ends with what it has, and knows that there may be more."""
    activities = Activities(chunks=[1] * (MAX_ROUNDS + 5), per_chunk=1)

    stage, _ = tell(activities, wanted=100)

    assert [name for name, _ in stage.called].count("discover") == MAX_ROUNDS
    ending = activities.ending
    assert (ending["status"], ending["images"]) == ("partial", MAX_ROUNDS)
    assert not ending["is_exhausted"]


def test_a_job_that_only_finds_known_pictures_ends():
    """Rounds that keep almost nothing of what they download end the search, not only the last."""
    activities = Activities(chunks=[4] * MAX_ROUNDS)
    kept = iter([40, 41, 42, *[43] * MAX_ROUNDS])
    activities.overrides["deduplicate"] = lambda given: {
        "done": {**activities.deduplicate(given), "kept": next(kept)}
    }

    stage, _ = tell(activities, wanted=100)

    ending = activities.ending
    assert (ending["stop"], ending["is_exhausted"]) == ("saturated", True)
    assert [name for name, _ in stage.called].count("discover") == 1 + SATURATED_ROUNDS


def test_what_an_earlier_version_counted_does_not_end_a_job():
    """A story that is under way tells itself as before when its answers lack the new counts."""
    activities = Activities(chunks=[1] * MAX_ROUNDS)
    activities.overrides["deduplicate"] = lambda given: {
        "done": {"kept": 1, "duplicates": 31, "over_limit": 0}
    }

    stage, _ = tell(activities, wanted=100)

    assert [name for name, _ in stage.called].count("discover") == MAX_ROUNDS


@pytest.mark.parametrize("per_chunk", [0, 10], ids=["nothing kept", "some kept"])
def test_why_the_search_ended_is_passed_on(per_chunk):
    """The last step is told why there are no more, so that it can say so."""
    activities = Activities(chunks=[1], per_chunk=per_chunk)
    activities.stop = "max_bytes"

    tell(activities)

    assert activities.ending["stop"] == "max_bytes"


def test_every_round_knows_its_time():
    """Discovery is told the time by the story, so that a repeated round asks the same."""
    stage, _ = tell(Activities(chunks=[1, 1, 1]))

    times = [given["at"] for name, given in stage.called if name == "discover"]
    assert len(set(times)) == 3
    assert times == sorted(times)
    assert all(time.startswith("2030-01-01T") and time.endswith("Z") for time in times)


def test_an_archive_that_never_comes_fails_the_job(monkeypatch):
    """The story does not wait for packaging for ever, and says so."""
    # The hour's 180 looks are replayed 180 times: enough with a few.
    monkeypatch.setattr(build_dataset_module, "ARCHIVE_PATIENCE_S", 5 * ARCHIVE_POLL_S)
    activities = Activities(chunks=[3])
    activities.registered_at = 10_000

    tell(activities)

    assert activities.looks == 5
    assert activities.ending["failure"]["code"] == "package_late"


def test_a_lost_event_costs_polls_not_the_job():
    """The archive is found by looking when nobody raises the event."""
    activities = Activities(chunks=[3])
    activities.registered_at = 17

    stage, output = tell(activities)

    again = [given["again"] for name, given in stage.called if name == "find_archive"]
    assert output["done"]["status"] == "succeeded"
    assert again.count(True) == 1


def test_the_event_wakes_the_story():
    """An event that arrives during a later wait ends that one, and its timer is closed."""
    activities = Activities(chunks=[3])

    activities.registered_at = 3
    _, output = tell(activities, **{"archived-1": 2})

    assert output["done"]["status"] == "succeeded"
    assert activities.looks == 3


def test_a_wrong_input_fails_without_raising():
    """An input that is no order ends the story with a failure envelope."""
    output = Stage({}).play(build_dataset, {"nonsense": 1})

    assert output["failed"]["code"] == "invariant_broken"
