"""Orders: what the command line asks a step alone to do."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

from pydantic import Field

from pixcrawler.domain.model import Value
from pixcrawler.domain.purpose import Purpose
from pixcrawler.settings import Settings

STDIN = "-"


class Level(StrEnum):
    """How closely pictures are looked at before they are kept."""

    NONE = "none"
    """Their first bytes say what they are; they are kept as they came."""
    BASIC = "basic"
    """Decoded in full: format, size and damage are known."""


class FetchOrder(Value):
    """Fetch the addresses of a list into a folder."""

    source: str
    """Path of the list; ``-`` for standard input."""
    out: Path
    url_col: str | None = None
    caption_col: str | None = None
    level: Level = Level.BASIC
    purpose: Purpose = Purpose.RECOGNITION
    min_size_px: int = Field(default=1, ge=1, le=20_000)
    """Of the shorter side; looked at on level basic."""
    shard_size: int = Field(default=10_000, ge=1, le=1_000_000)
    """Pictures in one tar, at most."""
    concurrency: int = Field(default=64, ge=1, le=256)
    timeout_s: float = Field(default=20.0, gt=0, le=300)
    """For one picture in all, redirects included."""
    contact: str | None = Field(default=None, min_length=3, max_length=200)
    retry_failed: bool = False
    """Fetch only what failed for a reason that may have passed."""

    def identity(self, list_sha256: str) -> dict[str, str | int | None]:
        """Return what must be the same for a folder to be gone on with."""
        return {
            "list": list_sha256,
            "url_col": self.url_col,
            "caption_col": self.caption_col,
            "level": self.level.value,
            "purpose": self.purpose.value,
            "min_size": self.min_size_px,
        }

    @property
    def reached_at(self) -> str:
        """Where a site reaches whoever runs this: as ordered, else the setting CONTACT."""
        default: str = Settings.model_fields["contact"].default
        return self.contact or os.environ.get("CONTACT") or default


class CannotFetch(Exception):
    """The order cannot be carried out; the message says why and what to do."""


class CannotGoOn(CannotFetch):
    """The machine does not allow it for now: nothing that was finished is lost."""
