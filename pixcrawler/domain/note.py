"""Notes: what a person should know about a job although it is no failure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import StringConstraints

from pixcrawler.domain.model import Value

MAX_NOTES = 50
"""Of one job: what is more than that nobody reads."""


class Note(Value):
    """Something that a person should know about a job although it is no failure."""

    code: Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{1,63}$")]
    """For programs: ``filter_not_honoured``, ``expansion_fell_back``, …."""
    subject: Annotated[str, StringConstraints(max_length=200)] = ""
    """What it is about, such as an engine's name; a job has one note of a code and subject."""
    message: Annotated[str, StringConstraints(min_length=1, max_length=1000)]


def with_notes(known: Iterable[Note], more: Iterable[Note]) -> tuple[Note, ...]:
    """Return ``known`` and after them what is new in ``more``, at most MAX_NOTES in all.

    The first note of a code and subject stays as it is.
    """
    notes: dict[tuple[str, str], Note] = {}
    for note in (*known, *more):
        notes.setdefault((note.code, note.subject), note)
    return tuple(notes.values())[:MAX_NOTES]
