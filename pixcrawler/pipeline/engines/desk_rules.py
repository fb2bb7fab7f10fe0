"""The desk's rules wherever it is kept: pauses after trouble, waiting for leave, the words."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pixcrawler.domain.engine import BlockKind, EngineCard, EngineStatus, Quota
from pixcrawler.pipeline.engines.ports import Closed, Page, Ticket

LATE_S = 10.0
"""A ticket is no longer good when its process stood still for so long beyond its time."""
LOST_AFTER_S = 60.0 + LATE_S
"""A request that nobody reports counts as ended so long after it was due: its worker is gone."""
RETRY_AFTER_MAX_S = 86_400.0
"""Longest pause that an engine can ask for itself: a mistaken header must not shut it for long."""
SHORTEST_S = 1.0
"""Pause after an engine has asked us to slow down, however little it asks for."""
POLL_S = 0.25
"""Between looks whether somebody else's request has ended."""
_SOON = timedelta(minutes=2)
_DETAIL_MAX_CHARS = 1000


@dataclass(frozen=True)
class Pause:
    """How long an engine is left alone: longer with each trouble in a row, up to a limit."""

    first_s: float
    step_s: float = 0.0
    longest_s: float = 0.0

    def after(self, failures: int) -> float:
        """Return the seconds after so many troubles in a row (1, 2, …)."""
        return max(self.first_s, min(self.longest_s, self.first_s + self.step_s * (failures - 1)))


PAUSES: dict[EngineStatus | BlockKind, Pause] = {
    BlockKind.DENIED: Pause(180),
    BlockKind.THROTTLED: Pause(180),
    BlockKind.CAPTCHA: Pause(3_600),
    BlockKind.RECAPTCHA: Pause(604_800),
    BlockKind.CLOUDFLARE_DENIED: Pause(86_400),
    BlockKind.CLOUDFLARE_CAPTCHA: Pause(1_296_000),
    # An engine says that its own quota for us is used up: most count days.
    BlockKind.QUOTA: Pause(3_600),
    EngineStatus.FAILED: Pause(5, step_s=5, longest_s=120),
    # One answer that cannot be read may be due to one odd query.
    EngineStatus.CHANGED: Pause(0, step_s=5, longest_s=120),
}
"""Source: the suspension times that SearXNG has settled on (access denied, too many requests,
captcha, reCAPTCHA, Cloudflare's two; 5 s for each other failure in a row, up to 120 s)."""


@dataclass(frozen=True)
class Busy:
    """Others are at the engine: whether there is a place is known when they are done."""

    wait_s: float
    """Before it is worth asking again."""
    closed: Closed
    """What to say when patience ends."""


def pause_of(page: Page) -> Pause | None:
    """Return the pause that an answer asks for; None when all is well."""
    if page.status.is_well:
        return None
    if page.kind is BlockKind.THROTTLED and stated_s(page):
        # Who says how long is believed: some limits count single seconds.
        return Pause(max(SHORTEST_S, stated_s(page)))
    return PAUSES.get(page.kind or page.status, PAUSES[BlockKind.DENIED])


def stated_s(page: Page) -> float:
    """Return the seconds that the engine asks for itself, bounded."""
    return min(RETRY_AFTER_MAX_S, max(0.0, page.retry_after_s or 0.0))


def plain_detail(page: Page) -> str | None:
    """Return what is kept of an answer's detail: bounded, and without what cannot be stored."""
    if page.detail is None:
        return None
    return page.detail[:_DETAIL_MAX_CHARS].replace("\0", "").encode("utf-8", "replace").decode()


def leave(
    take: Callable[[float], Ticket | Closed | Busy],
    patience_s: float,
    sleep: Callable[[float], None],
) -> Ticket | Closed:
    """Take a ticket with ``take``, which is told what patience is left; ask again while busy."""
    left_s = patience_s
    while isinstance(outcome := take(left_s), Busy):
        if left_s <= 0:
            return outcome.closed
        # Spread, or all who wait would come back together.
        pause_s = min(left_s, max(outcome.wait_s, POLL_S) * random.uniform(1.0, 1.5))  # noqa: S311
        sleep(pause_s)
        left_s -= pause_s
    return outcome


# -------------------------------------------------------------- the words


def switched_off(card: EngineCard) -> Closed:
    """Return the refusal for an engine that nobody has switched on."""
    detail = (
        f"{card.title} is switched off: an operator has to switch it on"
        f" (pixcrawler engines enable {card.name})"
    )
    return Closed(BlockKind.SWITCHED_OFF, 0.0, detail)


def suspended(card: EngineCard, cause: str | None, until: datetime, now: datetime) -> Closed:
    """Return the refusal for an engine that is left alone after trouble."""
    after = f" after this: {cause}" if cause else ""
    detail = f"{card.title} is left alone until {_moment(until, now)}{after}"
    return Closed(BlockKind.SUSPENDED, _seconds(until, now), detail)


def being_tried(card: EngineCard, cause: str | None, until: datetime, now: datetime) -> Closed:
    """Return the refusal while one request tries whether a suspended engine is well again."""
    after = f" after this: {cause}" if cause else ""
    detail = f"{card.title} is being tried again with one request{after}"
    return Closed(BlockKind.SUSPENDED, _seconds(until, now), detail)


def used_up(card: EngineCard, quota: Quota, until: datetime, now: datetime) -> Closed:
    """Return the refusal when a quota leaves no place in time."""
    detail = f"{_allows(card, quota)}; the next is free at {_moment(until, now)}"
    return Closed(BlockKind.QUOTA, _seconds(until, now), detail)


def taken(card: EngineCard, quota: Quota, until: datetime, now: datetime) -> Closed:
    """Return the refusal when all places of a quota are taken by requests that have not ended."""
    detail = f"{_allows(card, quota)}; others are using all of them"
    return Closed(BlockKind.QUOTA, _seconds(until, now), detail)


def _allows(card: EngineCard, quota: Quota) -> str:
    requests = "1 request" if quota.requests == 1 else f"{quota.requests:,} requests"
    return f"{card.title} allows {requests} in {_stretch(quota.seconds)}"


def _stretch(seconds: float) -> str:
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return "1 second" if seconds == 1 else f"{seconds:,g} seconds"


def _moment(at: datetime, now: datetime) -> str:
    if at - now < _SOON:
        return f"{at:%H:%M:%S} UTC"
    # The minute after, or somebody comes back too early.
    at += timedelta(minutes=1)
    day = "" if at.date() == now.date() else f" on {at.day} {at:%B}"
    return f"{at:%H:%M} UTC{day}"


def _seconds(until: datetime, now: datetime) -> float:
    return max(0.0, (until - now).total_seconds())
