"""The whole story in memory: killed at every write, cancelled and repeated at every step."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.adapters.memory.datasets import MemoryDatasets
from pixcrawler.adapters.memory.jobs import MemoryJobs
from pixcrawler.domain.catalogue import VersionStatus
from pixcrawler.domain.engine import Access, EngineCard, EngineStatus
from pixcrawler.domain.job import JobStatus
from pixcrawler.domain.storage import BlobRef, version_ref
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.functions import activities, blobs
from pixcrawler.orchestration.build_dataset import build_dataset
from pixcrawler.orchestration.process_chunks import process_chunks
from pixcrawler.pipeline import steps
from pixcrawler.pipeline.engines.ports import Page
from pixcrawler.pipeline.ports import Fetched, Unfetched
from pixcrawler.pipeline.visits.body import Body
from tests.factories import a_job, an_image
from tests.fakes.durable import Stage
from tests.unit.functions.conftest import Written, functions_of
from tests.unit.pipeline_discovery.engines import find

PENDING = {"status": JobStatus.PENDING}
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
URLS = [f"https://p.example/{number}.jpg" for number in range(7)]
BODIES = dict(zip(URLS, map(an_image, (0, 1, 0, 3, 4, 5, 6)), strict=True))
GONE = URLS[3]
WRITES = {
    "blobs": ("put", "put_file", "put_new", "set_tier"),
    "jobs": (
        *("set_stage", "add_chunks", "chunk_started", "chunk_downloaded", "chunk_validated"),
        *("set_engines", "set_kept", "begin_packaging", "finish"),
    ),
    "datasets": ("version_assembled", "register_archive"),
}


class Killed(BaseException):
    """The worker is gone."""


class Halting:
    """An engine that gives four pictures, fails, and gives three more in the next round."""

    card = EngineCard(name="local", title="Halting", access=Access.OWN)

    def __init__(self) -> None:
        self.round = 0

    def search(self, query, cursor, filters):
        """One page."""
        if query.text != "robin":
            return Page(EngineStatus.EMPTY)
        if cursor is None:
            return Page(EngineStatus.OK, tuple(find("local", url) for url in URLS[:4]), "4")
        if self.round == 0:
            return Page(EngineStatus.FAILED, detail="p.example: away")
        return Page(EngineStatus.OK, tuple(find("local", url) for url in URLS[4:]))


class Web:
    """Gives every body but one."""

    def gated(self, gate):
        """For every purpose the same."""
        return self

    def fetch_all(self, urls) -> Iterator[tuple[int, Fetched | Unfetched]]:
        """What each address has."""
        for place, url in enumerate(urls):
            if url == GONE:
                yield place, Unfetched(RejectReason.GONE, "p.example: status 404", url, 404)
            else:
                yield place, Fetched(Body.of(BODIES[url]), url, 200, 5)


class Play:
    """One job from its first step to its end, with an accident."""

    job_id, version = "job-1", 1
    more: ClassVar[dict[str, object]] = {}
    """What the story is begun with, beside the job."""

    def __init__(self, memory, call) -> None:
        self.world, self.call = memory, call
        self.performers = functions_of(activities)
        self.engine = Halting()
        self.writes = self.kill_at = 0
        self.stall_at = 0
        self.stalled, self.released = threading.Event(), threading.Event()
        self.told: list[tuple[str, dict]] = []
        self.after_step = lambda: None
        self.is_released_soon = False
        vars(memory).update(
            engines={"local": self.engine},
            fetcher=Web(),
            clock=lambda: NOW,
            jobs=MemoryJobs(memory.datasets, lambda: NOW),
        )
        self.prepare()
        job = a_job(self.job_id, engines=["local"], max_images=6)
        memory.jobs.add(job.model_copy(update={**PENDING, "version": self.version}))
        for store, names in WRITES.items():
            for name in names:
                self._watch(getattr(memory, store), name)

    def prepare(self) -> None:
        """Make what there is before the job."""

    def _watch(self, store, name) -> None:
        write = getattr(store, name)

        def watched(*given):
            self.writes += 1
            if self.writes == self.kill_at:
                raise Killed
            if self.writes == self.stall_at:
                self.stalled.set()
                assert self.released.wait(60)
            return write(*given)

        setattr(store, name, watched)

    def tell(self):
        """Tell the story to its end, and return what there is then."""
        stage = Stage(
            {step.name: self._performer(step.name) for step in steps.STORY},
            {"process_chunks": process_chunks},
        )
        with ThreadPoolExecutor(1) as self.threads:
            stage.play(build_dataset, {"job_id": self.job_id, "wanted": 6, **self.more})
            if self.stall_at:
                self.release()
        return self.outcome()

    def _performer(self, name):
        def perform(given):
            if name == "find_archive":
                self.again(self.trigger)
            answer = self.again(lambda: self.perform(name, given))
            self.told.append((name, given))
            self.after_step()
            return answer

        return perform

    def perform(self, name, given):
        """Do one step."""
        self.engine.round = given.get("round", 0)
        return self.performers[name](given)

    def trigger(self) -> None:
        """What the host does about a manifest and a checksum."""
        place = version_ref("data-1", self.version, "manifest.json")
        self.call(blobs, "package_version", Written(place))
        name = f"data-1/{self.version}/garden_birds-v{self.version}.zip.sha256"
        self.call(blobs, "register_archive", Written(BlobRef(container="archives", name=name)))

    def again(self, work):
        """Do it, and once more when the worker was killed, or is silent for too long."""
        if not self.stall_at or self.stalled.is_set():
            try:
                return work()
            except Killed:
                return work()
        worker = self.threads.submit(work)
        while not worker.done() and not self.stalled.is_set():
            wait([worker], timeout=0.001)
        if not self.stalled.is_set():
            return worker.result()
        self.lost = worker
        answer = work()
        if self.is_released_soon:
            self.release()
        return answer

    def release(self) -> None:
        """Let the worker that was silent go on to its end."""
        self.released.set()
        self.lost.result(60)

    def outcome(self):
        """Everything that people and programs see of a job, and every byte that stays."""
        kept = {
            (container, name): self.world.blobs.get(BlobRef(container=container, name=name))
            for container in ("datasets", "archives")
            for name in self.world.blobs.names(container, "")
        }
        jobs, version = self.world.jobs, self.world.datasets.version("data-1", self.version)
        return jobs.state(self.job_id), jobs.engines(self.job_id), version, kept


@pytest.fixture
def play(memory, call):
    """A job that has not begun."""
    return Play(memory, call)


@pytest.fixture
def play_anew(memory, call):
    """Makes the same job on new, empty stores, as often as asked."""

    def begin():
        datasets = MemoryDatasets()
        vars(memory).update(blobs=MemoryBlobs(), datasets=datasets)
        return Play(memory, call)

    return begin


def test_an_undisturbed_job(play):
    """Two rounds, five images: what the accidents below must come to as well."""
    state, [report], version, kept = play.tell()
    assert (state.status, state.progress.kept, state.progress.round) == ("partial", 5, 1)
    assert state.progress.reasons == {"gone_404_410": 1, "duplicate_exact": 1}
    assert (state.progress.chunks.total, state.progress.chunks.completed) == (2, 2)
    assert (report.status, report.candidates) == ("ok", 7)
    assert (version.status, version.images) == (VersionStatus.PACKAGED, 5)
    assert state.message.startswith("5 of 6 wanted images kept: the engines have no more")
    assert len([name for container, name in kept if container == "archives"]) == 2


def test_killed_at_every_write(play_anew):
    """With kill -9 before any single write, and the step done again, nothing differs in the end."""
    calm = play_anew()
    expected = calm.tell()
    assert calm.writes > 40
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
    """Until packaging begins a cancel leaves no byte of a version; from then on, a whole one."""
    calm = play_anew()
    calm.tell()
    names = [name for name, _ in calm.told]
    for last in range(len(names)):
        play = play_anew()
        play.after_step = lambda play=play, last=last: (
            play.world.jobs.cancel("job-1") if len(play.told) == last + 1 else None
        )
        state, _, version, kept = play.tell()
        if last < names.index("assemble"):
            assert (state.status, version.status, kept) == ("cancelled", "cancelled", {}), last
            assert state.progress.chunks.active == 0
        else:
            assert (state.status, version.status) == ("partial", "packaged"), last
