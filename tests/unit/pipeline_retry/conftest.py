"""A small world in memory: a job with failures, and retries of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.adapters.memory.datasets import MemoryDatasets
from pixcrawler.adapters.memory.jobs import MemoryJobs
from pixcrawler.adapters.memory.placeholders import MemoryPlaceholders
from pixcrawler.domain.dataset import Manifest
from pixcrawler.domain.source import Candidate
from pixcrawler.domain.storage import BlobRef, candidates_ref, verdicts_ref, version_ref
from pixcrawler.domain.verdict import PASSING_REASONS, RejectReason, Verdict
from pixcrawler.pipeline.assemble import LEDGER, MANIFEST, assemble
from pixcrawler.pipeline.deduplicate import deduplicate
from pixcrawler.pipeline.limits import RETRY_ROUND
from pixcrawler.pipeline.payloads import Deduplicated, Recalled, RecallRef, Rounds
from pixcrawler.pipeline.recall import recall
from pixcrawler.pipeline.validate import validate
from tests.factories import a_job, put_downloads

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
Found = tuple[Candidate, bytes | RejectReason]


class Workshop:
    """The steps of a retry and those around it, on stores in memory."""

    def __init__(self) -> None:
        self.blobs = MemoryBlobs()
        self.datasets = MemoryDatasets()
        self.jobs = MemoryJobs(self.datasets, lambda: NOW)
        self.stores = {
            "jobs": self.jobs,
            "blobs": self.blobs,
            "placeholders": MemoryPlaceholders(),
        }
        self.made = 0
        self.spec: dict[str, Any] = {}

    def new_job(self) -> str:
        """Begin the next job, for the next version."""
        self.made += 1
        job = a_job(f"job-{self.made}", **self.spec)
        self.jobs.add(job.model_copy(update={"version": self.made}))
        return job.id

    def build(self, *rounds: Sequence[Sequence[Found]], **spec: Any) -> str:
        """Build version 1 from rounds of chunks; return the job's id."""
        self.spec = spec
        job_id = self.new_job()
        for round_no, chunks in enumerate(rounds):
            self.download(job_id, round_no, chunks)
        self.finish(Rounds(job_id=job_id, chunks=tuple(map(len, rounds))))
        return job_id

    def download(self, job_id: str, round_no: int, chunks: Sequence[Sequence[Found]]) -> None:
        """Add a round, as downloading leaves it."""
        self.jobs.add_chunks(job_id, round_no, [len(chunk) for chunk in chunks])
        for chunk, found in enumerate(chunks):
            put_downloads(self.blobs, job_id, round_no, chunk, found)

    def judge(self, rounds: Rounds, first: int = 0) -> Deduplicated:
        """Validate what was downloaded from round ``first`` on, then deduplicate everything."""
        for ref in rounds.refs():
            if ref.round >= first:
                validate(ref, **self.stores)
        return deduplicate(rounds, **self.stores)

    def finish(self, rounds: Rounds, first: int = 0) -> Deduplicated:
        """Go on to the version."""
        chosen = self.judge(rounds, first)
        given = {"jobs": self.jobs, "datasets": self.datasets, "blobs": self.blobs}
        assemble(rounds, **given, clock=lambda: NOW)
        return chosen

    def recall(self, of: str, *reasons: RejectReason, job_id: str | None = None) -> Recalled:
        """Begin a retry, or repeat the beginning of one."""
        ref = RecallRef(
            job_id=job_id or self.new_job(),
            retry_of=of,
            reasons=reasons or tuple(sorted(PASSING_REASONS)),
        )
        return recall(ref, jobs=self.jobs, blobs=self.blobs)

    def retry(
        self, of: str, *reasons: RejectReason, web: Mapping[str, bytes | RejectReason]
    ) -> Deduplicated:
        """Tell a whole retry; ``web`` has what comes for each address now."""
        found = self.recall(of, *reasons)
        job_id = f"job-{self.made}"
        fetched = [
            [(candidate, web[candidate.url]) for candidate in chunk]
            for chunk in self.again(job_id, found)
        ]
        for chunk, one in enumerate(fetched):
            put_downloads(self.blobs, job_id, RETRY_ROUND, chunk, one)
        chunks = (found.held, found.chunks)
        return self.finish(Rounds(job_id=job_id, chunks=chunks, limit=found.limit), RETRY_ROUND)

    def again(self, job_id: str, found: Recalled) -> list[list[Candidate]]:
        """The candidates that a retry fetches, by chunk."""
        places = [candidates_ref(job_id, RETRY_ROUND, chunk) for chunk in range(found.chunks)]
        return [
            [Candidate.model_validate_json(line) for line in self.blobs.get(place).splitlines()]
            for place in places
            if self.blobs.exists(place)
        ]

    def held(self, job_id: str, found: Recalled) -> list[list[Verdict]]:
        """The verdicts that a retry takes over, by chunk."""
        places = [verdicts_ref(job_id, 0, chunk) for chunk in range(found.held)]
        return [self._verdicts(place) for place in places]

    def ledger(self, version: int) -> list[Verdict]:
        """What a version says of every candidate."""
        return self._verdicts(version_ref("data-1", version, LEDGER))

    def _verdicts(self, place: BlobRef) -> list[Verdict]:
        return [Verdict.model_validate_json(line) for line in self.blobs.get(place).splitlines()]

    def manifest(self, version: int) -> Manifest:
        """The manifest of a version."""
        return Manifest.model_validate_json(
            self.blobs.get(version_ref("data-1", version, MANIFEST))
        )

    def ids(self, version: int) -> set[str]:
        """The images of a version."""
        return {image.id for image in self.manifest(version).images}

    def progress(self, job_id: str):
        """What the job's owner sees."""
        return self.jobs.state(job_id).progress

    def sweep(self, job_id: str) -> None:
        """Remove the job's working files."""
        self.blobs.delete_prefix("work", f"{job_id}/")

    def forget(self, names: Iterable[str]) -> None:
        """Lose these work files of a retry, but not which sources it has."""
        for name in names:
            if not name.endswith("sources.json"):
                self.blobs.delete(BlobRef(container="work", name=name))

    def snapshot(self, prefix: str, container: str = "work") -> dict[str, bytes]:
        """Every blob whose name begins so."""
        names = self.blobs.names(container, prefix)
        return {name: self.blobs.get(BlobRef(container=container, name=name)) for name in names}


@pytest.fixture
def workshop() -> Workshop:
    """An empty world."""
    return Workshop()
