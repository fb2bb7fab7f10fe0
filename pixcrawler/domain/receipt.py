"""Receipts: where each image of a version comes from, and the evidence for it; a public format.

A version's ``receipts.jsonl`` has one receipt a line, in the order of the images' paths. A line is
canonical JSON (RFC 8785): keys sorted, no spaces, UTF-8; there are no numbers but whole ones, and
a field without a value is left out. The lines are the leaves of a Merkle tree (RFC 9162, section
2.1, SHA-256), whose root is in ``manifest.json``: whoever knows the root can tell whether a line,
and with it an image, was changed, added, left out or moved.

``schema_version`` counts up when a field changes its meaning or goes; new fields may come without.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from pixcrawler.domain.engine import EngineName
from pixcrawler.domain.filters import License
from pixcrawler.domain.image import Sha256
from pixcrawler.domain.model import Value
from pixcrawler.domain.purpose import Purpose
from pixcrawler.domain.source import Address, Provenance, Text
from pixcrawler.domain.visit import Visit

RECEIPTS = "receipts.jsonl"
"""Name of the file in a version and in its archive."""


class LicenseSource(StrEnum):
    """What a licence rests on."""

    API = "api"
    """The engine stated it for this image."""
    LIST = "list"
    """The list of addresses that the user sent states it."""
    ENGINE_FILTER = "engine_filter"
    """The engine was asked for such images only, and stated nothing: a claim, and no evidence."""
    NONE = "none"
    """Nobody stated anything: no right is known."""


class LicenseEvidence(Value):
    """Which licence an image is under, as far as anybody said so."""

    source: LicenseSource
    code: Text | None = None
    """As the engine states it, lower case: ``by-sa``, ``cc0``, ``pdm``."""
    url: Address | None = None
    asked: License | None = None
    """What the engine was asked for, when that is all there is."""
    creator: Text | None = None
    creator_url: Address | None = None
    attribution: Text | None = None
    """The sentence to print beside the image, where the engine gives one."""


class Receipt(Value):
    """One image of a version: what it is, where it was found, how it was fetched."""

    schema_version: Literal[1] = 1
    id: str = Field(pattern="^[0-9a-f]{16}$")
    path: str
    """In the archive."""
    sha256: Sha256
    """Of the file."""
    bytes: int = Field(ge=1)
    category: str
    keyword: str
    query: str
    """What the engine was asked when it gave the image."""
    engine: EngineName
    engine_id: Text | None = None
    """The engine's own name for the image."""
    page_url: Address | None = None
    """The page that shows it."""
    title: Text | None = None
    image_url: Address
    """As found."""
    fetched_url: Address
    """That of its addresses which gave the bytes, before redirects."""
    final_url: str | None = None
    """After redirects."""
    purpose: Purpose
    """What the job fetched it for: the findings were judged by that."""
    license: LicenseEvidence
    visit: Visit | None = None
    """How it was fetched; none for an image that its user sent, or that was fetched before visits
    were kept."""
    also_found: tuple[Provenance, ...] = ()
    """Where else the same image was found."""
