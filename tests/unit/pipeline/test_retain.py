"""What a sweep removes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.domain.errors import Conflict
from pixcrawler.domain.storage import BlobRef, contents_ref, queries_ref, shard_ref, upload_ref
from pixcrawler.domain.upload import upload_id
from pixcrawler.pipeline import retain
from pixcrawler.pipeline.retain import sweep, sweep_uploads


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


def test_only_old_uploads_go():
    """What was sent long ago goes with what was made of it; the rest and other names stay."""
    now, blobs = datetime.now(UTC), MemoryBlobs()
    old = upload_id(now - timedelta(days=9, minutes=1), bytes(10))
    new = upload_id(now - timedelta(days=9) + timedelta(minutes=1), bytes(10))
    gone = [upload_ref("user-1", old), contents_ref("user-1", old)]
    stays = [
        upload_ref("user-1", new),
        upload_ref("user-1", "no id"),
        BlobRef(container="work", name=f"job/{old}"),
    ]
    for ref in gone + stays:
        blobs.put(ref, b"x")

    assert sweep_uploads(now - timedelta(days=9), blobs=blobs) == 2
    assert [blobs.exists(ref) for ref in gone + stays] == [False, False, True, True, True]


def test_what_is_larger_than_an_upload_may_be_goes_at_once(monkeypatch):
    """A link to write with has no limit of bytes: what is too large is not kept for days."""
    monkeypatch.setattr(retain, "UPLOAD_MAX_BYTES", 10)
    now, blobs = datetime.now(UTC), MemoryBlobs()
    large, small = (upload_ref("user-1", upload_id(now, bytes([n] * 10))) for n in (1, 2))
    blobs.put(large, b"x" * 11)
    blobs.put(small, b"x" * 10)

    assert sweep_uploads(now - timedelta(days=9), blobs=blobs) == 1
    assert [blobs.exists(ref) for ref in (large, small)] == [False, True]


def test_an_upload_that_is_held_keeps_no_other(monkeypatch):
    """One that storage does not give up stays alone: it is met first, and all others go."""
    now, blobs = datetime.now(UTC), MemoryBlobs()
    old = upload_id(now - timedelta(days=10), bytes(10))
    held, other = upload_ref("user-1", old), upload_ref("user-2", old)
    blobs.put(held, b"x")
    blobs.put(other, b"x")
    delete = blobs.delete

    def deleted(ref):
        if ref == held:
            raise Conflict("Storage: LeaseIdMissing")
        delete(ref)

    monkeypatch.setattr(blobs, "delete", deleted)
    assert sweep_uploads(now - timedelta(days=9), blobs=blobs) == 1
    assert [blobs.exists(ref) for ref in (held, other)] == [True, False]
