"""One hop of a visit: a request that its site allows, at its host's turn, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from pixcrawler.adapters.web.connecting.guard import AddressBlocked, vet_url
from pixcrawler.adapters.web.connecting.wire import connected_to
from pixcrawler.adapters.web.visiting.bodies import drain, read_body
from pixcrawler.adapters.web.visiting.course import Course
from pixcrawler.adapters.web.visiting.evidence import plain
from pixcrawler.adapters.web.visiting.sites import Sites
from pixcrawler.adapters.web.visiting.trouble import (
    Trouble,
    is_disk_full,
    trouble_of_error,
    trouble_of_status,
)
from pixcrawler.adapters.web.waiting.slots import Slots
from pixcrawler.adapters.web.waiting.turns import HostClosed, Turn, Turns
from pixcrawler.domain.errors import StorageUnavailable
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.optout.gate import Ruling
from pixcrawler.pipeline.visits.body import Body

# What hostile answers have raised, or may raise, in a client of 30,000 lines; one site must not
# fail a job. Whatever stops a process or a task is not among them.
_HOP_ERRORS = (
    AddressBlocked,
    aiohttp.ClientError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    HttpProcessingError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
_OK = 200
_MOVED = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({429, 503})
_GATEWAY = frozenset({502, 503, 504, *range(520, 528)})
"""Statuses of a host that is in trouble itself; a plain 500 is that of one address. Those from 520
are of the proxies in front of many hosts."""
_UNANSWERED = frozenset({RejectReason.UNREACHABLE, RejectReason.TIMED_OUT, RejectReason.TLS_FAILED})
_ASKED = "it asked"
_RULE_SHOWN_CHARS = 200


@dataclass(frozen=True)
class Ways:
    """What all visits of a process share."""

    guarded: aiohttp.ClientSession
    unguarded: aiohttp.ClientSession
    """For origins that are allowed by name."""
    allowed: frozenset[str]
    turns: Turns
    slots: Slots


class Hops:
    """Makes single requests; ``causes`` says why the files of sites could not be had."""

    def __init__(self, ways: Ways, sites: Sites, causes: Mapping[str, Trouble]) -> None:
        self._ways = ways
        self._sites = sites
        self._causes = causes

    async def hop(self, course: Course) -> Body | str:
        """Make one request; return its body, or the address that it leads to.

        Raises:
            Trouble: neither came.
            DatabaseUnavailable: nobody knows what others do at the host.
            StorageUnavailable: there is no room for the body.
        """
        ways, clock = self._ways, course.clock
        course.is_status_told = False
        try:
            is_allowed = vet_url(course.url, ways.allowed)
            address = URL(course.url, encoded=course.url.isascii())
            host = _host_of(address)
        except _HOP_ERRORS as error:
            raise trouble_of_error(error) from error
        session = ways.unguarded if is_allowed else ways.guarded
        clock.stop()
        try:
            interval_s = await self._asked_site(course)
            clock.charge()
            patience_s = max(0.0, clock.patience_s)
            async with ways.turns.turn(host, interval_s=interval_s, patience_s=patience_s) as turn:
                clock.charge()
                await ways.slots.take(course.caller)
                try:
                    clock.go()
                    return await self._requested(course, session, address, turn)
                finally:
                    ways.slots.give()
        except HostClosed as closed:
            raise _closed(closed) from closed
        finally:
            clock.go()

    async def _asked_site(self, course: Course) -> float:
        """Let the site's files refuse the address; return its Crawl-delay."""
        if course.gate is None:
            return 0.0
        try:
            async with asyncio.timeout(max(0.0, course.clock.patience_s)):
                rules = await self._sites.rules_of(course.url)
        except TimeoutError:
            words = "what it says of machines took too long to come"
            raise Trouble(RejectReason.HOST_SUSPENDED, words) from None
        except Trouble as told:
            # One trouble is told to all who wait: each has its own.
            raise Trouble(told.reason, told.detail, wait_s=told.wait_s) from None
        ruling = course.gate.of_site(course.url, rules)
        cause = self._causes.get(rules.robots.url)
        if ruling.reason is RejectReason.ROBOTS_UNAVAILABLE and cause is not None:
            # Nobody refused: what there is no answer from is not there, for pictures either.
            raise Trouble(cause.reason, cause.detail)
        _obey(course, ruling)
        return ruling.interval_s

    async def _requested(
        self, course: Course, session: aiohttp.ClientSession, address: URL, turn: Turn
    ) -> Body | str:
        """Make the request, and tell the desk how it went."""
        course.begin()
        seen = _Seen()
        try:
            return await self._answered(course, session, address, seen)
        except Trouble as trouble:
            seen.failed = course.is_first_failure(of_host=_is_of_host(course.status, trouble))
            if course.status in _BUSY and course.is_status_told:
                seen.pause_s = trouble.wait_s or 0.0
                seen.failed = seen.failed and trouble.wait_s is None
            seen.because = _because(trouble)
            raise
        except asyncio.CancelledError:
            is_unanswered = course.clock.timer.expired() and course.status is None
            seen.failed = course.is_first_failure(of_host=is_unanswered)
            seen.because = "it did not answer in time"
            raise
        finally:
            turn.tell(
                bytes_=seen.bytes,
                failed=seen.failed,
                pause_s=seen.pause_s,
                because=seen.because if seen.failed or seen.pause_s is not None else "",
            )

    async def _answered(
        self, course: Course, session: aiohttp.ClientSession, address: URL, seen: _Seen
    ) -> Body | str:
        trail = course.trail
        connected_to.set(trail.asking(course.url))
        is_asked = False
        try:
            async with session.get(
                address, allow_redirects=False, headers=course.headers
            ) as response:
                course.status = response.status
                trail.asked(response.status, response.headers)
                is_asked = True
                try:
                    return await _taken(course, response)
                finally:
                    seen.bytes = response.content.total_bytes
        except _HOP_ERRORS as error:
            if is_disk_full(error):
                raise StorageUnavailable("this machine's disk for bodies is full") from error
            raise trouble_of_error(error) from error
        finally:
            if not is_asked:
                trail.asked()


