"""Storage: where every thing of a job and a dataset lives, and what an archive is."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, Field

from pixcrawler.domain.image import Sha256
from pixcrawler.domain.model import Value

WORK = "work"
DATASETS = "datasets"
ARCHIVES = "archives"
UPLOADS = "uploads/"
"""Beginning of the names of everything that users sent; job ids never begin so."""


class BlobRef(Value):
    """Where some bytes live."""

    container: str = Field(pattern="^[a-z0-9][a-z0-9-]{2,62}$")
    name: str = Field(min_length=1, max_length=1024)


class StorageTier(StrEnum):
    """The product's words; adapters/azure/tiers.py maps them to Azure's."""

    HOT = "hot"
    WARM = "warm"
    COLD = "cold"


class ArchiveFormat(StrEnum):
    """Packaged forms of a dataset version."""

    ZIP = "zip"


class Archive(Value):
    """A packaged dataset version."""

    blob: BlobRef
    format: ArchiveFormat = ArchiveFormat.ZIP
    bytes: int = Field(ge=0)
    sha256: Sha256


class DownloadLink(Value):
    """An address that anyone may read one blob from, or write it to, until it expires."""

    url: str
    expires_at: AwareDatetime


def queries_ref(job_id: str) -> BlobRef:
    """The queries of a job, in the order they are asked."""
    return BlobRef(container=WORK, name=f"{job_id}/queries.json")


def expanded_ref(job_id: str) -> BlobRef:
    """What became of a job's keywords, the first time: the queries file follows from it."""
    return BlobRef(container=WORK, name=f"{job_id}/expanded.json")


def words_ref(digest: str) -> BlobRef:
    """What a language model said to one question: for all jobs, so none of them sweeps it."""
    return BlobRef(container=WORK, name=f"cache/words/{digest}.json")


def discovery_ref(job_id: str, round_no: int) -> BlobRef:
    """Where discovery stands after a round; its existence means that the round was discovered."""
    return BlobRef(container=WORK, name=f"{job_id}/discovery/{round_no:03d}.json")


def found_ref(job_id: str, round_no: int, digest: str) -> BlobRef:
    """All candidates of a round, one JSON object a line, named by its content."""
    return BlobRef(container=WORK, name=f"{job_id}/discovery/{round_no:03d}-{digest}.jsonl")


def _chunk_ref(job_id: str, kind: str, round_no: int, chunk: int, extension: str) -> BlobRef:
    return BlobRef(container=WORK, name=f"{job_id}/{kind}/{round_no:03d}-{chunk:05d}.{extension}")


def candidates_ref(job_id: str, round_no: int, chunk: int) -> BlobRef:
    """The candidates of a chunk, one JSON object a line."""
    return _chunk_ref(job_id, "candidates", round_no, chunk, "jsonl")


def shard_ref(job_id: str, round_no: int, chunk: int, digest: str) -> BlobRef:
    """The downloaded images of a chunk, one uncompressed tar, named by its content.

    Two workers on one chunk may be given different bytes; neither may replace the other's.
    """
    return _chunk_ref(job_id, "shards", round_no, chunk, f"{digest}.tar")


def outcomes_ref(job_id: str, round_no: int, chunk: int) -> BlobRef:
    """One Outcome a line, in the candidates' order; written after the shard."""
    return _chunk_ref(job_id, "outcomes", round_no, chunk, "jsonl")


def verdicts_ref(job_id: str, round_no: int, chunk: int) -> BlobRef:
    """One Verdict a line, in the candidates' order."""
    return _chunk_ref(job_id, "verdicts", round_no, chunk, "jsonl")


def recall_ref(job_id: str, name: str) -> BlobRef:
    """What a retry recalls of the job before it: ``sources.json``, then ``recalled.json``."""
    return BlobRef(container=WORK, name=f"{job_id}/recall/{name}")


def chunks_of(job_id: str, kind: str) -> BlobRef:
    """Where the names of a job's ``outcomes`` or ``verdicts`` begin."""
    return BlobRef(container=WORK, name=f"{job_id}/{kind}/")


def selection_ref(job_id: str, rounds: int) -> BlobRef:
    """What deduplication decided over the first ``rounds`` rounds."""
    return BlobRef(container=WORK, name=f"{job_id}/selection/{rounds:03d}.json")


def upload_ref(user_id: str, upload_id: str) -> BlobRef:
    """A list or an archive as its owner sent it; whose it is, is said by this place alone."""
    return BlobRef(container=WORK, name=f"{UPLOADS}{user_id}/{upload_id}")


def unpacked_ref(user_id: str, upload_id: str) -> BlobRef:
    """An uploaded TAR.GZ as a TAR, so that its members can be read one by one."""
    return BlobRef(container=WORK, name=f"{UPLOADS}{user_id}/{upload_id}.tar")


def contents_ref(user_id: str, upload_id: str) -> BlobRef:
    """What is in an uploaded archive, and where; made when it is first opened."""
    return BlobRef(container=WORK, name=f"{UPLOADS}{user_id}/{upload_id}.contents.json")


def version_ref(dataset_id: str, version: int, name: str) -> BlobRef:
    """A file of a dataset version: ``manifest.json``, ``images/000-00000.tar``, …."""
    return BlobRef(container=DATASETS, name=f"{dataset_id}/{version}/{name}")


def archive_ref(dataset_id: str, version: int, name: str) -> BlobRef:
    """An archive of a dataset version, or its checksum file."""
    return BlobRef(container=ARCHIVES, name=f"{dataset_id}/{version}/{name}")
