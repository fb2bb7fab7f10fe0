"""Fetching a list: its addresses become shards, outcome tables and a report in one folder."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain
from typing import Any

from pixcrawler.adapters.engines.uploads.lists import LIST_FORM
from pixcrawler.domain.errors import StorageUnavailable
from pixcrawler.solo.columns import ColumnNames
from pixcrawler.solo.folder import Folder
from pixcrawler.solo.lists import Fault, read_list
from pixcrawler.solo.order import STDIN, CannotFetch, CannotGoOn, FetchOrder
from pixcrawler.solo.outcomes import Row
from pixcrawler.solo.pictures import Looker
from pixcrawler.solo.report import Faults, Progress, report_of
from pixcrawler.solo.spread import Spread
from pixcrawler.solo.tables import write_json, write_tables
from pixcrawler.solo.web import Web
from pixcrawler.solo.windows import Windows

SAFE_EVERY_S = 2.0
"""So much work a kill costs at most."""
SHOWN_EVERY_S = 0.5
WAITING_TOO = 3
"""Rows under way for each download at once: many wait for hosts that want to be left alone."""
LONG_TABLES = 100_000
"""Rows whose tables take more than a few seconds to write."""
GRACE_S = 3.0
"""What is under way when the person interrupts may still end."""
_GOES_ON = "what was finished is kept: once that is mended, the same command goes on"

Tell = Callable[[str, dict[str, Any]], None]
"""Takes the name of an event and what is said of it."""


class Fetch:
    """One run over a list.

    Args:
        order: what to do.
        web: how addresses are fetched; closed at the end.
        tell: is told of faulty rows and of progress.
    """

    def __init__(self, order: FetchOrder, web: Web, tell: Tell) -> None:
        self._order, self._web, self._tell = order, web, tell
        self._faults, self._progress = Faults(), Progress()
        looker = Looker(order.level, order.min_size_px)
        self._windows = Windows(web, looker.settle, WAITING_TOO * order.concurrency)
        self._stops_at: float | None = None
        self.has_begun = False
        """Before, there is nothing to bring to an end."""

    def stop(self) -> None:
        """Begin nothing more, and end soon; may be called from a signal handler."""
        self._windows.stop()
        self._stops_at = self._stops_at or time.monotonic() + GRACE_S

    def run(self) -> dict[str, Any]:
        """Fetch what is not settled yet; return the report.

        Raises:
            CannotFetch: the list, the folder or the disk does not allow it.
        """
        with closing(Folder(self._order)) as folder:
            rows = self._first_looked_at(folder)
            try:
                folder.begin()
                self.has_begun = True
                with closing(self._web):
                    self._fetch(rows, folder)
                folder.ledger.add_load(self._web.take_load())
                folder.end()
                return self._told(folder)
            except StorageUnavailable as error:
                raise CannotGoOn(f"{error} (TMPDIR); {_GOES_ON}") from error
            except (OSError, sqlite3.OperationalError) as error:
                raise CannotGoOn(
                    f"{folder.out} cannot be written to ({error}); {_GOES_ON}"
                ) from error

    def _first_looked_at(self, folder: Folder) -> Iterator[Row]:
        """Read to the first usable row, so that a useless list leaves nothing behind."""
        self._progress.total = folder.source.lines
        rows = self._rows(folder)
        first = next(rows, None)
        if first is not None or self._progress.rows:
            return chain([first] if first else [], rows)
        source = "standard input" if self._order.source == STDIN else self._order.source
        told = "; ".join(f"row {one['row']}: {one['rule']}" for one in self._faults.first[:3])
        told = f" ({self._faults.count:,} faulty: {told})" if told else ""
        raise CannotFetch(f"{source} has no address that can be used{told}; {LIST_FORM}")

    def _rows(self, folder: Folder) -> Iterator[Row]:
        """The rows that are to be fetched."""
        names = ColumnNames(self._order.url_col, self._order.caption_col)
        for found in read_list(folder.source.path, names):
            if isinstance(found, Fault):
                told = self._faults.add(found)
                if told:
                    self._tell("faulty", told)
                continue
            row = Row(self._progress.rows, found)
            self._progress.rows += 1
            if self._is_due(row.key, folder):
                yield row
        self._progress.is_read = True

    def _is_due(self, key: int, folder: Folder) -> bool:
        if self._order.retry_failed:
            is_due = folder.ledger.may_pass(key)
            self._progress.before += not is_due and folder.ledger.is_settled(key)
            return is_due
        is_settled = folder.ledger.is_settled(key)
        self._progress.before += is_settled
        return not is_settled

    def _fetch(self, rows: Iterator[Row], folder: Folder) -> None:
        spread = Spread(rows)
        safe_at = shown_at = time.monotonic()
        for settled in self._windows.settled(spread):
            if settled is not None:
                self._progress.add(folder.take(settled))
            now = time.monotonic()
            if now - safe_at > SAFE_EVERY_S:
                folder.ledger.add_load(self._web.take_load())
                folder.make_safe()
                safe_at = now
            if now - shown_at > SHOWN_EVERY_S:
                self._tell("progress", self._progress.view())
                shown_at = now
            if self._stops_at is not None and now > self._stops_at:
                break
        self._tell("progress", self._progress.view())

    def _told(self, folder: Folder) -> dict[str, Any]:
        """Write the tables and the report."""
        is_whole = self._progress.is_read and self._stops_at is None
        if self._progress.is_read:
            folder.ledger.note("rows", self._progress.rows)
            folder.ledger.commit()
        if self._progress.before + self._progress.settled > LONG_TABLES:
            self._tell("note", {"text": "writing the outcome tables"})
        write_tables(folder.out, folder.work, folder.ledger.lines)
        report = report_of(
            self._order,
            folder,
            self._progress,
            self._faults,
            checked=self._web.checked,
            is_whole=is_whole,
        )
        write_json(folder.out / "report.json", folder.work, report)
        folder.forget_list()
        return report
