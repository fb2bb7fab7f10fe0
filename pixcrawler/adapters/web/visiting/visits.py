"""One visit: a GET with its redirects and retries, all under one deadline, and its evidence."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pixcrawler.adapters.web.manners import back_off_s
from pixcrawler.adapters.web.visiting.bodies import BodyLimits, refuse_kinds
from pixcrawler.adapters.web.visiting.course import Clock, Course
from pixcrawler.adapters.web.visiting.evidence import plain
from pixcrawler.adapters.web.visiting.hops import Hops, Ways
from pixcrawler.adapters.web.visiting.sites import Sites
from pixcrawler.adapters.web.visiting.trouble import Trouble
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.domain.visit import Visit
from pixcrawler.pipeline.limits import IMAGE_MAX_BYTES
from pixcrawler.pipeline.optout.gate import Gate
from pixcrawler.pipeline.pictures.magic import WANTED
from pixcrawler.pipeline.ports import Fetched, Unfetched
from pixcrawler.pipeline.visits.body import Body
from pixcrawler.pipeline.visits.load import host_of
from pixcrawler.pipeline.visits.ports import SiteFile, SiteFiles

SITE_FILE_MAX_BYTES = 500 * 1024
"""Of robots.txt and the like that are read: RFC 9309, 2.5 asks for at least so much."""
SITE_FILE_DEADLINE_S = 10.0
CAUSES_KEPT = 1000
BUSY_HOSTS_MAX = 5
"""Hosts that may put one visit off: a site could lead each try to another one."""
_OK = 200
_THROTTLED = 429
_UNAVAILABLE = 503
_URL_MAX_CHARS = 4096
_DETAIL_MAX_CHARS = 300
_CAUSES = frozenset(
    {
        RejectReason.ADDRESS_BLOCKED,
        RejectReason.NAME_UNRESOLVED,
        RejectReason.TLS_FAILED,
        RejectReason.UNREACHABLE,
    }
)
"""Why there is no robots.txt, where that says more than that there is none."""
_NOT_ASKED = frozenset({RejectReason.HOST_SUSPENDED, RejectReason.THROTTLED})
_SITE_HEADERS = {"Accept": "*/*"}


@dataclass(frozen=True)
class VisitLimits:
    """What one visit may take."""

    deadline_s: float = 20.0
    """Seconds for connecting, redirects, body and retries. Waiting for a turn at a host does not
    count, nor does waiting for a caller that is slow."""
    patience_s: float = 300.0
    """Seconds that it may wait for hosts: for turns, pauses that they ask for, their robots.txt."""
    slow_after_s: float = 5.0
    """Seconds after which a body that only drips is given up."""
    max_bytes: int = IMAGE_MAX_BYTES
    redirects: int = 5
    tries: int = 3
    """Being throttled is none of them."""
    in_flight_per_host: int = 6
    """Requests at once to one host, over all workers that share a desk."""
    in_flight_per_allowed: int = 64
    """The same for origins that are allowed by name: they are the developer's own."""
    kinds: frozenset[str] = WANTED
    """What first bytes may claim to be, in the words of ``magic.kind_of``."""


