"""What discovery needs from the world, as protocols: engines, and the desk they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pixcrawler.domain.engine import BlockKind, EngineCard, EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import Provenance, SearchQuery


@dataclass(frozen=True)
class Find:
    """One image as an engine lists it, before canonicalisation."""

    url: str
    provenance: Provenance
    width: int | None = None
    """Pixels, as the engine says; it may lie."""
    height: int | None = None
    thumbnail_url: str | None = None
    format_hint: str | None = None
    """Such as ``jpeg``, as the engine says."""
    bytes_hint: int | None = None
    key: str | None = None
    """From a source that is not the web: equal for one picture. Otherwise the address decides."""


@dataclass(frozen=True)
class Page:
    """One answer of an engine."""

    status: EngineStatus
    finds: tuple[Find, ...] = ()
    next_cursor: str | None = None
    """Ask again with it for more; None at the end."""
    detail: str | None = None
    """For people: what is wrong, or, with a good status, what was left out for a reason."""
    retry_after_s: float | None = None
    kind: BlockKind | None = None
    """In which way, when the status is blocked."""
    total: int | None = None
    """Results of the query in all, as the engine says; it may lie."""
    requests: int = 1
    """Requests that the page took."""


class SearchEngine(Protocol):
    """Finds images for a query. Trouble is told by the page's status, never raised."""

    @property
    def card(self) -> EngineCard:
        """What is known of the engine before it is asked."""
        ...

    def search(self, query: SearchQuery, cursor: str | None, filters: Filters) -> Page:
        """Return the page at ``cursor`` (None: the first), best finds first."""
        ...


@dataclass(frozen=True)
class Request:
    """One GET, as data. Keys of the operator stand in ``params`` or ``headers`` only."""

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Take the place of the client's own, also of its User-Agent."""
    follow: bool = True
    """Follow redirects; otherwise the redirect itself is the answer."""


@dataclass(frozen=True)
class Answer:
    """What a service said, whatever its status."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    url: str = ""
    """Where the answer came from, after redirects; without its query, which may hold a key."""
    retry_after_s: float | None = None


class ServiceApi(Protocol):
    """Sends single requests to one service."""

    def send(self, request: Request) -> Answer:
        """Return the answer to one try, whatever its status.

        Raises:
            SourceUnavailable: no answer came; the message is ``host: cause``.
        """
        ...


@dataclass(frozen=True)
class Ticket:
    """Leave to send one request to an engine, ``wait_s`` from now."""

    number: int
    wait_s: float
    is_probe: bool = False
    """Tries an engine that was suspended: others wait for what becomes of it."""


@dataclass(frozen=True)
class Closed:
    """No leave: why, and seconds until it is worth asking again."""

    kind: BlockKind
    wait_s: float
    detail: str


@dataclass(frozen=True)
class EngineHealth:
    """How an engine stands with all workers of the deployment."""

    engine: str
    status: EngineStatus | None = None
    """Of the last answer; None when it was never asked."""
    kind: BlockKind | None = None
    detail: str | None = None
    failures: int = 0
    """Answers in a row that were neither ok nor empty."""
    suspended_until: datetime | None = None
    last_asked_at: datetime | None = None
    last_ok_at: datetime | None = None
    used: Mapping[float, int] = field(default_factory=dict)
    """Requests in the last so many seconds, for each quota."""


@dataclass(frozen=True)
class OptIn:
    """An operator accepted the terms of an engine."""

    engine: str
    terms_digest: str
    """SHA-256 of the terms as shown: other terms must be accepted anew."""
    accepted_by: str
    accepted_at: datetime


class EngineDesk(Protocol):
    """What all workers know together of the engines: quota, pace, circuit breaker, switches.

    Raises DatabaseUnavailable when the service is away.
    """

    def admit(self, card: EngineCard, patience_s: float) -> Ticket | Closed:
        """Take a place in the engine's queue, at most ``patience_s`` away, or learn why not.

        Whoever has a ticket waits for its time, sends one request and settles.
        """
        ...

    def settle(self, card: EngineCard, ticket: Ticket, page: Page | None) -> None:
        """Tell that the request has ended, and how; a block or failure may suspend the engine.

        None: another try of the same request will tell how the engine fares.
        """
        ...

    def health(self, cards: Sequence[EngineCard]) -> list[EngineHealth]:
        """Return how each engine stands, in the given order."""
        ...

    def reopen(self, engine: str) -> None:
        """End an engine's suspension, because an operator says so."""
        ...

    def opt_ins(self) -> dict[str, OptIn]:
        """Return the engines that were switched on last, by name; the terms may be old ones."""
        ...

    def switched_off(self) -> frozenset[str]:
        """Return the engines that were switched off last."""
        ...

    def switch_on(self, opt_in: OptIn) -> None:
        """Record that the terms were accepted."""
        ...

    def switch_off(self, engine: str, by: str) -> None:
        """Record that the engine, of whatever access, must no longer be used."""
        ...
