"""The story of a retry in memory: killed at every write, cancelled and repeated at every step."""

from __future__ import annotations

from typing import ClassVar

import pytest

from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.adapters.memory.datasets import MemoryDatasets
from pixcrawler.domain.catalogue import VersionStatus
from pixcrawler.domain.storage import BlobRef
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.functions import activities
from pixcrawler.pipeline.payloads import Rounds
from tests.factories import a_candidate, a_job, an_image, put_downloads
from tests.unit.functions.conftest import functions_of
from tests.unit.functions.test_accidents import URLS, Play, Web

BUSY = RejectReason.THROTTLED


class CountedWeb(Web):
    """Remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def fetch_all(self, urls):
        """What each address has."""
        self.asked += urls
        return super().fetch_all(urls)


class RetryPlay(Play):
    """A retry of a job that kept three of seven: two are busy, one is gone, one is a copy."""

    job_id, version = "job-2", 2
    more: ClassVar = {"retry_of": "job-1", "reasons": ["throttled"]}
    images: ClassVar = dict(enumerate(map(an_image, (0, 1, 0, 3, 4, 5, 6))))

    def prepare(self) -> None:
        """Tell the steps of the job before it."""
        w, perform = self.world, functions_of(activities)
        vars(w)["fetcher"] = self.web = CountedWeb()
        w.jobs.add(a_job("job-1", engines=["local"], max_images=6))
        # Number 3 is the address that is gone.
        found = {**self.images, 3: RejectReason.GONE, 4: BUSY, 5: BUSY}
        listed = [(a_candidate(n, url=URLS[n]), body) for n, body in found.items()]
        chunks = (listed[:4], listed[4:])
        w.jobs.add_chunks("job-1", 0, [4, 3])
        for number, chunk in enumerate(chunks):
            put_downloads(w.blobs, "job-1", 0, number, chunk)
            perform["validate"]({"job_id": "job-1", "round": 0, "chunk": number})
        rounds = Rounds(job_id="job-1", chunks=(2,)).model_dump(mode="json")
        perform["deduplicate"](rounds)
        perform["assemble"](rounds)
        w.jobs.finish("job-1", "partial", "3 of 6.")
        self.before = self.kept_of(1)

    def kept_of(self, version):
        """Every byte of a version."""
        return {name: data for name, data in self.outcome_bytes() if f"/{version}/" in name[1]}

    def outcome_bytes(self):
        """Every byte that stays."""
        blobs = self.world.blobs
        for container in ("datasets", "archives"):
            for name in blobs.names(container, ""):
                yield (container, name), blobs.get(BlobRef(container=container, name=name))


@pytest.fixture
def play_anew(memory, call):
    """Makes the same retry on new stores, as often as asked."""

    def begin():
        vars(memory).update(blobs=MemoryBlobs(), datasets=MemoryDatasets())
        return RetryPlay(memory, call)

    return begin


def test_an_undisturbed_retry(play_anew):
    """What was busy came, what was there stayed, and what is gone was not asked for."""
    play, stages = play_anew(), []
    play.after_step = lambda: stages.append(play.world.jobs.state("job-2").stage)
    state, engines, version, _ = play.tell()
    assert stages[0] == "downloading"
    assert (state.status, state.progress.kept, state.progress.round) == ("partial", 5, 1)
    assert state.progress.reasons == {"gone_404_410": 1}
    assert (state.progress.chunks.total, state.progress.chunks.completed) == (4, 4)
    assert (version.status, version.images, engines) == (VersionStatus.PACKAGED, 5, ())
    assert state.message.startswith("5 of 6 wanted images kept: a retry fetches what failed")
    assert play.web.asked == [URLS[4], URLS[5]]
    assert play.kept_of(1) == play.before


def test_killed_at_every_write(play_anew):
    """With kill -9 before any single write, and the step done again, nothing differs in the end."""
    calm = play_anew()
    expected = calm.tell()
    assert calm.writes > 30
    for kill_at in range(1, calm.writes + 1):
        play = play_anew()
        play.kill_at = kill_at
        assert play.tell() == expected, f"killed before write {kill_at}"


@pytest.mark.parametrize("soon", [True, False], ids=["two at once", "after the end"])
def test_stalled_at_every_write(play_anew, *, soon):
    """A worker presumed lost before any single write goes on while others have done its work."""
    calm = play_anew()
    expected = calm.tell()
    for stall_at in range(1, calm.writes + 1):
        play = play_anew()
        play.stall_at, play.is_released_soon = stall_at, soon
        assert play.tell() == expected, f"stalled before write {stall_at}"


def test_repeated_after_every_step(play_anew):
    """After each step every step before it is repeated, the first one last: nothing differs."""
    expected = play_anew().tell()
    play = play_anew()

    def late():
        for name, given in reversed(play.told):
            play.perform(name, given)

    play.after_step = late
    assert play.tell() == expected


def test_cancelled_after_every_step(play_anew):
    """Until packaging begins a cancel leaves no byte of the new version; the old one stays."""
    calm = play_anew()
    calm.tell()
    names = [name for name, _ in calm.told]
    for last in range(len(names)):
        play = play_anew()
        play.after_step = lambda play=play, last=last: (
            play.world.jobs.cancel("job-2") if len(play.told) == last + 1 else None
        )
        state, _, version, _ = play.tell()
        assert play.kept_of(1) == play.before
        if last < names.index("assemble"):
            assert (state.status, version.status) == ("cancelled", "cancelled"), last
            assert play.kept_of(2) == {}
            assert state.progress.chunks.active == 0
        else:
            assert (state.status, version.status) == ("partial", "packaged"), last
