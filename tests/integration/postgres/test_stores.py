"""The PostgreSQL stores keep the contracts of the ports."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import pytest

from pixcrawler.adapters.postgres.datasets import PostgresDatasets
from pixcrawler.adapters.postgres.jobs import PostgresJobs
from pixcrawler.domain.catalogue import VersionStatus
from pixcrawler.domain.errors import Conflict
from pixcrawler.domain.job import Failure, Job, JobSpec, JobStatus, Stage
from pixcrawler.domain.note import Note
from pixcrawler.domain.progress import Progress
from tests.contracts.dataset_store import DatasetStoreContract
from tests.contracts.job_store import SPEC, JobStoreContract
from tests.integration.conftest import App


@dataclass(frozen=True)
class Seen:
    """What the owner sees, in the contract's form."""

    status: JobStatus
    stage: Stage
    message: str | None
    failure: Failure | None
    progress: Progress
    notes: tuple[Note, ...]


class PostgresHarness:
    """PostgreSQL stores behind the contracts' harness."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.owner = app.principal()
        self.jobs = PostgresJobs(app.worker)

    def new_job(self, spec: JobSpec) -> Job:
        return self.jobs.job(self.app.catalogue.create_job(self.owner, spec).job.id)


class PostgresJobHarness(PostgresHarness):
    """For the JobStore contract."""

    @property
    def store(self) -> PostgresJobs:
        return self.jobs

    def state(self, job_id: str) -> Seen:
        job = self.app.catalogue.job(self.owner, job_id)
        return Seen(job.status, job.stage, job.message, job.error, job.progress, job.notes)

    def cancel(self, job_id: str) -> None:
        try:
            self.app.catalogue.cancel_job(self.owner, job_id)
        except Conflict:
            return

    def version_status(self, job: Job) -> VersionStatus:
        return self.app.catalogue.version(self.owner, job.dataset_id, job.version).status


class PostgresDatasetHarness(PostgresHarness):
    """For the DatasetStore contract."""

    def __init__(self, app: App) -> None:
        super().__init__(app)
        self.store = PostgresDatasets(app.worker)
        self.job = self.new_job(SPEC)

    def version(self) -> tuple[VersionStatus, int, int]:
        found = self.app.catalogue.version(self.owner, self.job.dataset_id, self.job.version)
        return found.status, found.images, found.bytes

    def moments(self) -> tuple[datetime, datetime | None]:
        """When the dataset changed last, and when its version was packaged."""
        found = self.app.catalogue.dataset(self.owner, self.job.dataset_id)
        return found.updated_at, found.latest_version and found.latest_version.packaged_at


class TestPostgresJobs(JobStoreContract):
    @pytest.fixture
    def harness(self, app: App) -> PostgresJobHarness:
        return PostgresJobHarness(app)

    def test_notes_of_two_workers_are_all_kept(self, harness: PostgresJobHarness) -> None:
        """Workers that note something at the same moment do not take each other's notes away."""
        job = harness.new_job(SPEC)
        notes = [Note(code="seen", subject=str(number), message="Seen.") for number in range(16)]
        with ThreadPoolExecutor(4) as workers:
            list(workers.map(lambda note: harness.store.add_notes(job.id, [note]), notes))
        assert set(harness.store.notes(job.id)) == set(notes)

    def test_a_job_is_created_with_its_notes(self, app: App) -> None:
        """What is known at creation is in the first answer, and a repetition does not add to it."""
        owner = app.principal()
        note = Note(code="filter_not_honoured", subject="openverse", message="No such filter.")
        created = app.catalogue.create_job(owner, SPEC, "key", notes=[note, note])
        again = app.catalogue.create_job(owner, SPEC, "key", notes=[])
        assert created.job.notes == again.job.notes == (note,)


class TestPostgresDatasets(DatasetStoreContract):
    @pytest.fixture
    def harness(self, app: App) -> PostgresDatasetHarness:
        return PostgresDatasetHarness(app)

    def test_a_late_event_changes_no_date(self, harness: PostgresDatasetHarness) -> None:
        """The dataset changes when a version is first packaged, not when an old event repeats."""
        before = harness.moments()
        self._register(harness)
        packaged = harness.moments()
        self._register(harness)
        assert harness.moments() == packaged
        assert packaged[0] > before[0]
