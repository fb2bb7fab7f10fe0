"""What visits need from the world: the hosts' desk, shared site files, known placeholders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Wish:
    """What one worker wants of one host now; 0 and 0 gives everything back."""

    host: str
    """Lower case, with its port where that is not the scheme's own."""
    in_use: int
    """Requests of this worker that are under way: the desk takes none of their places back."""
    wanted: int
    """Requests that it would have under way, those included, were nothing in the way."""
    at_once: int
    """The host's budget: requests at once, over all workers."""
    interval_s: float = 0.0
    """Its Crawl-delay: with one, the budget is one request, and the next starts so long after the
    last one ended."""


@dataclass(frozen=True)
class Share:
    """What one worker may do at one host."""

    places: int
    """Requests that may be under way at once; of more, as many end before the next starts."""
    lasts_s: float = 0.0
    """From the call on: no request may be under way later, unless the share was renewed."""
    wait_s: float = 0.0
    """With a place: before a request may start, after a host's Crawl-delay. Without: until asking
    again is worth it."""
    paused_s: float = 0.0
    """The host is left alone for so long: nobody may start a request."""
    because: str = ""
    """Why it is paused, in words: ``status 429, asked for 30 s``."""


@dataclass(frozen=True)
class HostReport:
    """What one worker saw of one host since it told last."""

    host: str
    requests: int = 0
    bytes: int = 0
    failures: int = 0
    """Requests that ended in a trouble of the host: no connection, no answer, 5xx."""
    failed_last: bool = False
    """The last one did: successes end a row of failures."""
    pause_s: float | None = None
    """It asked to be left alone for so long (429, 503; 0: it did not say how long): told at once,
    not with the next report."""
    because: str = ""


class HostDesk(Protocol):
    """What all workers know together of the hosts they visit. Time is the desk's own.

    Raises DatabaseUnavailable when the service is away: then nobody is visited.
    """

    def share(self, worker: str, wishes: Sequence[Wish]) -> Mapping[str, Share]:
        """Tell what this worker wants now and learn what it has: take, renew and give back in one.

        The places of all workers at a host never exceed its budget. A worker that is not heard of
        until its share ends has lost it.
        """
        ...

    def report(self, worker: str, reports: Sequence[HostReport]) -> None:
        """Tell what was seen: requests and bytes are counted, trouble pauses the host.

        Of one host there may be several, in order; a report's failures came after its successes.
        """
        ...


@dataclass(frozen=True)
class SiteFile:
    """A file in which a site says what robots may do: robots.txt, tdmrep.json."""

    url: str
    status: int | None
    """Of the last answer, after redirects; None: no answer came."""
    body: bytes = b""
    """At most 500 KiB of it; RFC 9309 asks for no more. Empty unless the status is 200."""
    sha256: str | None = None
    """Of ``body``, when there is one."""


class SiteFiles(Protocol):
    """Keeps the site files that any worker fetched, for a day at most."""

    def get(self, urls: Sequence[str]) -> Mapping[str, SiteFile]:
        """Return those of the addresses that are known and fresh."""
        ...

    def put(self, found: SiteFile, lasts_s: float) -> None:
        """Keep a file for so long; what was kept under its address is replaced."""
        ...


@dataclass(frozen=True)
class Placeholder:
    """A picture that a host gives instead of those it was asked for."""

    host: str
    sha256: str
    addresses: int
    """Different addresses under which it was seen."""
    seen_at: datetime


class PlaceholderBook(Protocol):
    """Remembers placeholders across jobs, each of one host, until nobody sees them any more.

    Raises DatabaseUnavailable when the service is away.
    """

    def known(self, seen: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], datetime]:
        """Return those of the (host, sha256) pairs that are placeholders, and since when."""
        ...

    def remember(self, found: Sequence[Placeholder]) -> None:
        """Keep placeholders; of one that is known the largest count and the last time stay."""
        ...
