"""Spreading: rows of many hosts are taken in turn, so that a slow host holds up nobody else."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator

from pixcrawler.solo.outcomes import Row

AHEAD_ROWS = 2048
"""Read ahead of what is fetched: lists are often sorted by host."""
AT_ONCE = 8
"""Rows of one host under way, as long as there are others to take."""


class Spread:
    """Gives rows, host by host in turn.

    Args:
        rows: the list, read as far ahead as needed.
    """

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._waiting: dict[str, deque[Row]] = {}
        self._count = 0
        self._under_way: Counter[str] = Counter()
        self.is_read = False
        """The list has ended."""

    def next(self) -> Row | None:
        """Return the row to fetch next; None when there is none left."""
        self._read_ahead()
        for _ in range(len(self._waiting)):
            host = next(iter(self._waiting))
            if self._under_way[host] < AT_ONCE:
                return self._taken(host)
            self._waiting[host] = self._waiting.pop(host)  # its turn comes again
        return self._taken(next(iter(self._waiting))) if self._waiting else None

    def ended(self, row: Row) -> None:
        """Note that a row is no longer under way."""
        self._under_way[row.host] -= 1
        if not self._under_way[row.host]:
            del self._under_way[row.host]

    def _read_ahead(self) -> None:
        while self._count < AHEAD_ROWS and not self.is_read:
            row = next(self._rows, None)
            if row is None:
                self.is_read = True
                return
            self._waiting.setdefault(row.host, deque()).append(row)
            self._count += 1

    def _taken(self, host: str) -> Row:
        rows = self._waiting.pop(host)
        row = rows.popleft()
        if rows:
            self._waiting[host] = rows
        self._count -= 1
        self._under_way[host] += 1
        return row
