"""Fairness to hosts, wherever its desk is kept: budgets, shares of workers, pauses, the breaker."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

LASTS_S = 30.0
"""A share that is not renewed: what a killed worker held is free after it. Workers renew each
second, so it only ends early when the database is away for longer."""
WAITING_S = 10.0
"""A worker that waits and is not heard of for so long has lost its place in the queue."""
TENURE_S = 2.0
"""With more workers than places: how long one keeps a place that others wait for."""
POLL_S = 0.25
"""Between looks of the first who waits whether a place is free."""
POLL_MAX_S = 1.0
"""Between looks of those who wait behind."""

STATED_MAX_S = 24 * 3600.0
"""Longest pause that a host can ask for: a mistaken header must not shut it for ever."""
BACK_OFF_S = 5.0
"""Pause after a 429 or 503 that names no time; twice as long with each further one in a row."""
BACK_OFF_MAX_S = 600.0
FAILURES_MAX = 5
"""Failed requests in a row, over all workers, after which a host is left alone."""
SUSPENDED_S = 30.0
"""For so long at first; twice as long with each further failed try."""
SUSPENDED_MAX_S = 600.0
JITTER = 0.25
"""Part by which a pause that we choose is longer or shorter, so that tries spread."""

KEPT_DAYS = 30
"""After a host was visited last, what is known of it is forgotten."""
FILE_MAX_BYTES = 500 * 1024
"""Kept of a site's file: what RFC 9309 asks robots to read of robots.txt."""
FILE_LASTS_MAX_S = 24 * 3600.0
"""Longest that a site's file is believed: RFC 9309, section 2.4."""
FILE_URL_MAX_CHARS = 1000
"""Of the address of a site's file: a name has at most 253, and the paths are ours."""
_WORDS_MAX_CHARS = 300
"""A host's name has at most 253, its port six more."""

HOST_AT_ONCE = 6
"""Requests at once to one host, over all workers: what one browser opens to it over HTTP/1.1."""

_STATED: dict[str, int] = {
    # "Always keep a total concurrency of at most 2":
    # https://wikitech.wikimedia.org/wiki/Robot_policy
    "upload.wikimedia.org": 2,
    # "Please limit scripted usage of this API to a single HTTP connection":
    # https://techdocs.gbif.org/en/openapi/images
    "api.gbif.org": 1,
}


def known_budget(host: str) -> int | None:
    """Return how many requests at once a host's operator allows, where that is written down."""
    return _STATED.get(host.partition(":")[0].rstrip("."))


def budget_of(host: str, at_once: int = HOST_AT_ONCE) -> int:
    """Return a host's budget; ``at_once`` is that of hosts that state none."""
    stated = known_budget(host)
    return at_once if stated is None else min(stated, at_once)


@dataclass(frozen=True)
class Claim:
    """What one worker wants of a host."""

    worker: str
    wanted: int
    since: float
    """When it began to wait; of a worker that had its time, when that ended."""


def allotment(budget: int, claims: Sequence[Claim]) -> dict[str, int]:
    """Return how many places each worker should have: as equal as their wishes allow.

    What is left over goes to those who have waited longest, and so do the places when there are
    fewer than workers.
    """
    crowded = len(claims) >= budget

    def order(claim: Claim) -> tuple[int, float, str]:
        wanted = 1 if crowded else min(claim.wanted, budget)
        return wanted, -claim.since, claim.worker

    given: dict[str, int] = {}
    left = budget
    for number, claim in enumerate(sorted(claims, key=order)):
        given[claim.worker] = min(claim.wanted, left // (len(claims) - number))
        left -= given[claim.worker]
    return given


def poll_s(before: int) -> float:
    """Return when to look again, with so many who have waited longer."""
    return min(POLL_MAX_S, POLL_S * (before + 1))


def back_off_s(throttled: int) -> float:
    """Return the pause after so many refusals in a row (1, 2, …) that named no time."""
    return spread(min(BACK_OFF_MAX_S, BACK_OFF_S * 2.0 ** min(throttled - 1, 30)))


def suspension_s(suspensions: int) -> float:
    """Return how long a host is left alone the first, second, … time."""
    return spread(min(SUSPENDED_MAX_S, SUSPENDED_S * 2.0 ** min(suspensions - 1, 30)))


def spread(seconds: float) -> float:
    """Return about as many seconds, never the same."""
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - guards nothing


def stated_s(pause_s: float | None) -> float | None:
    """Return the pause that a host asked for, bounded; 0: it did not say how long."""
    return None if pause_s is None else max(0.0, min(STATED_MAX_S, pause_s))


def plain(text: str) -> str:
    """Return names and words from outside bounded, and without what cannot be stored."""
    return text[:_WORDS_MAX_CHARS].replace("\0", "").encode("utf-8", "replace").decode()
