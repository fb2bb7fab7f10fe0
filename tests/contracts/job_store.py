"""What every JobStore promises: run on memory in unit tests, on PostgreSQL in integration tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

import pytest

from pixcrawler.domain.catalogue import VersionStatus
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.errors import NotFound
from pixcrawler.domain.job import Failure, Job, JobSpec, JobStatus, Stage
from pixcrawler.domain.note import MAX_NOTES, Note
from pixcrawler.domain.progress import Progress
from pixcrawler.domain.source import EngineReport
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.ports import ChunkCounts, JobStore

UNKNOWN = "00000000-0000-4000-8000-000000000000"
SPEC = JobSpec(name="birds", categories={"robin": ("robin",)}, max_images=50, engines=("local",))
GONE, SMALL = RejectReason.GONE, RejectReason.TOO_SMALL


class State(Protocol):
    """What the job's owner sees of it."""

    status: JobStatus
    stage: Stage
    message: str | None
    failure: Failure | None
    progress: Progress
    notes: tuple[Note, ...]


class Harness(Protocol):
    """A store, and the ways around it that a test needs."""

    store: JobStore

    def new_job(self, spec: JobSpec) -> Job:
        """Create a pending job."""
        ...

    def state(self, job_id: str) -> State:
        """Return what the job's owner sees."""
        ...

    def cancel(self, job_id: str) -> None:
        """Ask for the job to be cancelled, as its owner does."""
        ...

    def version_status(self, job: Job) -> VersionStatus:
        """Return the status of the version that the job builds."""
        ...


