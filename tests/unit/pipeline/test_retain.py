"""What a sweep removes."""

from __future__ import annotations

from datetime import UTC, datetime

from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.domain.storage import BlobRef, queries_ref, shard_ref
from pixcrawler.pipeline.retain import sweep


class Keeper:
    """Two ended jobs, one of them without any file."""

    def __init__(self) -> None:
        self.jobs = ["a", "b"]

    def unstarted(self, before):
        return []

    def silent(self, before):
        return []

    def ended(self, before):
        return list(self.jobs)

    def mark_swept(self, job_id):
        self.jobs.remove(job_id)


def test_only_the_ended_jobs_files_go():
    """Working files of ended jobs are removed once; running jobs and datasets stay."""
    blobs, keeper = MemoryBlobs(), Keeper()
    gone = [queries_ref("a"), shard_ref("a", 0, 0, "0" * 16)]
    stays = [queries_ref("ab"), BlobRef(container="datasets", name="a/1/manifest.json")]
    for ref in gone + stays:
        blobs.put(ref, b"x")

    swept = sweep(datetime.now(UTC), keeper=keeper, blobs=blobs)

    assert (swept.jobs, swept.blobs) == (2, 2)
    assert [blobs.exists(ref) for ref in gone + stays] == [False, False, True, True]
    assert keeper.jobs == []
