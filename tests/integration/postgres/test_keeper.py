"""What the timers find: jobs that nobody started, that fell silent, that have ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pixcrawler.adapters.postgres.jobs import PostgresJobs
from pixcrawler.adapters.postgres.keeper import AT_ONCE, PostgresKeeper
from pixcrawler.domain.errors import NotFound
from pixcrawler.domain.job import JobStatus, Stage
from pixcrawler.pipeline.payloads import Order
from tests.contracts.job_store import SPEC
from tests.integration.conftest import App


class Kept:
    """A keeper, a store, and a clock that can be turned back for one job."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.keeper = PostgresKeeper(app.worker)
        self.jobs = PostgresJobs(app.worker)
        self.owner = app.principal()

    def new_job(self) -> str:
        return self.app.catalogue.create_job(self.owner, SPEC).job.id

    def make_old(self, job_id: str, minutes: int = 60) -> None:
        with self.app.database.server.connect(database=self.app.database.name) as c:
            c.execute("set session_replication_role = replica")  # no touch trigger
            ago = f"now() - interval '{minutes} minutes'"
            c.execute(
                f"update crawl_jobs set created_at = {ago}, updated_at = {ago},"  # noqa: S608
                f" finished_at = finished_at - interval '{minutes} minutes',"
                f" started_at = started_at - interval '{minutes} minutes'"
                " where id = %s".encode(),
                (job_id,),
            )
            c.execute(
                f"update job_chunks set updated_at = {ago} where job_id = %s".encode(),  # noqa: S608
                (job_id,),
            )


@pytest.fixture
def kept(app: App) -> Kept:
    return Kept(app)


def ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def test_unstarted_jobs(kept: Kept) -> None:
    """Old jobs without a first stage are found, cancelled ones too; young and begun ones not."""
    old, cancelled, begun, ended = (kept.new_job() for _ in range(4))
    kept.new_job()
    kept.app.catalogue.cancel_job(kept.owner, cancelled)
    kept.jobs.set_stage(begun, Stage.EXPANDING)
    kept.jobs.finish(ended, JobStatus.FAILED, "Over.")
    for job_id in (old, cancelled, begun, ended):
        kept.make_old(job_id)
    found = kept.keeper.unstarted(ago(30))
    wanted = SPEC.max_images
    assert sorted(found, key=lambda order: order.job_id) == sorted(
        [Order(job_id=old, wanted=wanted), Order(job_id=cancelled, wanted=wanted)],
        key=lambda order: order.job_id,
    )


def test_silent_jobs(kept: Kept) -> None:
    """A begun job is silent when neither it nor any of its chunks gave a sign of life."""
    silent, chunky, young, ended, unstarted = (kept.new_job() for _ in range(5))
    for job_id in (silent, chunky, young, ended):
        kept.jobs.set_stage(job_id, Stage.DOWNLOADING)
        kept.jobs.add_chunks(job_id, 0, [1, 1])
    kept.jobs.finish(ended, JobStatus.SUCCEEDED, "Done.")
    for job_id in (silent, chunky, ended, unstarted):
        kept.make_old(job_id)
    kept.jobs.chunk_started(chunky, 0, 1)
    assert [order.job_id for order in kept.keeper.silent(ago(30))] == [silent]


def test_ended_jobs_are_swept_once(kept: Kept) -> None:
    """Jobs that ended long enough ago are found until they are marked."""
    old, young, running = (kept.new_job() for _ in range(3))
    for job_id in (old, young):
        kept.jobs.finish(job_id, JobStatus.SUCCEEDED, "Done.")
    for job_id in (old, running):
        kept.make_old(job_id)
    assert kept.keeper.ended(ago(30)) == [old]
    kept.keeper.mark_swept(old)
    kept.keeper.mark_swept(old)
    assert kept.keeper.ended(ago(30)) == []


def test_a_running_job_cannot_be_swept(kept: Kept) -> None:
    """Marking a job that has not ended changes nothing."""
    job_id = kept.new_job()
    kept.keeper.mark_swept(job_id)
    kept.jobs.finish(job_id, JobStatus.SUCCEEDED, "Done.")
    kept.make_old(job_id)
    assert kept.keeper.ended(ago(30)) == [job_id]


def test_a_made_up_id(kept: Kept) -> None:
    """What is no identifier names no job."""
    with pytest.raises(NotFound):
        kept.keeper.mark_swept("../x")


def test_a_timer_takes_a_bounded_bite(kept: Kept) -> None:
    """However many jobs wait, one call returns the oldest few hundred."""
    first = kept.new_job()
    kept.make_old(first, 90)
    kept.app.database.rows(
        "insert into dataset_versions (dataset_id, version, user_id)"
        " select dataset_id, n, user_id from dataset_versions, generate_series(2, 300) n"
    )
    kept.app.database.rows(
        "insert into crawl_jobs (user_id, dataset_id, version, spec, wanted, created_at)"
        " select user_id, dataset_id, version, '{}', 1, now() - interval '1 hour'"
        " from dataset_versions where version > 1"
    )
    found = kept.keeper.unstarted(ago(30))
    assert (len(found), found[0].job_id) == (AT_ONCE, first)
