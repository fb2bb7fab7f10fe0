"""One host as one process sees it: its share of the budget, who is at it, and who waits in line."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from pixcrawler.domain.errors import DatabaseUnavailable
from pixcrawler.pipeline.visits import host_rules as rules
from pixcrawler.pipeline.visits.ports import HostReport, Share, Wish

_NEVER = float("-inf")
HEARTBEAT_S = 0.75
"""From an answer of the desk to the next question, while a host is visited: pauses are known after
so long."""
FRESH_S = 1.5
"""What the desk said is good for so long ..."""
STALE_S = 5.0
"""... and for so long while it is being asked again: a slow desk does not stop visits."""
IDLE_S = 1.0
"""A share that is not used is kept for so long: the next chunk may be for the same host."""
IDLE_CROWDED_S = 0.05
"""Where others wait, or one alone may be there at once."""


class HostClosed(Exception):
    """No turn at a host comes in time."""

    def __init__(self, detail: str, wait_s: float, *, is_pause: bool) -> None:
        """Take a sentence, the seconds until it may be worth coming back, and what they are."""
        super().__init__(detail)
        self.detail = detail
        self.wait_s = wait_s
        self.is_pause = is_pause
        """The host is left alone; otherwise there is only a queue."""


class Waiter:
    """Somebody in line, until there is a place or a reason why not; or nobody waits any more."""

    def __init__(self, loop: asyncio.AbstractEventLoop, give_up_at: float) -> None:
        self.place: asyncio.Future[None] = loop.create_future()
        self.came_at = loop.time()
        self.give_up_at = give_up_at

    def refuse(self, error: Exception) -> None:
        """Say why there is no place."""
        if not self.place.done():
            self.place.set_exception(error)


class Seen:
    """What was seen of a host and not told yet: reports of successes, failures after them."""

    def __init__(self) -> None:
        self._reports: list[HostReport] = []

    def __bool__(self) -> bool:
        return bool(self._reports)

    def add(self, new: HostReport) -> None:
        """Note one request; a success after failures, and each refusal, stands by itself."""
        last = self._reports[-1] if self._reports else None
        starts_anew = last is not None and (last.failures and not new.failures)
        if last is None or starts_anew or last.pause_s is not None or new.pause_s is not None:
            self._reports.append(new)
            return
        self._reports[-1] = HostReport(
            host=new.host,
            requests=last.requests + new.requests,
            bytes=last.bytes + new.bytes,
            failures=last.failures + new.failures,
            failed_last=new.failed_last,
            because=new.because or last.because,
        )

    def take(self) -> list[HostReport]:
        """Return all and forget them."""
        taken, self._reports = self._reports, []
        return taken

    def put_back(self, reports: list[HostReport]) -> None:
        """Keep what could not be told."""
        self._reports = reports + self._reports


class HostLine:
    """The line in front of one host. Times are those of the event loop."""

    def __init__(self, host: str, at_once: int, loop: asyncio.AbstractEventLoop) -> None:
        self.host = host
        self.at_once = at_once
        self.interval_s = 0.0
        self.waiting: deque[Waiter] = deque()
        self.limits: set[asyncio.Timeout] = set()
        """Those of the turns that were given, which end with the share."""
        self.in_use = 0
        self.seen = Seen()
        self.is_urgent = False
        """The desk should be told or asked at once."""
        self._loop = loop
        self._idle_since = loop.time()
        self._places = 0
        self._asked_in_use: int | None = None
        """While the desk is being asked: what was told it is in use."""
        self._asked_wanted = 0
        self._told_at = self._starts_at = self._paused_until = _NEVER
        self._ask_at = self._ends_at = _NEVER
        self._is_crowded = self._owes = False
        self._because = ""
        self._timer: asyncio.TimerHandle | None = None

    # ---------------------------------------------------------- turns

    @property
    def ends_at(self) -> float:
        """When no request may be under way any more, unless the share is renewed."""
        return self._ends_at

    def may_start(self) -> bool:
        """Return whether one more request may start now."""
        now = self._loop.time()
        asked = self._asked_in_use
        # While it is being asked, the desk may take back what it was not told is in use.
        places = self._places if asked is None else min(self._places, asked)
        return (
            self.in_use < places
            and now - self._told_at <= (FRESH_S if asked is None else STALE_S)
            and max(self._starts_at, self._paused_until) <= now < self._ends_at
        )

    def start(self) -> None:
        """Count a request that starts."""
        self.in_use += 1

    def end(self) -> None:
        """Count a request that has ended; the next in line may start."""
        now = self._loop.time()
        self.in_use -= 1
        if self.interval_s > 0:
            self._starts_at = max(self._starts_at, now + self.interval_s)
        if not self.in_use:
            self._idle_since = now
        self.is_urgent = self.is_urgent or self._owes
        self.advance()

    def advance(self) -> None:
        """Let those in line start who may."""
        while self.waiting and self.may_start():
            waiter = self.waiting.popleft()
            if not waiter.place.done():
                self.start()
                waiter.place.set_result(None)
        if self._timer:
            self._timer.cancel()
            self._timer = None
        at = max(self._starts_at, self._paused_until)
        if self.waiting and at > self._loop.time():
            self._timer = self._loop.call_at(at, self.advance)

    def join(self, waiter: Waiter) -> None:
        """Go to the end of the line."""
        self.waiting.append(waiter)
        if self._wanted() > self._asked_wanted or self._loop.time() - self._told_at > FRESH_S:
            self.is_urgent = True

    def leave(self, waiter: Waiter) -> None:
        """Wait no more."""
        with contextlib.suppress(ValueError):
            self.waiting.remove(waiter)

    def pause(self, pause_s: float, because: str) -> None:
        """Leave the host alone, before the desk says so."""
        until = self._loop.time() + min(rules.STATED_MAX_S, pause_s or rules.BACK_OFF_S)
        if until > self._paused_until:
            self._paused_until, self._because = until, because
        self.turn_away()

    # ---------------------------------------------------------- those for whom it is too long

    def refusal(self, waiter: Waiter, before: int) -> HostClosed | None:
        """Return why somebody with so many in line before gets no turn in time, if that is so."""
        now = self._loop.time()
        if self._paused_until > max(waiter.give_up_at, now):
            return self._paused(now)
        starts_at = max(now, self._starts_at) + before * self.interval_s
        if starts_at > waiter.give_up_at and self.interval_s > 0:
            detail = f"{self.host} wants {self.interval_s:g} s between requests; others come first"
            return HostClosed(detail, starts_at - now, is_pause=False)
        return None

    def late(self, waiter: Waiter, *, is_away: bool) -> Exception:
        """Return what to say to somebody whose patience ends; ``is_away``: the desk is."""
        now = self._loop.time()
        if self._paused_until > now:
            return self._paused(now)
        if is_away or now - max(self._told_at, waiter.came_at) > STALE_S:
            return DatabaseUnavailable(f"{self.host}: nobody could say who else is at it")
        places = "its only place" if self._budget() == 1 else f"its {self.at_once} places"
        detail = f"{self.host}: no turn came in time; others have {places}"
        return HostClosed(detail, max(0.0, self._starts_at - now), is_pause=False)

    def _paused(self, now: float) -> HostClosed:
        wait_s = self._paused_until - now
        after = f" after this: {self._because}" if self._because else ""
        detail = f"{self.host} is left alone for {wait_s:.0f} s{after}"
        return HostClosed(detail, wait_s, is_pause=True)

    def turn_away(self) -> None:
        """Tell those in line for whom no turn comes in time."""
        kept: deque[Waiter] = deque()
        for waiter in self.waiting:
            if refusal := self.refusal(waiter, len(kept)):
                waiter.refuse(refusal)
            elif not waiter.place.done():
                kept.append(waiter)
        self.waiting = kept

    def fail(self, error: Callable[[], Exception]) -> None:
        """Tell all in line that there will be no turn."""
        while self.waiting:
            self.waiting.popleft().refuse(error())

    # ---------------------------------------------------------- the desk

    @property
    def is_over(self) -> bool:
        """Nothing is held, wanted or left to tell."""
        is_held = self._places and self._ends_at > self._loop.time()
        return not (self.in_use or self.waiting or is_held or self.seen)

    @property
    def is_done_with(self) -> bool:
        """Nobody here needs it now, and others may."""
        is_crowded = self._is_crowded or self.interval_s > 0
        return is_crowded and not (self.in_use or self.waiting)

    def asks_at(self) -> float:
        """Return when the desk should be asked next."""
        if self.is_urgent:
            return _NEVER
        if self.waiting and not self._places:
            return self._ask_at
        if self.waiting or self.in_use:
            return self._told_at + HEARTBEAT_S
        return self._idle_since + (IDLE_CROWDED_S if self.is_done_with else IDLE_S)

    def asking(self) -> Wish:
        """Return what to ask the desk; until ``learn`` or ``cut_off`` no more than this starts."""
        self._asked_in_use = self.in_use
        self._asked_wanted = self._wanted()
        self.is_urgent = False
        wanted = self.in_use + len(self.waiting)
        return Wish(self.host, self.in_use, wanted, self.at_once, self.interval_s)

    def learn(self, share: Share, asked_at: float) -> None:
        """Take what the desk answers to a question that was asked at ``asked_at``."""
        now = self._loop.time()
        told, self._asked_in_use = self._asked_in_use or 0, None
        self._places, self._told_at = share.places, now
        self._ends_at = asked_at + share.lasts_s
        if share.places:
            self._starts_at = max(self._starts_at, now + share.wait_s)
        self._ask_at = now + min(HEARTBEAT_S, share.wait_s)
        # A refusal that the desk was not told of yet stands beside what it says.
        until = now + share.paused_s if share.paused_s > 0 else _NEVER
        self._paused_until = max(until, self._paused_until) if self.seen else until
        self._because = share.because or self._because
        self._is_crowded = share.places < self._asked_wanted
        self._owes = share.places < told and share.paused_s <= 0
        self.is_urgent = self.is_urgent or (self._owes and self.in_use < told)
        for limit in self.limits:
            if not limit.expired():
                limit.reschedule(self._ends_at)
        self.turn_away()
        self.advance()

    def cut_off(self) -> None:
        """Start nothing until the desk answers again."""
        self._asked_in_use, self._told_at, self.is_urgent = None, _NEVER, True

    def _budget(self) -> int:
        return 1 if self.interval_s > 0 else self.at_once

    def _wanted(self) -> int:
        # More than the budget makes no difference to the desk.
        return min(self._budget(), self.in_use + len(self.waiting))
