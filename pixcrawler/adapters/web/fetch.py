"""Downloads in bulk: many visits at once in one thread, handed over as they end."""

from __future__ import annotations

import asyncio
import queue
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache

import aiohttp
import certifi
from aiohttp.abc import AbstractResolver

from pixcrawler.adapters.web.guard import ThreadResolver, VettingResolver, vetted_socket
from pixcrawler.adapters.web.manners import user_agent
from pixcrawler.adapters.web.visits import VisitLimits, Visitor
from pixcrawler.pipeline.ports import Fetched, Unfetched

NAMES_KEPT_S = 60
"""How long a vetted lookup is used again, within one call."""

Result = tuple[int, Fetched | Unfetched]


@cache
def ssl_context() -> ssl.SSLContext:
    """Return the one TLS context of the process: building it costs about 25 ms of CPU."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class WebFetcher:
    """A Fetcher over aiohttp.

    It obeys no proxy and keeps no cookies. At most ``concurrency`` bodies are in memory,
    counting those not yet taken by the caller.

    Args:
        contact: address or mail for the User-Agent.
        allowed: origins (``origins()`` of guard.py) that may be visited though not public.
        resolver: makes what looks names up; every address it gives is vetted.
    """

    def __init__(
        self,
        contact: str,
        *,
        concurrency: int = 32,
        limits: VisitLimits | None = None,
        allowed: frozenset[str] = frozenset(),
        resolver: Callable[[], AbstractResolver] = ThreadResolver,
    ) -> None:
        self._headers = {
            "User-Agent": user_agent(contact),
            "Accept": "image/jpeg,image/png,image/webp,image/*;q=0.8,*/*;q=0.5",
            "Accept-Encoding": "identity",
        }
        self._limits = limits or VisitLimits()
        self._allowed = allowed
        self._resolver = resolver
        self.concurrency = concurrency

    def fetch_all(self, urls: Sequence[str]) -> Iterator[Result]:
        """Yield (index into ``urls``, result) as each ends; every index exactly once.

        A caller that stops early leaves no thread and no connection behind.
        """
        run = _Run(self, urls)
        try:
            yield from run.results()
        finally:
            run.stop()

    def visitor(self) -> tuple[Visitor, tuple[aiohttp.ClientSession, aiohttp.ClientSession]]:
        """Return a visitor and the sessions to close after it; call it inside a running loop."""
        guarded = self._session(
            aiohttp.TCPConnector(
                limit=0,
                ssl=ssl_context(),
                resolver=VettingResolver(self._resolver()),
                socket_factory=vetted_socket,
                ttl_dns_cache=NAMES_KEPT_S,
            )
        )
        unguarded = self._session(
            aiohttp.TCPConnector(limit=0, ssl=ssl_context(), resolver=self._resolver())
        )
        visitor = Visitor(self._limits, guarded, unguarded, self._allowed)
        return visitor, (guarded, unguarded)

    def _session(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            trust_env=False,
        )


class _Run:
    """One call of fetch_all: a thread with its own event loop, and the way back from it."""

    def __init__(self, fetcher: WebFetcher, urls: Sequence[str]) -> None:
        self._fetcher = fetcher
        self._urls = urls
        self._ended: queue.SimpleQueue[Result | BaseException] = queue.SimpleQueue()
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._main, name="fetch", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._slots = asyncio.Semaphore(fetcher.concurrency)
        self._is_complete = False
        self._thread.start()

    def results(self) -> Iterator[Result]:
        """Yield what comes; raise what broke the thread."""
        for _ in self._urls:
            ended = self._ended.get()
            if isinstance(ended, BaseException):
                raise ended
            self._call(self._slots.release)
            yield ended
        self._is_complete = True

    def stop(self) -> None:
        """End what is still under way, and wait for it."""
        self._is_ready.wait()
        if self._task is not None and not self._is_complete:
            self._call(self._task.cancel)
        self._thread.join()

    def _call(self, what: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # the loop has ended by itself
            if self._loop is not None:
                self._loop.call_soon_threadsafe(what)

    def _main(self) -> None:
        try:
            asyncio.run(self._visit_all())
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # noqa: BLE001 - a thread's door: the caller raises it
            self._ended.put(error)
        finally:
            self._is_ready.set()

    async def _visit_all(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._is_ready.set()
        visitor, (guarded, unguarded) = self._fetcher.visitor()
        async with guarded, unguarded, asyncio.TaskGroup() as visits:
            for index, url in enumerate(self._urls):
                await self._slots.acquire()
                visits.create_task(self._visit(visitor, index, url))

    async def _visit(self, visitor: Visitor, index: int, url: str) -> None:
        self._ended.put((index, await visitor.visit(url)))