class JobStoreContract:
    """Subclass it, and give a fixture ``harness``."""

    @pytest.fixture
    def store(self, harness: Harness) -> JobStore:
        return harness.store

    @pytest.fixture
    def job(self, harness: Harness) -> Job:
        return harness.new_job(SPEC)

    def test_a_job_comes_back(self, store: JobStore, job: Job) -> None:
        """A new job is pending, for version 1, with the job file in its normal form."""
        assert store.job(job.id) == job
        assert (job.status, job.version, job.spec) == (JobStatus.PENDING, 1, SPEC)

    def test_unknown_jobs_are_not_found(self, store: JobStore) -> None:
        """Every call about a job that does not exist says so."""
        counts = ChunkCounts()
        calls = [
            lambda: store.job(UNKNOWN),
            lambda: store.is_given_up(UNKNOWN),
            lambda: store.set_stage(UNKNOWN, Stage.EXPANDING),
            lambda: store.add_chunks(UNKNOWN, 0, [1]),
            lambda: store.chunk_started(UNKNOWN, 0, 0),
            lambda: store.chunk_downloaded(UNKNOWN, 0, 0, counts),
            lambda: store.chunk_validated(UNKNOWN, 0, 0, counts),
            lambda: store.set_engines(UNKNOWN, []),
            lambda: store.engines(UNKNOWN),
            lambda: store.downloaded_bytes(UNKNOWN),
            lambda: store.add_notes(UNKNOWN, []),
            lambda: store.notes(UNKNOWN),
            lambda: store.set_kept(UNKNOWN, 0, {}),
            lambda: store.begin_packaging(UNKNOWN),
            lambda: store.finish(UNKNOWN, JobStatus.SUCCEEDED, ""),
        ]
        for call in calls:
            with pytest.raises(NotFound):
                call()

    def test_unknown_chunks_are_not_found(self, store: JobStore, job: Job) -> None:
        """A chunk that was never added cannot be worked on."""
        store.add_chunks(job.id, 0, [5])
        with pytest.raises(NotFound):
            store.chunk_started(job.id, 0, 1)
        with pytest.raises(NotFound):
            store.chunk_validated(job.id, 1, 0, ChunkCounts())

    def test_the_first_stage_makes_it_run(self, harness: Harness, job: Job) -> None:
        """A pending job becomes running with its first stage."""
        harness.store.set_stage(job.id, Stage.EXPANDING)
        state = harness.state(job.id)
        assert (state.status, state.stage) == (JobStatus.RUNNING, Stage.EXPANDING)

    def test_the_round_never_goes_back(self, harness: Harness, job: Job) -> None:
        """A late stage of an earlier round changes neither the round nor the stage."""
        harness.store.set_stage(job.id, Stage.DISCOVERING, 2)
        harness.store.set_stage(job.id, Stage.DEDUPLICATING, 1)
        state = harness.state(job.id)
        assert (state.progress.round, state.stage) == (2, Stage.DISCOVERING)

    def test_a_late_stage_does_not_undo_packaging(self, harness: Harness, job: Job) -> None:
        """A repeated activity cannot take a job back before the point of no return."""
        assert harness.store.begin_packaging(job.id)
        harness.store.set_stage(job.id, Stage.ASSEMBLING, 1)
        harness.cancel(job.id)
        state = harness.state(job.id)
        assert (state.status, state.stage) == (JobStatus.RUNNING, Stage.PACKAGING)

    def test_chunks_are_added_once(self, harness: Harness, job: Job) -> None:
        """Adding a round's chunks again changes nothing, also when one was worked on."""
        harness.store.add_chunks(job.id, 0, [32, 8])
        harness.store.chunk_validated(job.id, 0, 0, ChunkCounts(downloaded=30, valid=20))
        harness.store.add_chunks(job.id, 0, [32, 8])
        harness.store.add_chunks(job.id, 1, [4])
        progress = harness.state(job.id).progress
        assert (progress.chunks.total, progress.chunks.completed) == (3, 1)
        assert (progress.candidates, progress.downloaded) == (44, 30)

    def test_no_chunks(self, harness: Harness, job: Job) -> None:
        """A round without candidates adds no chunk."""
        harness.store.add_chunks(job.id, 0, [])
        assert harness.state(job.id).progress.chunks.total == 0

    def test_progress_is_the_sum_over_chunks(self, harness: Harness, job: Job) -> None:
        """Counts of all chunks add up, by reason too."""
        harness.store.set_stage(job.id, Stage.DOWNLOADING)
        harness.store.add_chunks(job.id, 0, [32, 32, 32, 10])
        first = ChunkCounts(30, 20, 12, 1000, {GONE: 2, SMALL: 10})
        second = ChunkCounts(32, 0, 0, 500)
        harness.store.chunk_started(job.id, 0, 0)
        harness.store.chunk_validated(job.id, 0, 0, first)
        harness.store.chunk_downloaded(job.id, 0, 1, second)
        harness.store.chunk_started(job.id, 0, 2)
        progress = harness.state(job.id).progress
        chunks = progress.chunks
        assert (chunks.total, chunks.active, chunks.completed) == (4, 2, 1)
        assert (progress.candidates, progress.downloaded, progress.bytes) == (106, 62, 1500)
        assert (progress.kept, progress.rejected) == (20, 12)
        assert progress.reasons == {GONE: 2, SMALL: 10}
        assert progress.success_rate == 0.625

    def test_downloaded_bytes_are_the_sum_over_chunks(self, store: JobStore, job: Job) -> None:
        """What a budget of bytes is compared with: every round's chunks, each as last counted."""
        assert store.downloaded_bytes(job.id) == 0
        store.add_chunks(job.id, 0, [32, 32])
        store.add_chunks(job.id, 1, [32])
        assert store.downloaded_bytes(job.id) == 0
        store.chunk_downloaded(job.id, 0, 0, ChunkCounts(30, 0, 2, 2**33))
        store.chunk_validated(job.id, 0, 0, ChunkCounts(30, 25, 7, 2**33))
        store.chunk_downloaded(job.id, 1, 0, ChunkCounts(30, 0, 2, 500))
        assert store.downloaded_bytes(job.id) == 2**33 + 500

    def test_a_repeated_activity_counts_once(self, harness: Harness, job: Job) -> None:
        """Writing a chunk's counts again, or an earlier step late, does not change the sums."""
        store = harness.store
        store.add_chunks(job.id, 0, [32])
        downloaded = ChunkCounts(30, 0, 2, 1000, {GONE: 2})
        validated = ChunkCounts(30, 25, 7, 1000, {GONE: 2, SMALL: 5})
        for _ in range(2):
            store.chunk_started(job.id, 0, 0)
            store.chunk_downloaded(job.id, 0, 0, downloaded)
        for _ in range(2):
            store.chunk_validated(job.id, 0, 0, validated)
        store.chunk_downloaded(job.id, 0, 0, downloaded)
        store.chunk_started(job.id, 0, 0)
        progress = harness.state(job.id).progress
        assert (progress.chunks.completed, progress.kept, progress.rejected) == (1, 25, 7)

    def test_kept_is_what_deduplication_says(self, harness: Harness, job: Job) -> None:
        """After deduplication, kept is its number and duplicates are reasons like others."""
        store = harness.store
        store.add_chunks(job.id, 0, [80])
        store.chunk_validated(job.id, 0, 0, ChunkCounts(80, 70, 10, 9, {GONE: 10}))
        assert harness.state(job.id).progress.kept == SPEC.max_images
        store.set_kept(job.id, 40, {RejectReason.DUPLICATE_EXACT: 30, RejectReason.OVER_LIMIT: 0})
        progress = harness.state(job.id).progress
        assert (progress.kept, progress.rejected) == (40, 40)
        assert progress.reasons == {GONE: 10, RejectReason.DUPLICATE_EXACT: 30}

    def test_engine_reports_come_back(self, store: JobStore, job: Job) -> None:
        """The last recorded reports come back, in their order."""
        assert store.engines(job.id) == ()
        reports = (
            EngineReport(engine="local", status=EngineStatus.OK, candidates=7),
            EngineReport(
                engine="commons",
                status=EngineStatus.BLOCKED,
                kind=BlockKind.THROTTLED,
                detail="429 \U0001f426",
                retry_after_s=250.0,
                until=datetime(2026, 5, 1, 14, 5, tzinfo=UTC),
            ),
            EngineReport(engine="bing", status=EngineStatus.EMPTY, stands_by_for="local"),
            EngineReport(
                engine="openverse",
                status=EngineStatus.OK,
                requests=12,
                sifted=3,
                saturated=1,
                is_used_up=True,
                stands_in_for="commons",
            ),
        )
        store.set_engines(job.id, reports[:1])
        store.set_engines(job.id, reports)
        assert store.engines(job.id) == reports

    def test_notes_are_seen_once_and_in_order(self, harness: Harness, job: Job) -> None:
        """The owner sees each note; the first of a code and subject stays, whatever repeats."""
        store = harness.store
        assert store.notes(job.id) == ()
        first = Note(code="fell_back", subject="owl", message="No model: templates are used.")
        other = Note(code="fell_back", subject="\u732b\U0001f426", message="The same.")
        store.add_notes(job.id, [first])
        store.add_notes(job.id, [first.model_copy(update={"message": "Again."}), other])
        store.add_notes(job.id, [])
        assert store.notes(job.id) == harness.state(job.id).notes == (first, other)

    def test_notes_have_an_end(self, store: JobStore, job: Job) -> None:
        """A job that has a note for everything keeps the first of them."""
        notes = [
            Note(code="much", subject=str(number), message="\u732b" * 1000)
            for number in range(MAX_NOTES + 5)
        ]
        store.add_notes(job.id, notes[:7])
        store.add_notes(job.id, notes)
        assert store.notes(job.id) == tuple(notes[:MAX_NOTES])

    def test_notes_change_nothing_else(self, harness: Harness, job: Job) -> None:
        """A late note neither reopens a job nor is lost."""
        store = harness.store
        store.finish(job.id, JobStatus.SUCCEEDED, "Done.")
        store.add_notes(job.id, [Note(code="late", message="Late.")])
        state = harness.state(job.id)
        assert (state.status, state.stage, state.message) == (
            JobStatus.SUCCEEDED,
            Stage.DONE,
            "Done.",
        )
        assert [note.code for note in state.notes] == ["late"]

    def test_cancelling_is_seen(self, harness: Harness, job: Job) -> None:
        """A cancelled job tells every step so, and stages do not revive it."""
        store = harness.store
        assert not store.is_given_up(job.id)
        harness.cancel(job.id)
        assert store.is_given_up(job.id)
        store.set_stage(job.id, Stage.DOWNLOADING)
        assert store.job(job.id).status is JobStatus.CANCELLING
        assert not store.begin_packaging(job.id)
        assert store.finish(job.id, JobStatus.CANCELLED, "Cancelled.") is JobStatus.CANCELLED
        assert store.is_given_up(job.id)

    def test_work_on_a_failed_job_is_in_vain(self, store: JobStore, job: Job) -> None:
        """What still runs for a job that failed is told to stop."""
        store.finish(job.id, JobStatus.FAILED, "Over.", Failure(code="x", message="y"))
        assert store.is_given_up(job.id)

    def test_a_good_end_is_not_given_up(self, store: JobStore, job: Job) -> None:
        """A repeated step of a job that ended well reports what it reported before."""
        store.finish(job.id, JobStatus.SUCCEEDED, "Done.")
        assert not store.is_given_up(job.id)

    @pytest.mark.parametrize("when", ["later round", "packaging", "ended"])
    def test_old_news_change_nothing(self, harness: Harness, job: Job, when: str) -> None:
        """A worker presumed lost cannot take back what the last round recorded."""
        store = harness.store
        good = (EngineReport(engine="local", status=EngineStatus.OK, candidates=7),)
        store.set_stage(job.id, Stage.DEDUPLICATING, 1)
        store.set_kept(job.id, 40, {}, 1)
        store.set_engines(job.id, good, 1)
        if when != "later round":
            store.begin_packaging(job.id)
        if when == "ended":
            store.finish(job.id, JobStatus.PARTIAL, "40 of 50.")
        late = 0 if when == "later round" else 1
        store.set_kept(job.id, 10, {RejectReason.OVER_LIMIT: 3}, late)
        store.set_engines(job.id, (), late)
        progress = harness.state(job.id).progress
        assert (progress.kept, progress.rejected, store.engines(job.id)) == (40, 0, good)

    def test_packaging_begins_once_and_again(self, harness: Harness, job: Job) -> None:
        """Beginning packaging may be repeated, also after the job has ended well."""
        store = harness.store
        store.set_stage(job.id, Stage.ASSEMBLING)
        assert store.begin_packaging(job.id)
        assert store.begin_packaging(job.id)
        store.finish(job.id, JobStatus.PARTIAL, "40 of 50.")
        assert store.begin_packaging(job.id)
        assert harness.state(job.id).stage is Stage.DONE

    def test_the_first_end_wins(self, harness: Harness, job: Job) -> None:
        """A second end, a stage and a cancel after the end change nothing."""
        store = harness.store
        assert store.finish(job.id, JobStatus.SUCCEEDED, "Done.") is JobStatus.SUCCEEDED
        late = Failure(code="story_lost", message="Lost.")
        assert store.finish(job.id, JobStatus.FAILED, "Lost.", late) is JobStatus.SUCCEEDED
        store.set_stage(job.id, Stage.DOWNLOADING, 3)
        harness.cancel(job.id)
        state = harness.state(job.id)
        assert (state.status, state.stage) == (JobStatus.SUCCEEDED, Stage.DONE)
        assert (state.message, state.failure) == ("Done.", None)

    @pytest.mark.parametrize(
        ("status", "version", "failed"),
        [
            (JobStatus.FAILED, VersionStatus.FAILED, 2),
            (JobStatus.CANCELLED, VersionStatus.CANCELLED, 0),
        ],
    )
    def test_open_chunks_and_version_end_with_the_job(
        self, harness: Harness, job: Job, status: JobStatus, version: VersionStatus, failed: int
    ) -> None:
        """Nothing stays active under a job that failed or was cancelled."""
        store = harness.store
        store.add_chunks(job.id, 0, [1, 1, 1])
        store.chunk_validated(job.id, 0, 0, ChunkCounts(1, 1))
        store.chunk_started(job.id, 0, 1)
        failure = Failure(code="no_images", message="Nothing.") if failed else None
        store.finish(job.id, status, "Over.", failure)
        state = harness.state(job.id)
        chunks = state.progress.chunks
        assert (chunks.total, chunks.active, chunks.completed, chunks.failed) == (3, 0, 1, failed)
        assert state.failure == failure
        assert harness.version_status(job) is version

    def test_a_late_chunk_does_not_reopen(self, harness: Harness, job: Job) -> None:
        """An activity that ends after its job failed leaves the chunk as it is."""
        store = harness.store
        store.add_chunks(job.id, 0, [1])
        store.finish(job.id, JobStatus.FAILED, "Over.", Failure(code="x", message="y"))
        store.chunk_started(job.id, 0, 0)
        store.chunk_downloaded(job.id, 0, 0, ChunkCounts(1))
        store.chunk_validated(job.id, 0, 0, ChunkCounts(1, 1))
        progress = harness.state(job.id).progress
        assert (progress.chunks.failed, progress.downloaded) == (1, 0)
