"""Hosts: the load that a job put on each, as its visits tell it."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pixcrawler.domain.verdict import FETCH_REASONS, Outcome, RejectReason, Verdict
from pixcrawler.domain.visit import Visit
from pixcrawler.pipeline.deduplicate import Place
from pixcrawler.pipeline.harvest import Harvest
from pixcrawler.pipeline.papers.labels import cell, one_line
from pixcrawler.pipeline.visits.load import asked_by, host_of

HOSTS = "metadata/hosts.csv"
_COLUMNS = (
    "host",
    "visits",
    "requests",
    "redirects",
    "busy",
    "bytes",
    "images",
    "throttled",
    "refused",
    "failures",
    "first_visit",
    "last_visit",
)
_REFUSED = frozenset(
    {RejectReason.REFUSED, RejectReason.DISALLOWED_BY_SITE, RejectReason.OPTED_OUT}
)
_SHOWN = 10
"""Hosts in the log: the file has all."""


@dataclass
class HostLoad:
    """What a job asked of one host for its candidates; see ``host_loads``."""

    host: str
    visits: int = 0
    """Candidates for which it was the last host: got, throttled, refused or failed."""
    requests: int = 0
    redirects: int = 0
    """Of the requests: those that it answered with another address."""
    busy: int = 0
    """Of the requests: those that it answered with 429 or 503, also where a later one got it."""
    bytes: int = 0
    """Of the bodies that were got."""
    images: int = 0
    """In the dataset."""
    throttled: int = 0
    """Candidates that were given up because of that."""
    refused: int = 0
    """By the site: 401, 403, robots.txt, or a wish of its own or of an author."""
    failures: int = 0
    """No body for any other reason."""
    first: datetime | None = None
    last: datetime | None = None

    def seen(self, at: datetime) -> None:
        """Note a moment of a visit."""
        self.first = min(self.first or at, at)
        self.last = max(self.last or at, at)


def host_loads(harvest: Harvest) -> list[HostLoad]:
    """Return the load on each host that was visited, the most requests first.

    All tries and all addresses of a candidate count. Not counted are robots.txt and its like,
    which are fetched once for all jobs. A retry counts what it took over, too.
    """
    loads: dict[str, HostLoad] = {}
    kept = set(harvest.selection.kept)
    for place, verdict in harvest.all():
        visit = verdict.outcome.visit
        if visit is not None:
            _add_requests(loads, visit)
            _add_ending(loads, visit, verdict, place, kept)
    return sorted(loads.values(), key=lambda load: (-load.requests, load.host))


def _load(loads: dict[str, HostLoad], host: str) -> HostLoad:
    return loads.setdefault(host, HostLoad(host))


def _add_requests(loads: dict[str, HostLoad], visit: Visit) -> None:
    for asked in asked_by(visit):
        load = _load(loads, asked.host)
        load.requests += asked.requests
        load.redirects += asked.redirects
        load.busy += asked.busy
        load.seen(visit.at)


def _add_ending(
    loads: dict[str, HostLoad],
    visit: Visit,
    verdict: Verdict,
    place: Place,
    kept: Collection[Place],
) -> None:
    outcome = verdict.outcome
    load = _load(loads, host_of(visit.hops[-1].url if visit.hops else outcome.address))
    load.visits += 1
    load.bytes += outcome.length
    load.images += place in kept
    _add_reason(load, outcome)
    load.seen(visit.at)


def _add_reason(load: HostLoad, outcome: Outcome) -> None:
    reason = outcome.reason
    load.throttled += reason is RejectReason.THROTTLED
    load.refused += reason in _REFUSED
    load.failures += (
        reason in FETCH_REASONS and reason not in _REFUSED and reason is not RejectReason.THROTTLED
    )


def hosts_csv(loads: Iterable[HostLoad]) -> bytes:
    """Return the report as CSV, one host a line; see HostLoad for the columns."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for load in loads:
        counts = (
            load.visits,
            load.requests,
            load.redirects,
            load.busy,
            load.bytes,
            load.images,
            load.throttled,
            load.refused,
            load.failures,
        )
        writer.writerow((cell(load.host), *counts, _moment(load.first), _moment(load.last)))
    return buffer.getvalue().encode()


def _moment(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else ""


def host_lines(loads: Sequence[HostLoad]) -> Iterator[str]:
    """Yield a line for each of the hosts that were asked most, and one for the others."""
    for load in loads[:_SHOWN]:
        yield (
            f"{load.requests:>7}  {one_line(load.host)}: {load.images} images, {load.bytes} bytes, "
            f"throttled: {load.throttled}, refused: {load.refused}, failures: {load.failures}"
        )
    if len(loads) > _SHOWN:
        others = loads[_SHOWN:]
        requests = sum(load.requests for load in others)
        yield f"{requests:>7}  at {len(others)} further hosts, see {HOSTS}"
    if not loads:
        yield "none was visited, or its visits were not kept"
