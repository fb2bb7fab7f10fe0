"""The hosts' desk in this process: a HostDesk for one process, and for tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pixcrawler.pipeline.visits import host_rules as rules
from pixcrawler.pipeline.visits.host_rules import Claim
from pixcrawler.pipeline.visits.ports import HostReport, Share, Wish

_NEVER = float("-inf")
FORGOTTEN_AFTER_S = rules.BACK_OFF_MAX_S
"""From when nothing of a host matters any more: no pause that we choose is longer."""
HOSTS_MIN = 1000
"""So many are kept before any is forgotten."""


@dataclass(slots=True)
class _Holding:
    """What one worker has and wants; the names are those of the tables in PostgreSQL."""

    since: float
    places: int = 0
    wanted: int = 0
    interval_s: float = 0.0
    held_at: float | None = None
    until: float = _NEVER


@dataclass(slots=True)
class _Host:
    """What is known of one host."""

    shares: dict[str, _Holding] = field(default_factory=dict)
    ended_at: float = _NEVER
    """No request of a worker that has no place any more ended later."""
    paused_until: float = _NEVER
    suspended_until: float = _NEVER
    because: str = ""
    throttled_in_a_row: int = 0
    failures_in_a_row: int = 0
    suspensions: int = 0
    matters_until: float = _NEVER
    """Nobody is there, must wait, or was there shortly before, after this."""


class MemoryHosts:
    """Keeps everything in this object; any number of threads may ask.

    A host is forgotten some minutes after it was visited: lists have more than memory has room.

    Args:
        clock: the time now, in seconds since some moment.
        lasts_s: a share that is not renewed.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, lasts_s: float = rules.LASTS_S
    ) -> None:
        self._clock = clock
        self._lasts_s = lasts_s
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}
        self._too_many = HOSTS_MIN

    def share(self, worker: str, wishes: Sequence[Wish]) -> Mapping[str, Share]:
        """Tell what this worker wants now and learn what it has: take, renew and give back."""
        with self._lock:
            return {wish.host: self._share(worker, wish) for wish in wishes}

    def _share(self, worker: str, wish: Wish) -> Share:
        now = self._clock()
        host = self._host(wish.host, now)
        _forget(host, now)
        own = host.shares.pop(worker, None) or _Holding(since=now)
        had, in_use = own.places, min(wish.in_use, own.places)
        own.wanted, own.interval_s = max(wish.wanted, wish.in_use), wish.interval_s
        interval_s = max([own.interval_s, *(one.interval_s for one in host.shares.values())])
        budget = _budget(host, wish.at_once, interval_s, now)
        _take_turns(host, own, budget, now)
        claims = [Claim(worker, own.wanted, own.since)] if own.wanted else []
        claims += [Claim(w, one.wanted, one.since) for w, one in host.shares.items() if one.wanted]
        taken = sum(one.places for one in host.shares.values())
        allotted = rules.allotment(budget, claims).get(worker, 0)
        places = max(0, min(allotted, budget - taken))
        own.places = max(in_use, places)
        if had and not own.places:
            host.ended_at = now
        if not own.places:
            own.held_at = None
        elif own.held_at is None:
            own.held_at = max(now, host.ended_at + interval_s)
        own.until = now + (self._lasts_s if own.places else rules.WAITING_S)
        if own.wanted:
            host.shares[worker] = own
        host.matters_until = max(host.matters_until, own.until, now + interval_s)
        return self._told(host, own, places, interval_s, now)

    def _told(
        self, host: _Host, own: _Holding, places: int, interval_s: float, now: float
    ) -> Share:
        paused_s = max(0.0, host.paused_until - now, host.suspended_until - now)
        lasts_s = self._lasts_s if own.places else 0.0
        if paused_s > 0:
            return Share(0, lasts_s, paused_s, paused_s, host.because)
        if places:
            return Share(places, lasts_s, max(0.0, host.ended_at + interval_s - now))
        before = [one for one in host.shares.values() if one.wanted and not one.places]
        return Share(0, lasts_s, rules.poll_s(sum(one.since < own.since for one in before)))

    def report(self, worker: str, reports: Sequence[HostReport]) -> None:  # noqa: ARG002 - all alike
        """Tell what was seen: trouble pauses the host."""
        with self._lock:
            for report in reports:
                now = self._clock()
                host = self._host(report.host, now)
                _judge_pause(host, report, now)
                _judge_failures(host, report, now)
                host.matters_until = max(
                    host.matters_until, now, host.paused_until, host.suspended_until
                )

    def _host(self, name: str, now: float) -> _Host:
        if name not in self._hosts and len(self._hosts) >= self._too_many:
            kept_since = now - FORGOTTEN_AFTER_S
            self._hosts = {
                name: host for name, host in self._hosts.items() if host.matters_until >= kept_since
            }
            # So that looking at all of them costs little for each that comes.
            self._too_many = max(HOSTS_MIN, 2 * len(self._hosts))
        return self._hosts.setdefault(name, _Host())


def _forget(host: _Host, now: float) -> None:
    """Give up the shares that were not renewed."""
    for worker, one in list(host.shares.items()):
        if one.until <= now:
            del host.shares[worker]
            if one.places:
                host.ended_at = max(host.ended_at, one.until)


def _budget(host: _Host, at_once: int, interval_s: float, now: float) -> int:
    if max(host.paused_until, host.suspended_until) > now:
        return 0
    is_tried = host.suspensions or host.throttled_in_a_row
    return 1 if interval_s > 0 or is_tried else at_once


def _take_turns(host: _Host, own: _Holding, budget: int, now: float) -> None:
    """Send whoever had a place for long enough to the queue's end, when there is a queue."""
    if own.held_at is None or not budget:
        return
    wishing = 1 + sum(bool(one.wanted) for one in host.shares.values())
    if wishing > budget and now >= own.held_at + rules.TENURE_S:
        own.since, own.held_at = now, now


def _judge_pause(host: _Host, report: HostReport, now: float) -> None:
    is_paused = host.paused_until > now
    pause_s = rules.stated_s(report.pause_s)
    if pause_s is None:
        if report.requests > report.failures and not is_paused:
            host.throttled_in_a_row = 0
        return
    # Those that were under way when the host said so the first time are no further refusal.
    host.throttled_in_a_row += not is_paused
    if pause_s <= 0 and not is_paused:
        pause_s = rules.back_off_s(host.throttled_in_a_row)
    if now + pause_s > host.paused_until:
        host.paused_until = now + pause_s
        host.because = rules.plain(report.because)


def _judge_failures(host: _Host, report: HostReport, now: float) -> None:
    if host.suspended_until > now:
        # Requests that were under way when it was suspended are no news.
        return
    if report.requests > report.failures:
        host.failures_in_a_row = host.suspensions = 0
    host.failures_in_a_row += report.failures
    if report.failures and (host.suspensions or host.failures_in_a_row >= rules.FAILURES_MAX):
        host.suspensions += 1
        host.suspended_until = now + rules.suspension_s(host.suspensions)
        host.because = rules.plain(report.because)
