"""Estimates: what a job would give and cost, as intervals, and what it gave and cost in the end."""

from __future__ import annotations

from typing import Self

from pydantic import AwareDatetime, Field, model_validator

from pixcrawler.domain.engine import BlockKind, EngineName, EngineStatus
from pixcrawler.domain.model import Value
from pixcrawler.domain.note import Note

CREDITS_PER_IMAGE = 1
"""For each image that is kept: an assumption, until there are prices."""


class Counts(Value):
    """Between which whole numbers something will be, most likely."""

    low: int = Field(ge=0)
    expected: int = Field(ge=0)
    high: int = Field(ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low <= self.expected <= self.high:
            raise ValueError("must be in order: low, expected, high")
        return self


class Measures(Value):
    """Between which numbers something will be, most likely."""

    low: float = Field(ge=0)
    expected: float = Field(ge=0)
    high: float = Field(ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low <= self.expected <= self.high:
            raise ValueError("must be in order: low, expected, high")
        return self


class EngineOutlook(Value):
    """What one engine promises for a job."""

    engine: EngineName
    status: EngineStatus
    kind: BlockKind | None = None
    detail: str | None = None
    """What is wrong, for people."""
    stands_by_for: EngineName | None = None
    """The engine of the same index that was asked instead."""
    asked: int = Field(default=0, ge=0)
    """Queries whose first page was looked at."""
    queries: int = Field(default=0, ge=0)
    """That a job would ask, if it had to."""
    found: int = Field(default=0, ge=0)
    """Different pictures in the sample that may be wanted."""
    candidates: Counts
    """In all its queries, if all were asked to the end."""
    survival: Measures
    """Share of its candidates that are good in the end, 0 to 1."""
    survival_from: str
    """In words: earlier jobs, or experience in general."""
    images: Counts
    """Good pictures that it could give by itself, however many are wanted."""


class Estimate(Value):
    """What a job would give and cost. Nothing was charged or started for it."""

    wanted: int = Field(ge=1)
    found: int = Field(ge=0)
    """Different pictures that the sample of all engines has."""
    overlap: float = Field(ge=0, le=1)
    """Share of the sample's finds that another engine had as well."""
    candidates: Counts
    """Different ones that the engines have in all."""
    images: Counts
    """Kept in the end; never more than wanted."""
    bytes: Counts
    """Downloaded on the way; the dataset holds fewer."""
    minutes: Measures
    """From the start to the packaged dataset."""
    credits: Counts
    engines: tuple[EngineOutlook, ...]
    meaning: str
    """What the intervals mean, for people."""
    assumptions: tuple[str, ...]
    notes: tuple[Note, ...] = ()
    """What the job itself would say when it is created."""
    created_at: AwareDatetime


class Actual(Value):
    """What a job gave and cost, in the terms of its estimate."""

    images: int = Field(ge=0)
    bytes: int = Field(ge=0)
    minutes: float = Field(ge=0)
    credits: int = Field(ge=0)
