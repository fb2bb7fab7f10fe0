"""Meanings: which purposes each wish refuses, and why; the one table that decides."""

from __future__ import annotations

from dataclasses import dataclass

from pixcrawler.domain.purpose import Purpose

EVERY = frozenset(Purpose)
TRAINING = frozenset({Purpose.RECOGNITION, Purpose.GENERATIVE})
GENERATIVE = frozenset({Purpose.GENERATIVE})
NONE: frozenset[Purpose] = frozenset()


@dataclass(frozen=True)
class Meaning:
    """What one wish comes to."""

    refused: frozenset[Purpose]
    """Purposes that it refuses; none: it is told, nothing more."""
    because: str


ROBOTS_DISALLOW = Meaning(EVERY, "RFC 9309 is about fetching at all, whatever for")
ROBOTS_UNAVAILABLE = Meaning(
    EVERY, "RFC 9309, 2.3.1.4: while it is not known what a site wishes, all is disallowed"
)
