"""The ledger of a folder: what became of each row so far, in one file that a kill leaves whole."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pixcrawler.domain.verdict import PASSING_REASONS
from pixcrawler.solo.load import Load
from pixcrawler.solo.order import CannotFetch
from pixcrawler.solo.outcomes import Settled

_FORM = 1
"""Of the tables; a folder of another form is not gone on with."""
_TABLES = """
create table if not exists outcomes (
  key integer primary key, reason text, sha256 text, bytes integer not null,
  line text not null);
create index if not exists pictures on outcomes (sha256) where reason is null;
create table if not exists hosts (
  host text primary key, requests integer not null, bytes integer not null,
  failures integer not null);
create table if not exists facts (name text primary key, value text not null);
"""
_MOST_HOSTS = 20


class Ledger:
    """Everything that was settled; nothing counts before ``commit``.

    Raises:
        CannotFetch: it is somebody else's for now, damaged, or of another version.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._base = sqlite3.connect(path, timeout=0, isolation_level=None)
        except sqlite3.Error as error:
            raise CannotFetch(f"{path} cannot be opened: {error}") from None
        try:
            form = self._opened()
        except sqlite3.DatabaseError as error:
            self._base.close()
            if "locked" in str(error):
                raise CannotFetch("another fetch is at work in this folder") from None
            raise CannotFetch(f"{path} cannot be used ({error}): take another --out") from None
        if form != _FORM:
            self._base.close()
            raise CannotFetch(f"{path.parent} was made by another version of PixCrawler")

    def _opened(self) -> int:
        """Lock the file for ourselves, make its tables where there are none; return their form."""
        self._base.execute("pragma locking_mode = exclusive")
        self._base.execute("begin exclusive")
        (form,) = self._base.execute("pragma user_version").fetchone()
        if form:
            return int(form)
        for statement in _TABLES.split(";"):
            self._base.execute(statement)
        self._base.execute(f"pragma user_version = {_FORM}")
        return _FORM

    # -------------------------------------------------------------- facts

    def fact(self, name: str) -> Any:
        """Return what was noted under a name, or None."""
        row = self._base.execute("select value from facts where name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None

    def note(self, name: str, value: Any) -> None:
        """Note a value under a name."""
        text = json.dumps(value)
        self._base.execute("insert or replace into facts values (?, ?)", (name, text))

    # -------------------------------------------------------------- outcomes

    def add(self, settled: Settled, outcome: dict[str, Any]) -> None:
        """Take the outcome of a row; a new one replaces the one before."""
        row = settled.row
        reason = settled.reason.value if settled.reason else None
        line = json.dumps(outcome, ensure_ascii=False)
        self._base.execute(
            "insert or replace into outcomes values (?, ?, ?, ?, ?)",
            (row.key, reason, settled.sha256, settled.bytes or 0, line),
        )

    def add_load(self, load: Mapping[str, Load]) -> None:
        """Add what was asked of hosts to what was before."""
        self._base.executemany(
            "insert into hosts values (?, ?, ?, ?) on conflict (host) do update set"
            " requests = requests + excluded.requests, bytes = bytes + excluded.bytes,"
            " failures = failures + excluded.failures",
            [(host, one.requests, one.bytes, one.failures) for host, one in load.items()],
        )

    def is_settled(self, key: int) -> bool:
        """Say whether it is known what became of a row."""
        found = self._base.execute("select 1 from outcomes where key = ?", (key,)).fetchone()
        return found is not None

    def may_pass(self, key: int) -> bool:
        """Say whether a row failed for a reason that may have passed."""
        found = self._base.execute("select reason from outcomes where key = ?", (key,)).fetchone()
        return found is not None and found[0] in _PASSING

    def key_of(self, sha256: str) -> int | None:
        """Return the row whose picture has these very bytes."""
        found = self._base.execute(
            "select key from outcomes where sha256 = ? and reason is null", (sha256,)
        ).fetchone()
        return int(found[0]) if found else None

    def commit(self) -> None:
        """Make everything so far count, whatever happens after."""
        self._base.execute("commit")
        self._base.execute("begin exclusive")

    def close(self) -> None:
        """Let go of the file; what was not committed does not count."""
        self._base.close()

    # -------------------------------------------------------------- what it comes to

    def lines(self) -> Iterator[str]:
        """Yield the outcomes as JSON, in the list's order."""
        for (line,) in self._base.execute("select line from outcomes order by key"):
            yield line

    def counts(self) -> dict[str | None, int]:
        """Return how many rows there are of each reason; None: kept."""
        found = self._base.execute("select reason, count(*) from outcomes group by reason")
        return {reason: int(count) for reason, count in found}

    def kept_bytes(self) -> int:
        """Return the bytes of all pictures that were kept."""
        total = "select coalesce(sum(bytes), 0) from outcomes where reason is null"
        return int(self._base.execute(total).fetchone()[0])

    def hosts(self) -> list[dict[str, Any]]:
        """Return the hosts that were asked most, over all runs."""
        found = self._base.execute(
            "select host, requests, bytes, failures from hosts order by 2 desc, 1 limit ?",
            (_MOST_HOSTS,),
        )
        names = ("host", "requests", "bytes", "failures")
        return [dict(zip(names, row, strict=True)) for row in found]


_PASSING = {reason.value for reason in PASSING_REASONS}
