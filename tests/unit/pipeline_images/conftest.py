"""A small world in memory: one job whose chunks were downloaded."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.adapters.memory.datasets import MemoryDatasets
from pixcrawler.adapters.memory.jobs import MemoryJobs
from pixcrawler.adapters.memory.placeholders import MemoryPlaceholders
from pixcrawler.domain.job import Job
from pixcrawler.domain.source import Candidate
from pixcrawler.domain.storage import BlobRef
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.assemble import assemble
from pixcrawler.pipeline.deduplicate import deduplicate
from pixcrawler.pipeline.package import package
from pixcrawler.pipeline.payloads import (
    Assembled,
    ChunkRef,
    ChunkReport,
    Deduplicated,
    Rounds,
)
from pixcrawler.pipeline.validate import validate
from tests.factories import a_job, put_downloads

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
Found = tuple[Candidate, bytes | RejectReason]


@dataclass
class Workshop:
    """The steps of this folder's subject, on stores in memory."""

    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    datasets: MemoryDatasets = field(default_factory=MemoryDatasets)
    rounds: list[int] = field(default_factory=list)
    placeholders: MemoryPlaceholders = field(
        default_factory=lambda: MemoryPlaceholders(lambda: NOW)
    )

    def __post_init__(self) -> None:
        self.jobs = MemoryJobs(self.datasets, lambda: NOW)

    def job(self, **spec: Any) -> Job:
        """Begin the job."""
        job = a_job(**spec)
        self.jobs.add(job)
        return job

    def download(self, *chunks: Sequence[Found]) -> None:
        """Add a round of chunks, as downloading leaves them."""
        self.jobs.add_chunks("job-1", len(self.rounds), [len(chunk) for chunk in chunks])
        for number, chunk in enumerate(chunks):
            put_downloads(self.blobs, "job-1", len(self.rounds), number, chunk)
        self.rounds.append(len(chunks))

    @property
    def ref(self) -> Rounds:
        """All rounds so far."""
        return Rounds(job_id="job-1", chunks=tuple(self.rounds))

    def validate(self) -> ChunkReport:
        """Validate every chunk."""
        return ChunkReport.total([self.validate_chunk(ref) for ref in self.ref.refs()])

    def validate_chunk(self, ref: ChunkRef) -> ChunkReport:
        """Validate one chunk."""
        return validate(ref, jobs=self.jobs, blobs=self.blobs, placeholders=self.placeholders)

    def deduplicate(self, rounds: Rounds | None = None) -> Deduplicated:
        """Choose among what was validated."""
        return deduplicate(
            rounds or self.ref,
            jobs=self.jobs,
            blobs=self.blobs,
            placeholders=self.placeholders,
        )

    def assemble(self) -> Assembled:
        """Assemble what deduplication left."""
        return assemble(
            self.ref,
            jobs=self.jobs,
            datasets=self.datasets,
            blobs=self.blobs,
            clock=lambda: NOW,
        )

    def build(self) -> zipfile.ZipFile:
        """Go all the way to the archive, and open it."""
        self.validate()
        self.deduplicate()
        self.assemble()
        archive = package("data-1", 1, blobs=self.blobs)
        return zipfile.ZipFile(io.BytesIO(self.blobs.get(archive.blob)))

    def manifest(self) -> dict[str, Any]:
        """Return the manifest of the version."""
        [name] = [n for n in self.blobs.names("datasets", "") if n.endswith("manifest.json")]
        return self.json("datasets", name)

    def json(self, container: str, name: str) -> Any:
        """Return a blob's JSON."""
        return json.loads(self.blobs.get(BlobRef(container=container, name=name)))

    def snapshot(self, container: str) -> dict[str, bytes]:
        """Return every blob of a container."""
        names = self.blobs.names(container, "")
        return {name: self.blobs.get(BlobRef(container=container, name=name)) for name in names}


@pytest.fixture
def workshop() -> Workshop:
    """An empty world."""
    return Workshop()
