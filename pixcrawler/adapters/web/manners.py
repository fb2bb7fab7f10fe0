"""Manners: who we say we are, and how long we wait before we ask again."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

VERSION = "0.1"
"""Of the crawler, for whoever reads a web server's log."""
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 8.0
_LONGEST_STATED_S = 7 * 24 * 3600.0


def user_agent(contact: str) -> str:
    """Return the honest User-Agent: name, version, and where the operator can be reached."""
    plain = "".join(char for char in contact if " " < char <= "~" and char not in "()")
    return f"PixCrawler/{VERSION} (+{plain})"


def back_off_s(tries: int) -> float:
    """Return the wait after ``tries`` failed tries (1, 2, …): doubling, spread by half."""
    wait_s: float = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (tries - 1))
    return wait_s * random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, guards nothing


def stated_wait_s(retry_after: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds that a Retry-After header asks for: a number or a date (RFC 9110).

    None when there is no such header or it cannot be read; never negative, at most a week.
    """
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(_LONGEST_STATED_S, float(text[:9]))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    seconds = (at - (now or datetime.now(UTC))).total_seconds()
    return min(_LONGEST_STATED_S, max(0.0, seconds))
