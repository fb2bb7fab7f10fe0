"""The hosts' desk: a HostDesk in PostgreSQL, exact over all workers of the deployment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.rows import DictRow

from pixcrawler.adapters.postgres.pool import CALLER_TIMEOUT_MS, Database
from pixcrawler.adapters.postgres.statements import statements
from pixcrawler.pipeline.visits import host_rules as rules
from pixcrawler.pipeline.visits.ports import HostReport, Share, Wish

_SQL = statements("hosts")


class PostgresHosts:
    """A HostDesk; acts as the service.

    The rules are in the functions private.share_hosts and private.report_hosts: what a worker
    wants of all its hosts is one call, and time is the database's.

    Args:
        database: logs in as ``pixcrawler_worker``.
        lasts_s: a share that is not renewed.
    """

    def __init__(self, database: Database, *, lasts_s: float = rules.LASTS_S) -> None:
        self._database = database
        self._lasts_s = lasts_s

    def share(self, worker: str, wishes: Sequence[Wish]) -> Mapping[str, Share]:
        """Tell what this worker wants now and learn what it has: take, renew and give back."""
        if not wishes:
            return {}
        names = {wish.host: _name(wish.host) for wish in wishes}
        values = {
            "worker": worker,
            "hosts": [names[wish.host] for wish in wishes],
            "in_use": [wish.in_use for wish in wishes],
            "wanted": [wish.wanted for wish in wishes],
            "at_once": [wish.at_once for wish in wishes],
            "interval_s": [wish.interval_s for wish in wishes],
            "lasts_s": self._lasts_s,
            "waiting_s": rules.WAITING_S,
            "tenure_s": rules.TENURE_S,
            "poll_s": rules.POLL_S,
            "poll_max_s": rules.POLL_MAX_S,
        }
        found = {row["host"]: _share(row) for row in self._rows("share", values)}
        return {wish.host: found[names[wish.host]] for wish in wishes}

    def report(self, worker: str, reports: Sequence[HostReport]) -> None:  # noqa: ARG002 - all alike
        """Tell what was seen: requests and bytes are counted, trouble pauses the host."""
        if not reports:
            return
        values = {
            "hosts": [_name(report.host) for report in reports],
            "requests": [report.requests for report in reports],
            "bytes": [report.bytes for report in reports],
            "failures": [report.failures for report in reports],
            "pause_s": [rules.stated_s(report.pause_s) for report in reports],
            "because": [rules.plain(report.because) for report in reports],
            "back_off_s": rules.BACK_OFF_S,
            "back_off_max_s": rules.BACK_OFF_MAX_S,
            "failures_max": rules.FAILURES_MAX,
            "suspended_s": rules.SUSPENDED_S,
            "suspended_max_s": rules.SUSPENDED_MAX_S,
            "jitter": rules.JITTER,
        }
        self._rows("report", values)

    def sweep(self) -> int:
        """Forget the hosts that nobody visited for long; return how many.

        Files of sites go a day after nobody believes them any more.
        """
        with self._database.as_service() as connection:
            connection.execute(_SQL["sweep_files"])
            swept = connection.execute(_SQL["sweep"], {"days": rules.KEPT_DAYS}).fetchone()
        return swept["hosts"] if swept else 0

    def _rows(self, name: str, values: dict[str, Any]) -> list[DictRow]:
        with self._database.as_service(CALLER_TIMEOUT_MS) as connection:
            return connection.execute(_SQL[name], values).fetchall()


def _name(host: str) -> str:
    return rules.plain(host) or "-"


def _share(row: DictRow) -> Share:
    return Share(row["places"], row["lasts_s"], row["wait_s"], row["paused_s"], row["because"])
