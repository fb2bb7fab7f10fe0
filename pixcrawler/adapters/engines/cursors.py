"""Cursors with luggage: what a later page needs from an earlier one, as plain short text."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable

_LUGGAGE_MAX_CHARS = 2000
_DIGEST_CHARS = 12


def written(place: int, luggage: str) -> str:
    """Return the cursor of a place among the results, with one line of luggage."""
    return f"{place} {luggage[:_LUGGAGE_MAX_CHARS]}".strip()


def place_and_luggage(cursor: str | None, first: int) -> tuple[int, str]:
    """Return what a cursor holds; ``first`` and nothing when there is none.

    Raises:
        ValueError: the cursor is none of ours.
    """
    place, _, luggage = (cursor or str(first)).partition(" ")
    return int(place), luggage


def fingerprint(names: Iterable[str]) -> str:
    """Return a short digest of a page's results: services repeat their last page for ever."""
    joined = "\n".join(names).encode(errors="replace")
    return hashlib.sha256(joined).hexdigest()[:_DIGEST_CHARS]


def stamped(token: str) -> str:
    """Return a token with the time at which it was given."""
    return f"{int(time.time())} {token}"


def still_good(luggage: str, seconds: float) -> str | None:
    """Return the token of stamped luggage if it was given within the last ``seconds``."""
    given_at, _, token = luggage.partition(" ")
    if not given_at.isdecimal() or abs(time.time() - int(given_at)) > seconds:
        return None
    return token
