"""Hosts of pictures that count who comes when, close for a while, and say what they wish."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from tests.factories import an_image

GRACE_S = 30


@dataclass
class Host:
    """One host: its pictures by path, and how it treats its visitors."""

    pictures: Mapping[str, bytes]
    robots: str | None = None
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Further headers by path."""
    moved: Mapping[str, str] = field(default_factory=dict)
    """Redirects, by path."""
    works_s: float = 0.05
    """For each answer."""
    retry_after: str | None = None
    """While it is throttled."""
    throttled_until: float = 0.0
    """On the monotonic clock; set by ``throttle``."""
    visits: list[tuple[float, str, int]] = field(default_factory=list)
    """When (monotonic), which path, which status."""
    in_flight: int = 0
    most_in_flight: int = 0
    origin: str = ""

    def throttle(self, seconds: float) -> None:
        """Answer 429 from now on, for so long."""
        self.retry_after = str(max(1, round(seconds)))
        self.throttled_until = time.monotonic() + seconds

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"{self.origin}{path}"

    def counted(self) -> Counter[str]:
        """How often each path was asked for."""
        return Counter(path for _, path, _ in self.visits)

    def times(self) -> list[float]:
        """When pictures were asked for; files for robots are not among them."""
        return sorted(at for at, path, _ in self.visits if path in self.pictures)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer as the host does."""
        at, path = time.monotonic(), request.path
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            response = self._response(path, at)
            if path in self.pictures:
                await asyncio.sleep(self.works_s)
        finally:
            self.in_flight -= 1
        self.visits.append((at, path, response.status))
        return response

    def _response(self, path: str, at: float) -> web.Response:
        if path == "/robots.txt" and self.robots is not None:
            return web.Response(text=self.robots)
        if path in self.moved:
            return web.Response(status=302, headers={"Location": self.moved[path]})
        if path not in self.pictures:
            return web.Response(status=404)
        if at < self.throttled_until:
            return web.Response(status=429, headers={"Retry-After": self.retry_after or "1"})
        return web.Response(
            body=self.pictures[path], content_type="image/jpeg", headers=self.headers.get(path)
        )


class Hosts:
    """Serves each host on a port of its own until it is closed."""

    def __init__(self, *hosts: Host) -> None:
        self.hosts = hosts
        self._loop = asyncio.new_event_loop()
        self._runners: list[web.AppRunner] = []
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._is_ready.wait(GRACE_S)

    @property
    def origins(self) -> str:
        """As FETCH_ALLOW_ORIGINS wants them."""
        return ",".join(host.origin for host in self.hosts)

    def close(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(GRACE_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._is_ready.set()
        self._loop.run_forever()
        for runner in self._runners:
            self._loop.run_until_complete(runner.cleanup())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _start(self) -> None:
        for host in self.hosts:
            app = web.Application()
            app.router.add_get("/{path:.*}", host.answer)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0, backlog=512).start()
            host.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._runners.append(runner)


def pictures(name: str, count: int, seed: int = 0) -> dict[str, bytes]:
    """So many good pictures by path, none like another; equal arguments give equal ones."""
    return {f"/{name}/{n}.jpg": an_image(seed + n, 300, 240) for n in range(count)}
