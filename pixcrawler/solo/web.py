"""The web for steps alone: the product's own fetcher, gate and manners, within this process."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence

from pixcrawler.adapters.web.connecting.guard import origins
from pixcrawler.adapters.web.fetch import WebFetcher
from pixcrawler.adapters.web.visiting.signals import further_signals
from pixcrawler.adapters.web.visiting.visits import VisitLimits
from pixcrawler.pipeline.optout.gate import Gate
from pixcrawler.pipeline.optout.robots import RobotsTxt
from pixcrawler.pipeline.pictures.magic import OTHER_IMAGES, WANTED
from pixcrawler.pipeline.ports import Fetched, Unfetched
from pixcrawler.pipeline.visits.ports import SiteFile
from pixcrawler.settings import Settings
from pixcrawler.solo.load import CountingHosts, Load
from pixcrawler.solo.order import CannotFetch, FetchOrder, Level

SITE_FILES_KEPT = 10_000
SITE_FILES_MAX_BYTES = 64 * 1024 * 1024
"""Of robots.txt and the like: lists have more sites than memory has room."""


class Web:
    """A Fetcher for one order, which knows what load it puts on each host."""

    def __init__(self, fetcher: WebFetcher, gate: Gate, desk: CountingHosts) -> None:
        self._fetcher, self._gated, self._desk = fetcher, fetcher.gated(gate), desk
        self.checked = gate.checked

    def fetch_all(self, urls: Sequence[str]) -> Iterator[tuple[int, Fetched | Unfetched]]:
        """Yield (index into ``urls``, result) as each ends; every index exactly once."""
        return self._gated.fetch_all(urls)

    def take_load(self) -> Mapping[str, Load]:
        """Return the load put on each host since this was asked last."""
        return self._desk.take_load()

    def close(self) -> None:
        """End all connections; the load is complete after it."""
        self._fetcher.close()


class FewSiteFiles:
    """A SiteFiles that keeps as many as there is room for; a run is shorter than a day."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: OrderedDict[str, SiteFile] = OrderedDict()
        self._bytes = 0

    def get(self, urls: Sequence[str]) -> Mapping[str, SiteFile]:
        """Return those of the addresses that are known."""
        with self._lock:
            return {url: self._files[url] for url in urls if url in self._files}

    def put(self, found: SiteFile, lasts_s: float) -> None:  # noqa: ARG002 - none outlives the run
        """Keep a file; the oldest go when there is no room."""
        with self._lock:
            before = self._files.pop(found.url, None)
            self._files[found.url] = found
            self._bytes += len(found.body) - len(before.body if before else b"")
            while len(self._files) > SITE_FILES_KEPT or self._bytes > SITE_FILES_MAX_BYTES:
                _, gone = self._files.popitem(last=False)
                self._bytes -= len(gone.body)


def web_of(order: FetchOrder) -> Web:
    """Return what fetches for an order.

    Raises:
        CannotFetch: a setting of the environment makes no sense.
    """
    try:
        allowed = origins(_setting("fetch_allow_origins"))
        gate = Gate(order.purpose, _ignored(_setting("opt_out_ignore")), further_signals())
        at_once = int(_setting("fetch_host_at_once"))
    except ValueError as error:
        raise CannotFetch(f"a setting of the environment makes no sense: {error}") from None
    desk = CountingHosts()
    kinds = WANTED | OTHER_IMAGES if order.level is Level.NONE else WANTED
    fetcher = WebFetcher(
        order.reached_at,
        desk=desk,
        site_files=FewSiteFiles(),
        concurrency=order.concurrency,
        limits=VisitLimits(
            deadline_s=order.timeout_s, in_flight_per_host=max(1, at_once), kinds=kinds
        ),
        allowed=allowed,
    )
    return Web(fetcher, gate, desk)


def _ignored(listed: str) -> frozenset[str]:
    """The opt-out signals that the operator leaves out."""
    names = frozenset(name.strip() for name in listed.split(","))
    if RobotsTxt.name in names:
        raise ValueError(f"{RobotsTxt.name} cannot be left out")
    return names - {""}


def _setting(name: str) -> str:
    """The setting as text: of the environment, or its default."""
    field = Settings.model_fields[name]
    return os.environ.get(str(field.alias)) or str(field.default)
