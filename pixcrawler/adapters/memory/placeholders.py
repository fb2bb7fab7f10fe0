"""Known placeholders in a dictionary: a PlaceholderBook for tests and for one machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pixcrawler.pipeline.limits import PLACEHOLDER_KEPT_DAYS
from pixcrawler.pipeline.visits.ports import Placeholder

_KEPT = timedelta(days=PLACEHOLDER_KEPT_DAYS)


class MemoryPlaceholders:
    """A PlaceholderBook; safe to use from several threads."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._first_seen: dict[tuple[str, str], datetime] = {}
        self._last: dict[tuple[str, str], Placeholder] = {}

    def known(self, seen: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], datetime]:
        """Return those of the (host, sha256) pairs that are placeholders, and since when."""
        with self._lock:
            self._forget()
            return {pair: self._first_seen[pair] for pair in seen if pair in self._last}

    def remember(self, found: Sequence[Placeholder]) -> None:
        """Keep placeholders; of one that is known the largest count and the last time stay."""
        with self._lock:
            self._forget()
            for one in found:
                seen_at = min(one.seen_at, self._clock())
                self._keep(replace(one, seen_at=seen_at))
            self._forget()

    def _keep(self, one: Placeholder) -> None:
        pair = one.host, one.sha256
        known = self._last.get(pair, one)
        self._first_seen[pair] = min(self._first_seen.get(pair, one.seen_at), one.seen_at)
        self._last[pair] = replace(
            one,
            addresses=max(known.addresses, one.addresses),
            seen_at=max(known.seen_at, one.seen_at),
        )

    def _forget(self) -> None:
        oldest = self._clock() - _KEPT
        for pair in [pair for pair, one in self._last.items() if one.seen_at <= oldest]:
            del self._last[pair], self._first_seen[pair]
