"""Turns what psycopg raises into errors of our tree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from pixcrawler.domain.errors import DatabaseUnavailable, InvariantBroken, PixCrawlerError

AWAY_CLASSES = frozenset(
    {
        "08",  # connection exception
        "28",  # wrong role or password: the operator's to mend, the work is not lost
        "3D",  # no such database: being restored
        "40",  # transaction rollback: deadlock, serialization
        "53",  # out of memory, disk or connections
        "55",  # lock not available, object in use
        "57",  # operator intervention: shutdown, statement timeout
        "58",  # system error outside PostgreSQL
        "72",  # snapshot too old
    }
)
"""SQLSTATE classes (first two characters) that may heal."""

AWAY_STATES = frozenset({"25P03", "25P04", "25006"})
"""Timeouts of a transaction, and a server that only reads while it fails over."""

BROKEN_CLASSES = frozenset(
    {
        *("01", "02", "03", "09", "0A", "0B", "0F", "0L", "0P", "0Z"),
        *("20", "21", "22", "23", "24", "25", "26", "27", "2B", "2D", "2F"),
        *("34", "38", "39", "3B", "3F", "42", "44", "54", "F0", "HV", "P0", "XX", "10"),
    }
)
"""Classes that only a mistake of ours, or a damaged database, can cause."""


def translated(error: psycopg.Error) -> PixCrawlerError:
    """Return the error of our tree that ``error`` amounts to, without its text's data."""
    state = error.sqlstate
    if state is not None:
        away = state in AWAY_STATES or state[:2] in AWAY_CLASSES
        words = f"{type(error).__name__} ({state})"
        return DatabaseUnavailable(words) if away else InvariantBroken(words)
    # Without a state the server did not speak: libpq or the pool did.
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return DatabaseUnavailable(type(error).__name__)
    return InvariantBroken(type(error).__name__)


@contextmanager
def translating() -> Iterator[None]:
    """Translate what psycopg raises inside.

    Raises:
        DatabaseUnavailable: the database is away or asks to try again.
        InvariantBroken: it refused a statement of ours.
    """
    try:
        yield
    except psycopg.Error as error:
        raise translated(error) from error
