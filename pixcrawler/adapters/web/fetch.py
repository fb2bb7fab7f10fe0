"""Downloads in bulk: many visits at once in one thread, handed over as they end."""

from __future__ import annotations

import ssl
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

import certifi
from aiohttp.abc import AbstractResolver

from pixcrawler.adapters.web.connecting.guard import ThreadResolver
from pixcrawler.adapters.web.connecting.wire import sessions
from pixcrawler.adapters.web.crew import Call, Crew, Result
from pixcrawler.adapters.web.manners import user_agent
from pixcrawler.adapters.web.visiting.hops import Ways
from pixcrawler.adapters.web.visiting.visits import VisitLimits, Visitor
from pixcrawler.adapters.web.waiting.slots import Slots
from pixcrawler.adapters.web.waiting.turns import Turns
from pixcrawler.domain.purpose import Purpose
from pixcrawler.pipeline.optout.gate import Gate
from pixcrawler.pipeline.ports import Fetcher
from pixcrawler.pipeline.visits.host_rules import budget_of
from pixcrawler.pipeline.visits.ports import HostDesk, SiteFiles

NAMES_KEPT_S = 60
"""How long a vetted look-up is used again."""


@cache
def ssl_context() -> ssl.SSLContext:
    """Return the one TLS context of the process: building it costs about 25 ms of CPU."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class WebFetcher:
    """A Fetcher over aiohttp: all calls of the process share its one thread and connections.

    It obeys no proxy and keeps no cookies. The thread starts with the first call and ends with
    ``close``, with the process, or when nobody has the fetcher any more.

    Args:
        contact: address or mail for the User-Agent.
        desk: what all workers know together of the hosts.
        site_files: what all workers know together of robots.txt and the like.
        concurrency: requests in flight over all calls, and visits of one call that its caller
            has not yet taken.
        allowed: origins (``origins()`` of guard.py) that may be visited though not public.
        resolver: makes what looks names up; every address it gives is vetted.
    """

    def __init__(  # noqa: PLR0913 - each is a part or a setting of its own
        self,
        contact: str,
        *,
        desk: HostDesk,
        site_files: SiteFiles,
        concurrency: int = 64,
        limits: VisitLimits | None = None,
        allowed: frozenset[str] = frozenset(),
        resolver: Callable[[], AbstractResolver] = ThreadResolver,
    ) -> None:
        self._plan = _Plan(
            {
                "User-Agent": user_agent(contact),
                "Accept": "image/jpeg,image/png,image/webp,image/*;q=0.8,*/*;q=0.5",
                "Accept-Encoding": "identity",
            },
            desk,
            site_files,
            concurrency,
            limits or VisitLimits(),
            allowed,
            resolver,
        )
        self.concurrency = concurrency
        self._gate = Gate(Purpose.RECOGNITION)
        self._lock = threading.Lock()
        self._crew: Crew | None = None
        self._ends_crew: weakref.finalize[[], WebFetcher] | None = None

    def fetch_all(self, urls: Sequence[str]) -> Iterator[Result]:
        """Yield (index into ``urls``, result) as each ends; every index exactly once.

        A caller that stops early leaves nothing of its own under way.
        """
        return self.fetch(urls, self._gate)

    def gated(self, gate: Gate) -> Fetcher:
        """Return a Fetcher for one purpose, over the same thread and connections."""
        return _Gated(self, gate)

    def fetch(self, urls: Sequence[str], gate: Gate) -> Iterator[Result]:
        """Yield what ``fetch_all`` yields, of what a gate lets pass."""
        if urls:
            yield from Call(self._at_work(), urls, gate, self.concurrency).results()

    def close(self) -> None:
        """End the thread and all connections; the next call starts anew."""
        with self._lock:
            ends_crew, self._ends_crew, self._crew = self._ends_crew, None, None
        if ends_crew is not None:
            ends_crew()

    def _at_work(self) -> Crew:
        with self._lock:
            if self._crew is None or self._crew.is_over:
                # Neither the crew nor its thread may know of us, or we were never given up.
                self._crew = Crew(self._plan.opened)
                self._ends_crew = weakref.finalize(self, self._crew.close)
            return self._crew


class _Gated:
    """The web as one purpose may see it."""

    def __init__(self, web: WebFetcher, gate: Gate) -> None:
        self._web = web
        self._gate = gate

    def fetch_all(self, urls: Sequence[str]) -> Iterator[Result]:
        """Yield (index into ``urls``, result) as each ends; every index exactly once."""
        return self._web.fetch(urls, self._gate)


@dataclass(frozen=True)
class _Plan:
    """What a crew needs to begin."""

    headers: dict[str, str]
    desk: HostDesk
    site_files: SiteFiles
    concurrency: int
    limits: VisitLimits
    allowed: frozenset[str]
    resolver: Callable[[], AbstractResolver]

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Visitor]:
        """Give the visitor, in the loop that is running; then end what belongs to it."""
        guarded, unguarded = sessions(self.headers, self.resolver(), ssl_context(), NAMES_KEPT_S)
        turns = Turns(self.desk, self._budgets())
        ways = Ways(guarded, unguarded, self.allowed, turns, Slots(self.concurrency))
        try:
            async with guarded, unguarded:
                visitor = Visitor(ways, self.limits, self.site_files)
                yield visitor
                await visitor.close()
        finally:
            # At the end of a process no thread can be asked any more: what it held ends by itself.
            with suppress(RuntimeError):
                await turns.close()

    def _budgets(self) -> Callable[[str], int]:
        """Return what gives the budget of a host, by the name that its desk knows."""
        own = {_desk_name(origin) for origin in self.allowed}
        usual, generous = self.limits.in_flight_per_host, self.limits.in_flight_per_allowed
        return lambda host: generous if host in own else budget_of(host, usual)


def _desk_name(origin: str) -> str:
    """An origin as the desk names it: without the port that is the scheme's own."""
    parts = urlsplit(origin)
    is_usual = (parts.scheme, parts.port) in {("http", 80), ("https", 443)}
    return parts.netloc.rpartition(":")[0] if is_usual else parts.netloc
