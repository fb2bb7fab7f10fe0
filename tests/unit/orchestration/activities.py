"""The steps' answers for a story told on a stage."""

from __future__ import annotations

from typing import Any

from pixcrawler.orchestration.build_dataset import build_dataset
from pixcrawler.orchestration.process_chunks import process_chunks
from tests.fakes.durable import Stage

JOB = "5b2c7f6e-0a0e-4e8e-9d3e-0d7a4b1c2d3e"
BASE = "0c9d1a2b-0a0e-4e8e-9d3e-0d7a4b1c2d3e"
BLOB = {"container": "datasets", "name": "d/1/manifest.json"}


class Activities:
    """The steps' answers: every chunk keeps ``per_chunk`` images."""

    def __init__(self, *, chunks: list[int], per_chunk: int = 10, **overrides: Any) -> None:
        self.chunks, self.per_chunk = chunks, per_chunk
        self.looks = 0
        self.registered_at = 1
        self.stop = "used_up"
        self.ending: dict[str, Any] = {}
        self.overrides = overrides

    def table(self) -> dict[str, Any]:
        steps = {
            "expand": lambda given: {"queries": 1},
            "discover": self.discover,
            "recall": self.recall,
            "download": lambda given: {"passed": 20, "rejected": 0},
            "validate": lambda given: {"passed": self.per_chunk, "rejected": 10},
            "deduplicate": self.deduplicate,
            "assemble": self.assemble,
            "find_archive": self.find_archive,
            "finish": self.finish,
        }
        wrapped = {name: wrapping(step) for name, step in steps.items()}
        return wrapped | self.overrides

    def discover(self, given: dict[str, Any]) -> dict[str, Any]:
        chunks = self.chunks[given["round"]]
        last = given["round"] == len(self.chunks) - 1
        wait_s = 0.0 if chunks else 30.0
        return {
            "chunks": chunks, "candidates": chunks * 32, "exhausted": last, "wait_s": wait_s,
            "stop": self.stop if last else None,
        }  # fmt: skip

    def recall(self, given: dict[str, Any]) -> dict[str, Any]:
        held, chunks = self.chunks
        return {"held": held, "chunks": chunks, "candidates": chunks * 32, "limit": 77}

    def deduplicate(self, given: dict[str, Any]) -> dict[str, Any]:
        kept = sum(given["chunks"]) * self.per_chunk
        candidates = sum(given["chunks"]) * 32
        return {"kept": kept, "duplicates": 0, "over_limit": 0, "candidates": candidates}

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


def wrapping(step):
    return lambda given: {"done": step(given)}


def tell(activities: Activities, wanted: int = 30, **events: int) -> tuple[Stage, Any]:
    return _told(activities, {"job_id": JOB, "wanted": wanted}, events)


def tell_retry(activities: Activities, wanted: int = 30, **events: int) -> tuple[Stage, Any]:
    """Tell a retry; ``chunks`` of the activities are those of round 0 and of round 1."""
    given = {"job_id": JOB, "wanted": wanted, "retry_of": BASE, "reasons": ["throttled"]}
    return _told(activities, given, events)


def _told(
    activities: Activities, given: dict[str, Any], events: dict[str, int]
) -> tuple[Stage, Any]:
    stage = Stage(activities.table(), {"process_chunks": process_chunks}, events)
    return stage, stage.play(build_dataset, given)
