"""Datasets: what a version holds, as its manifest and statistics say it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from pixcrawler.domain.image import ImageFacts, Sha256
from pixcrawler.domain.model import Value
from pixcrawler.domain.source import EngineReport, Provenance
from pixcrawler.domain.verdict import RejectReason


class ManifestImage(Value):
    """One image of a version. ``id`` comes from the content, so updates never renumber."""

    id: str = Field(pattern="^[0-9a-f]{16}$")
    """First 16 hex digits of the content hash."""
    path: str
    """Inside the archive: ``images/<category>/<keyword>/<id>.<extension>``."""
    category: str
    keyword: str
    source_url: str
    final_url: str | None = None
    facts: ImageFacts
    provenance: Provenance
    also_found: tuple[Provenance, ...] = ()
    shard: str
    """Blob name of the tar that holds the bytes, relative to the version's folder."""
    offset: int = Field(ge=0)
    length: int = Field(ge=1)


class Statistics(Value):
    """Counts over a version and over the job that built it."""

    images: int
    bytes: int
    wanted: int
    candidates: int
    downloaded: int
    rounds: int
    by_category: dict[str, int]
    by_keyword: dict[str, int]
    by_engine: dict[str, int]
    by_format: dict[str, int]
    by_license: dict[str, int]
    rejected: dict[RejectReason, int]
    width_px: dict[str, int]
    """``min``, ``median``, ``max``."""
    height_px: dict[str, int]
    hosts: int = 0
    """Different hosts that were visited, as far as visits were kept."""


class ReceiptRoot(Value):
    """What the receipts of a version come to: whoever knows the root can check every image."""

    file: str
    algorithm: Literal["rfc9162-sha256"] = "rfc9162-sha256"
    """The Merkle tree of RFC 9162, section 2.1, with SHA-256."""
    count: int = Field(ge=0)
    root: Sha256


class Manifest(Value):
    """The list of every image in a dataset version."""

    schema_version: Literal[1] = 1
    name: str
    dataset_id: str
    version: int = Field(ge=1)
    job_id: str
    created_at: AwareDatetime
    spec: dict[str, Any]
    """The job file that built it, in its normal form."""
    engines: tuple[EngineReport, ...] = ()
    statistics: Statistics
    receipts: ReceiptRoot | None = None
    """None in versions from before there were receipts."""
    images: tuple[ManifestImage, ...]