@dataclass(slots=True)
class _Seen:
    """What one request saw of its host."""

    bytes: int = 0
    failed: bool = False
    pause_s: float | None = None
    because: str = ""


async def _taken(course: Course, response: aiohttp.ClientResponse) -> Body | str:
    """Return an answer's body, or the address that it leads to."""
    if response.status == _OK:
        try:
            return await _body(course, response)
        except Trouble as trouble:
            if trouble.reason is not RejectReason.TIMED_OUT:
                await drain(response)
            raise
    target = response.headers.get("Location")
    retry_after = response.headers.get("Retry-After")
    await drain(response)
    if response.status in _MOVED and target:
        return _led(course.url, target)
    course.is_status_told = True
    raise trouble_of_status(response.status, retry_after)


def _is_of_host(status: int | None, trouble: Trouble) -> bool:
    """Whether a trouble is the host's, rather than one address's."""
    return trouble.reason in _UNANSWERED if status is None else status in _GATEWAY


def _led(url: str, target: str) -> str:
    """The address that a redirect leads to."""
    try:
        return urljoin(url, target.strip().replace(" ", "%20"))
    except ValueError:
        words = "it redirects to what is no address"
        raise Trouble(RejectReason.BAD_ANSWER, words) from None


async def _body(course: Course, response: aiohttp.ClientResponse) -> Body:
    """Read the body, unless somebody wishes that we do not have it."""
    gate = course.gate
    if gate is not None:
        _obey(course, gate.of_answer(course.url, list(response.headers.items())))
    body = course.body = await read_body(response, course.body_limits, course.check)
    if gate is not None:
        course.trail.sha256 = body.sha256
        ruling = gate.of_body(body)
        course.is_body_judged = True
        _obey(course, ruling)
    return body


def _obey(course: Course, ruling: Ruling) -> None:
    """Keep what was said.

    Raises:
        Trouble: it is a refusal.
    """
    if ruling.findings:
        course.trail.found(ruling.findings)
    if ruling.reason is not None and ruling.refusal is not None:
        said = f"{ruling.refusal.signal}: {ruling.refusal.rule}"
        raise Trouble(ruling.reason, plain(said, _RULE_SHOWN_CHARS))


def _because(trouble: Trouble) -> str:
    """What the desk is told of a request that failed; `_closed` reads it again."""
    if trouble.wait_s:
        return f"{trouble.detail}, {_ASKED} for {trouble.wait_s:g} s"
    if trouble.reason is RejectReason.THROTTLED:
        return f"{trouble.detail}, {_ASKED} us to slow down"
    return trouble.detail


def _closed(closed: HostClosed) -> Trouble:
    """What it means that no turn came: trouble of the host, or that it wants us less often."""
    is_trouble = closed.is_pause and _ASKED not in closed.detail
    reason = RejectReason.HOST_SUSPENDED if is_trouble else RejectReason.THROTTLED
    return Trouble(reason, closed.detail, wait_s=closed.wait_s)


def _host_of(address: URL) -> str:
    """The name that a host's budget goes by: with its port where that is not the scheme's own."""
    host = (address.raw_host or "").lower().removesuffix(".")
    if ":" in host:
        host = f"[{host}]"
    return host if address.is_default_port() else f"{host}:{address.port}"
