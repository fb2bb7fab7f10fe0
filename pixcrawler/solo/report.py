"""The report of a fetch: counts by reason, bytes, speed, the load put on each host, settings."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pixcrawler.adapters.web.manners import VERSION, user_agent
from pixcrawler.domain.verdict import PASSING_REASONS
from pixcrawler.solo.folder import Folder
from pixcrawler.solo.lists import Fault
from pixcrawler.solo.order import FetchOrder
from pixcrawler.solo.outcomes import Settled

FAULTS_TOLD = 20
"""Faulty rows that are told one by one; all are counted."""


@dataclass
class Faults:
    """The rows of the list that cannot be used."""

    count: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)
    first: list[dict[str, Any]] = field(default_factory=list)
    broken_off: str | None = None
    """Why the rest of the list could not be read."""

    def add(self, fault: Fault) -> dict[str, Any] | None:
        """Count one; return it as it is told, unless enough were."""
        self.count += 1
        self.by_rule[fault.rule] += 1
        if fault.is_end:
            self.broken_off = f"row {fault.number}: {fault.rule}"
        if len(self.first) == FAULTS_TOLD:
            return None
        told = {"row": fault.number, "rule": fault.rule, "value": fault.value}
        self.first.append(told)
        return told

    def told(self) -> dict[str, Any]:
        """Return what the report says of them."""
        return {
            "faulty_rows": self.count,
            "faults_by_rule": dict(self.by_rule.most_common(FAULTS_TOLD)),
            "first_faults": self.first,
            "list_broken_off": self.broken_off,
        }


@dataclass
class Progress:
    """What this run did so far, and what the folder held before it."""

    before: int = 0
    """Rows that were settled by earlier runs."""
    rows: int = 0
    """Usable rows that were read."""
    total: int | None = None
    """Usable rows in all, as far as is known: about, until the list was read to its end."""
    is_read: bool = False
    kept: int = 0
    bytes: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    begun: float = field(default_factory=time.monotonic)
    begun_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def add(self, settled: Settled) -> None:
        """Count a row."""
        self.bytes += settled.bytes or 0
        if settled.reason is None:
            self.kept += 1
        else:
            self.reasons[settled.reason.value] += 1

    @property
    def settled(self) -> int:
        """Rows that this run settled."""
        return self.kept + self.reasons.total()

    @property
    def seconds(self) -> float:
        """How long this run has taken."""
        return time.monotonic() - self.begun

    def view(self) -> dict[str, Any]:
        """Return what is shown while it runs."""
        return {
            "done": self.before + self.settled,
            "total": self.rows if self.is_read else self.total,
            "kept": self.kept,
            "failed": self.reasons.total(),
            "bytes": self.bytes,
            "per_s": round(self.settled / max(self.seconds, 0.001), 1),
            "reasons": dict(self.reasons.most_common(3)),
        }

    def told(self) -> dict[str, Any]:
        """Return what the report says of this run."""
        seconds = self.seconds
        return {
            "started_at": self.begun_at.isoformat(timespec="seconds"),
            "seconds": round(seconds, 3),
            "settled": self.settled,
            "kept": self.kept,
            "bytes": self.bytes,
            "images_per_s": round(self.settled / max(seconds, 0.001), 2),
        }


def report_of(
    order: FetchOrder,
    folder: Folder,
    progress: Progress,
    faults: Faults,
    *,
    checked: Sequence[str],
    is_whole: bool,
) -> dict[str, Any]:
    """Return the report; counts are those of the folder, times and speed those of this run.

    Args:
        order: what was ordered.
        folder: where it is kept.
        progress: of this run.
        faults: of the list.
        checked: names of the opt-out signals that were looked at.
        is_whole: the run went through the whole list.
    """
    counts = folder.ledger.counts()
    kept = counts.pop(None, 0)
    reasons = {str(name): count for name, count in counts.items()}
    settled = kept + sum(reasons.values())
    return {
        "version": _version(),
        "is_complete": is_whole and settled >= progress.rows,
        "rows": progress.rows if progress.is_read else None,
        **faults.told(),
        "settled": settled,
        "kept": kept,
        "failed": sum(reasons.values()),
        "failed_in_passing": sum(reasons.get(one.value, 0) for one in PASSING_REASONS),
        "reasons": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        "kept_bytes": folder.ledger.kept_bytes(),
        "shards": folder.shards,
        "this_run": progress.told(),
        "hosts": folder.ledger.hosts(),
        "settings": {
            **order.model_dump(mode="json", exclude={"contact"}),
            "user_agent": user_agent(order.reached_at),
            "list_sha256": folder.source.sha256,
            "opt_outs_checked": list(checked),
        },
    }


def _version() -> str:
    """Return our version; in a checkout that was never installed, that of the crawler."""
    try:
        return version("pixcrawler")
    except PackageNotFoundError:
        return VERSION