@dataclass
class Visitor:
    """Visits addresses, within the ways that all visits of the process share."""

    ways: Ways
    limits: VisitLimits
    files: SiteFiles
    _causes: OrderedDict[str, Trouble] = field(default_factory=OrderedDict)
    _site_visits: set[asyncio.Task[SiteFile]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._sites = Sites(self.files, self.site_file)
        self._hops = Hops(self.ways, self._sites, self._causes)
        self._check: Callable[[str], None] = refuse_kinds(self.limits.kinds)

    async def visit(self, url: str, gate: Gate, caller: object) -> Fetched | Unfetched:
        """Return the body, or why there is none; never raises for what the web does.

        Raises:
            DatabaseUnavailable: nobody knows what others do at the host.
        """
        started = time.monotonic()
        limits = self.limits
        course = Course(
            url,
            Clock(limits.deadline_s, limits.patience_s),
            BodyLimits(limits.max_bytes, limits.slow_after_s),
            caller,
            gate,
            self._check,
        )
        try:
            body = await self._in_time(course)
        except Trouble as trouble:
            final_url, elapsed_ms = plain(course.url, _URL_MAX_CHARS), _elapsed_ms(started)
            detail = plain(_shown(course.url, trouble), _DETAIL_MAX_CHARS)
            visit = _evidence(course, gate)
            return Unfetched(trouble.reason, detail, final_url, course.status, elapsed_ms, visit)
        final_url, elapsed_ms = plain(course.url, _URL_MAX_CHARS), _elapsed_ms(started)
        return Fetched(body, final_url, course.status or _OK, elapsed_ms, _evidence(course, gate))

    async def site_file(self, url: str) -> SiteFile:
        """Return a file in which a site says what machines may do; such files need no leave.

        Raises:
            Trouble: its host is left alone, and was not asked.
            DatabaseUnavailable: nobody knows what others do at the host.
        """
        task = asyncio.create_task(self._site_file(url))
        self._site_visits.add(task)
        task.add_done_callback(self._site_visits.discard)
        return await task

    async def close(self) -> None:
        """End what is under way for nobody in particular."""
        await self._sites.close()
        tasks = list(self._site_visits)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _site_file(self, url: str) -> SiteFile:
        course = Course(
            url,
            Clock(SITE_FILE_DEADLINE_S, self.limits.patience_s),
            BodyLimits(SITE_FILE_MAX_BYTES, self.limits.slow_after_s, is_cut=True),
            self,
            headers=_SITE_HEADERS,
        )
        self._causes.pop(url, None)
        try:
            body = await self._in_time(course)
        except Trouble as trouble:
            if trouble.reason in _NOT_ASKED:
                raise
            is_silent = trouble.reason is RejectReason.TIMED_OUT and course.status is None
            if is_silent or trouble.reason in _CAUSES:
                self._causes[url] = Trouble(trouble.reason, _shown(course.url, trouble))
            while len(self._causes) > CAUSES_KEPT:
                self._causes.popitem(last=False)
            is_told = course.is_status_told or trouble.reason is RejectReason.TOO_MANY_REDIRECTS
            return SiteFile(url, course.status if is_told else None)
        try:
            return SiteFile(url, course.status, body.read(), body.sha256)
        finally:
            body.close()

    async def _in_time(self, course: Course) -> Body:
        """Return the body; whatever else happens, none is left open."""
        try:
            async with course.clock.timer:
                return await self._tried(course)
        except BaseException as error:
            if course.body is not None:
                course.body.close()
            if not isinstance(error, TimeoutError):
                raise
        words = f"not complete within {course.clock.deadline_s:g} s"
        raise Trouble(RejectReason.TIMED_OUT, words)

    async def _tried(self, course: Course) -> Body:
        """Try until it succeeds, cannot heal, or no more tries, time or patience are left."""
        url = course.url
        failures: list[Trouble] = []
        busy: set[str] = set()
        while True:
            try:
                return await self._followed(course, url)
            except Trouble as trouble:
                if _is_throttled(course, trouble):
                    busy.add(host_of(course.url))
                    if len(busy) > BUSY_HOSTS_MAX:
                        raise
                    # The host's next turn comes after the pause, or is refused.
                    continue
                if failures and course.is_new_try:
                    # No turn came for another try: what the last one met says more.
                    raise failures[-1] from None
                failures.append(trouble)
                wait_s = max(back_off_s(len(failures)), trouble.wait_s or 0.0)
                is_over = len(failures) >= self.limits.tries or wait_s > course.clock.left_s
                if is_over or not trouble.may_heal:
                    raise
            await asyncio.sleep(wait_s)

    async def _followed(self, course: Course, url: str) -> Body:
        """One try, redirects included."""
        course.url, course.is_new_try = url, True
        course.trail.forget()
        for _ in range(self.limits.redirects + 1):
            answer = await self._hops.hop(course)
            if isinstance(answer, Body):
                return answer
            course.url = answer
        words = f"more than {self.limits.redirects} redirects"
        raise Trouble(RejectReason.TOO_MANY_REDIRECTS, words)


def _is_throttled(course: Course, trouble: Trouble) -> bool:
    """Whether the host is well and only wants us later: then no try is lost."""
    if not course.is_status_told:
        return False
    return course.status == _THROTTLED or (
        course.status == _UNAVAILABLE and trouble.wait_s is not None
    )


def _evidence(course: Course, gate: Gate) -> Visit:
    return course.trail.visit(gate.checked if course.is_body_judged else None)


def _shown(url: str, trouble: Trouble) -> str:
    """The detail, with the host that it happened at."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host or trouble.detail.startswith(host):
        return trouble.detail
    return f"{host[:100]}: {trouble.detail}"


def _elapsed_ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
