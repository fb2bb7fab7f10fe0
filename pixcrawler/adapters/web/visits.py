"""One visit: a GET with its redirects and retries, each hop vetted, all under one deadline."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from pixcrawler.adapters.web.bodies import read_body
from pixcrawler.adapters.web.guard import AddressBlocked, vet_url
from pixcrawler.adapters.web.manners import back_off_s
from pixcrawler.adapters.web.trouble import Trouble, trouble_of_error, trouble_of_status
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.limits import IMAGE_MAX_BYTES
from pixcrawler.pipeline.ports import Fetched, Unfetched
from pixcrawler.pipeline.visits.body import Body

# What hostile answers have raised, or may raise, in a client of 30,000 lines; one site must not
# fail a job. Whatever stops a process or a task is not among them.
_VISIT_ERRORS = (
    AddressBlocked,
    aiohttp.ClientError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
_OK = 200
_MOVED = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class VisitLimits:
    """What one visit may take."""

    deadline_s: float = 20.0
    """Wall-clock seconds for connecting, redirects, body and retries; waiting for a turn at a
    busy host does not count."""
    slow_after_s: float = 5.0
    """Seconds after which a body that only drips is given up."""
    max_bytes: int = IMAGE_MAX_BYTES
    redirects: int = 5
    tries: int = 3
    in_flight_per_host: int = 8
    """Requests at once to one host; origins that are allowed by name have no such bound."""


@dataclass
class _Visit:
    """How far one visit has got."""

    timer: asyncio.Timeout
    url: str
    status: int | None = None


class Visitor:
    """Visits addresses with two sessions: a guarded one, and one for allowed origins."""

    def __init__(
        self,
        limits: VisitLimits,
        guarded: aiohttp.ClientSession,
        unguarded: aiohttp.ClientSession,
        allowed: frozenset[str],
    ) -> None:
        self._limits = limits
        self._guarded = guarded
        self._unguarded = unguarded
        self._allowed = allowed
        self._turns: dict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(limits.in_flight_per_host)
        )

    async def visit(self, url: str) -> Fetched | Unfetched:
        """Return the body, or why there is none; never raises for what the web does."""
        started = time.monotonic()
        timer = asyncio.timeout(self._limits.deadline_s)
        visit = _Visit(timer, url)
        try:
            async with timer:
                body = await self._tried(url, visit)
        except Trouble as trouble:
            return _unfetched(visit, trouble, started)
        except TimeoutError:
            words = f"not complete within {self._limits.deadline_s:g} s"
            return _unfetched(visit, Trouble(RejectReason.TIMED_OUT, words), started)
        return Fetched(Body.of(body), visit.url, visit.status or _OK, _elapsed_ms(started))

    async def _tried(self, url: str, visit: _Visit) -> bytes:
        """Try until it succeeds, cannot heal, or no more tries or time are left."""
        for tries in range(1, self._limits.tries):
            try:
                return await self._followed(url, visit)
            except Trouble as trouble:
                wait_s = max(back_off_s(tries), trouble.wait_s or 0.0)
                if not trouble.may_heal or wait_s > _left_s(visit.timer):
                    raise
            await asyncio.sleep(wait_s)
        return await self._followed(url, visit)

    async def _followed(self, url: str, visit: _Visit) -> bytes:
        """One try, redirects included."""
        visit.url, visit.status = url, None
        for _ in range(self._limits.redirects + 1):
            try:
                answer = await self._hop(visit)
            except _VISIT_ERRORS as error:
                raise trouble_of_error(error) from error
            if isinstance(answer, bytes):
                return answer
            visit.url = answer
        words = f"more than {self._limits.redirects} redirects"
        raise Trouble(RejectReason.TOO_MANY_REDIRECTS, words)

    async def _hop(self, visit: _Visit) -> bytes | str:
        """One request: the body, or the address it leads to."""
        is_allowed = vet_url(visit.url, self._allowed)
        session = self._unguarded if is_allowed else self._guarded
        address = URL(visit.url, encoded=visit.url.isascii())
        async with (
            self._turn(visit, address.raw_host or "", is_free=is_allowed),
            session.get(address, allow_redirects=False) as response,
        ):
            visit.status = response.status
            if response.status == _OK:
                return await read_body(response, self._limits.max_bytes, self._limits.slow_after_s)
            target = response.headers.get("Location")
            if response.status in _MOVED and target:
                return urljoin(visit.url, target.strip().replace(" ", "%20"))
            raise trouble_of_status(response.status, response.headers.get("Retry-After"))

    @asynccontextmanager
    async def _turn(self, visit: _Visit, host: str, *, is_free: bool) -> AsyncIterator[None]:
        """Wait until the host has few enough requests of ours; the deadline stands still."""
        if is_free:
            yield
            return
        left_s = _left_s(visit.timer)
        visit.timer.reschedule(None)
        async with self._turns[host.lower()]:
            visit.timer.reschedule(asyncio.get_running_loop().time() + left_s)
            yield


def _left_s(timer: asyncio.Timeout) -> float:
    return (timer.when() or 0.0) - asyncio.get_running_loop().time()


def _unfetched(visit: _Visit, trouble: Trouble, started: float) -> Unfetched:
    return Unfetched(
        trouble.reason,
        _plain(_shown(visit, trouble)),
        _plain(visit.url),
        visit.status,
        _elapsed_ms(started),
    )


def _plain(text: str) -> str:
    """Bytes of a header that are no UTF-8 arrive as half characters, which cannot be stored."""
    return text.encode("utf-8", "replace").decode()


def _shown(visit: _Visit, trouble: Trouble) -> str:
    """The detail, with the host that it happened at."""
    try:
        host = urlsplit(visit.url).hostname
    except ValueError:
        host = None
    return f"{host[:100]}: {trouble.detail}" if host else trouble.detail


def _elapsed_ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
