"""The story, told on a stage that replays it through the real SDK."""

from __future__ import annotations

from typing import Any

import pytest

from pixcrawler.orchestration.build_dataset import build_dataset
from pixcrawler.orchestration.process_chunks import process_chunks
from tests.fakes.durable import Stage

JOB = "5b2c7f6e-0a0e-4e8e-9d3e-0d7a4b1c2d3e"
BLOB = {"container": "datasets", "name": "d/1/manifest.json"}


class Activities:
    """The steps' answers: every chunk keeps ``per_chunk`` images."""

    def __init__(self, *, chunks: list[int], per_chunk: int = 10, **overrides: Any) -> None:
        self.chunks, self.per_chunk = chunks, per_chunk
        self.looks = 0
        self.registered_at = 1
        self.ending: dict[str, Any] = {}
        self.overrides = overrides

    def table(self) -> dict[str, Any]:
        steps = {
            "expand": lambda given: {"queries": 1},
            "discover": self.discover,
            "download": lambda given: {"passed": 20, "rejected": 0},
            "validate": lambda given: {"passed": self.per_chunk, "rejected": 10},
            "deduplicate": self.deduplicate,
            "assemble": self.assemble,
            "find_archive": self.find_archive,
            "finish": self.finish,
        }
        wrapped = {name: _wrapping(step) for name, step in steps.items()}
        return wrapped | self.overrides

    def discover(self, given: dict[str, Any]) -> dict[str, Any]:
        chunks = self.chunks[given["round"]]
        last = given["round"] == len(self.chunks) - 1
        return {"chunks": chunks, "candidates": chunks * 32, "exhausted": last}

    def deduplicate(self, given: dict[str, Any]) -> dict[str, Any]:
        kept = sum(given["chunks"]) * self.per_chunk
        return {"kept": kept, "duplicates": 0, "over_limit": 0}

    def assemble(self, given: dict[str, Any]) -> dict[str, Any]:
        return {
            "job_id": JOB,
            "dataset_id": "d",
            "version": 1,
            "images": sum(given["chunks"]) * self.per_chunk,
            "manifest": BLOB,
        }

    def find_archive(self, given: dict[str, Any]) -> dict[str, Any]:
        self.looks += 1
        if self.looks < self.registered_at:
            return {"archive": None}
        return {"archive": {"blob": BLOB, "bytes": 1, "sha256": "0" * 64}}

    def finish(self, given: dict[str, Any]) -> dict[str, Any]:
        self.ending = given
        return {"status": given["status"], "message": "ended"}


def _wrapping(step):
    return lambda given: {"done": step(given)}


def tell(activities: Activities, wanted: int = 30, **events: int) -> tuple[Stage, Any]:
    stage = Stage(activities.table(), {"process_chunks": process_chunks}, events)
    return stage, stage.play(build_dataset, {"job_id": JOB, "wanted": wanted})


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
    """Groups go through a window, so that a large job shows kept images from early on."""
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


def test_a_lost_event_costs_polls_not_the_job():
    """The archive is found by looking when nobody raises the event."""
    activities = Activities(chunks=[3])
    activities.registered_at = 17

    stage, output = tell(activities)

    again = [given["again"] for name, given in stage.called if name == "find_archive"]
    assert output["done"]["status"] == "succeeded"
    assert again.count(True) == 1


def test_the_event_wakes_the_story():
    """An event that arrives during a wait ends it, and its timer is closed."""
    activities = Activities(chunks=[3])

    _, output = tell(activities, **{"archived-1": 0})

    assert output["done"]["status"] == "succeeded"
    assert activities.looks == 1


def test_a_wrong_input_fails_without_raising():
    """An input that is no order ends the story with a failure envelope."""
    output = Stage({}).play(build_dataset, {"nonsense": 1})

    assert output["failed"]["code"] == "invariant_broken"
