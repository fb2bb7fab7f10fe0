"""Catalogue: what people are shown of their jobs, datasets and versions."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Generic, TypeVar

from pydantic import AwareDatetime, Field

from pixcrawler.domain.estimate import Actual
from pixcrawler.domain.image import Sha256
from pixcrawler.domain.job import Failure, JobStatus, Stage
from pixcrawler.domain.model import Value
from pixcrawler.domain.note import Note
from pixcrawler.domain.progress import Progress
from pixcrawler.domain.source import EngineReport
from pixcrawler.domain.storage import ArchiveFormat, StorageTier
from pixcrawler.domain.verdict import RejectReason

Entry = TypeVar("Entry", bound=Value)

PAGE_ITEMS = 20
PAGE_MAX_ITEMS = 100


class VersionStatus(StrEnum):
    """States of a dataset version; only a packaged one can be downloaded."""

    BUILDING = "building"
    ASSEMBLED = "assembled"
    PACKAGED = "packaged"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobEntry(Value):
    """A job as its owner sees it."""

    id: str
    name: str
    """Of the dataset that it builds."""
    project: str
    dataset_id: str
    version: int = Field(ge=1)
    status: JobStatus
    stage: Stage
    wanted: int = Field(ge=1)
    progress: Progress
    engines: tuple[EngineReport, ...]
    notes: tuple[Note, ...] = ()
    """What the owner should know although it is no failure, the oldest first."""
    message: str | None
    error: Failure | None
    spec: dict[str, Any]
    """The job file, in its normal form."""
    estimate: dict[str, Any] | None = None
    """What was estimated for the same job file in the day before, as it was told then."""
    actual: Actual | None = None
    """What came of it, in the same terms; None until the job has ended."""
    retry_of: str | None = None
    """The job of which only what failed is fetched again."""
    retry_reasons: tuple[RejectReason, ...] = ()
    """Why it had failed; of a retry only."""
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None


class ArchiveEntry(Value):
    """An archive as its owner sees it."""

    filename: str
    format: ArchiveFormat
    bytes: int = Field(ge=0)
    sha256: Sha256
    tier: StorageTier
    created_at: AwareDatetime


class VersionEntry(Value):
    """A dataset version as its owner sees it."""

    dataset_id: str
    version: int = Field(ge=1)
    status: VersionStatus
    job_id: str
    images: int = Field(ge=0)
    bytes: int = Field(ge=0)
    archive: ArchiveEntry | None
    created_at: AwareDatetime
    packaged_at: AwareDatetime | None


class DatasetEntry(Value):
    """A dataset as its owner sees it."""

    id: str
    name: str
    project: str
    latest_version: VersionEntry | None
    """The newest version that can be downloaded."""
    created_at: AwareDatetime
    updated_at: AwareDatetime


class Page(Value):
    """Which part of a list is asked for: at most ``limit`` entries after ``cursor``."""

    limit: int = Field(default=PAGE_ITEMS, ge=1, le=PAGE_MAX_ITEMS)
    cursor: str | None = None


class Listing(Value, Generic[Entry]):
    """One page of entries, newest first."""

    items: tuple[Entry, ...]
    next_cursor: str | None = None
    """Ask again with it for more; None at the end."""
