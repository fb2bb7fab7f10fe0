"""Load: how many requests a visit made to each host, those that left no hop included."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from pixcrawler.domain.visit import Hop, Load, Visit

HOSTS_MAX = 50
"""Told by name for one visit: a site may lead each try to another host."""
OTHERS = ""
"""The name under which further hosts are counted together."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({429, 503})
_PORTS = {"http": 80, "https": 443}


@dataclass(slots=True)
class _Sum:
    requests: int = 0
    redirects: int = 0
    busy: int = 0


class Loads:
    """Requests by host, added up."""

    def __init__(self, loads: Iterable[Load] = ()) -> None:
        self._sums: dict[str, _Sum] = {}
        self.add(loads)

    def add(self, loads: Iterable[Load]) -> None:
        """Add what was counted elsewhere."""
        for load in loads:
            self._count(load.host, load.requests, load.redirects, load.busy)

    def add_hops(self, hops: Iterable[Hop]) -> None:
        """Add requests as their hops tell them."""
        for hop in hops:
            if hop.address is None and hop.status is None:
                continue  # refused, or its name not found, before anything was sent
            self._count(host_of(hop.url), 1, hop.status in _REDIRECTS, hop.status in _BUSY)

    def all(self) -> tuple[Load, ...]:
        """Return the sums, the hosts in the order in which they were met."""
        return tuple(
            Load(host=host, requests=one.requests, redirects=one.redirects, busy=one.busy)
            for host, one in self._sums.items()
        )

    def _count(self, host: str, requests: int, redirects: int, busy: int) -> None:
        name = host if host in self._sums or len(self._sums) < HOSTS_MAX else OTHERS
        one = self._sums.setdefault(name, _Sum())
        one.requests += requests
        one.redirects += redirects
        one.busy += busy


def asked_by(visit: Visit) -> tuple[Load, ...]:
    """Return all requests of a visit, by host."""
    loads = Loads(visit.beside)
    loads.add_hops(visit.hops)
    return loads.all()


def with_other(visit: Visit | None, other: Visit | None) -> Visit | None:
    """Return a visit that counts what one of another address of its candidate asked for."""
    if visit is None or other is None:
        return visit
    loads = Loads(visit.beside)
    loads.add(asked_by(other))
    return visit.model_copy(update={"beside": loads.all()})


def host_of(url: str) -> str:
    """Return the host of an address, lower case, with its port where that is not the scheme's."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if ":" in host:
        host = f"[{host}]"
    return host if port in (None, _PORTS.get(parts.scheme)) else f"{host}:{port}"
