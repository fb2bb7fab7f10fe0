"""What triggers remember over restarts: blob receipts and timer status, in one SQLite file."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from pixcrawler.host.errors import HostError

PENDING, DONE, POISONED = "pending", "done", "poisoned"
_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE blob_receipts(
    function TEXT NOT NULL, blob TEXT NOT NULL, etag TEXT NOT NULL,
    tries INTEGER NOT NULL, state TEXT NOT NULL,
    PRIMARY KEY (function, blob)) WITHOUT ROWID;
CREATE TABLE timers(
    function TEXT PRIMARY KEY, schedule TEXT NOT NULL,
    last TEXT NOT NULL, next TEXT NOT NULL, updated TEXT NOT NULL);
"""


@dataclass(frozen=True)
class BlobReceipt:
    """What became of the newest known version of a blob for one function."""

    etag: str
    tries: int
    state: str


@dataclass(frozen=True)
class TimerStatus:
    """When a timer ran last and should run next, as ISO times in UTC."""

    schedule: str
    last: str
    next: str
    updated: str


class Ledger:
    """The file; safe against death of the process, not against loss of power."""

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises:
            HostError: it is not ours, or of a newer host.
        """
        self._database = sqlite3.connect(path, isolation_level=None)
        try:
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            version = self._database.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                self._database.executescript(
                    f"BEGIN;{_SCHEMA}PRAGMA user_version={_SCHEMA_VERSION};COMMIT;"
                )
                version = _SCHEMA_VERSION
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise HostError(f"{path} is not a ledger of this host: {error}") from error
        if version != _SCHEMA_VERSION:
            self._database.close()
            raise HostError(f"{path} was written by another version of the host ({version})")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def receipts(self, function: str) -> dict[str, BlobReceipt]:
        """Return a function's receipts by blob (container/name)."""
        rows = self._database.execute(
            "SELECT blob, etag, tries, state FROM blob_receipts WHERE function=?", (function,)
        )
        return {blob: BlobReceipt(etag, tries, state) for blob, etag, tries, state in rows}

    def put_receipt(self, function: str, blob: str, receipt: BlobReceipt) -> None:
        """Write the receipt of a blob; an older version's is replaced."""
        self._database.execute(
            "INSERT OR REPLACE INTO blob_receipts VALUES (?,?,?,?,?)",
            (function, blob, receipt.etag, receipt.tries, receipt.state),
        )

    def drop_receipt(self, function: str, blob: str) -> None:
        """Forget a blob that is gone."""
        self._database.execute(
            "DELETE FROM blob_receipts WHERE function=? AND blob=?", (function, blob)
        )

    def timer(self, function: str) -> TimerStatus | None:
        """Return a timer's status, None before its first occurrence."""
        row = self._database.execute(
            "SELECT schedule, last, next, updated FROM timers WHERE function=?", (function,)
        ).fetchone()
        return None if row is None else TimerStatus(*row)

    def put_timer(self, function: str, status: TimerStatus) -> None:
        """Write a timer's status."""
        self._database.execute(
            "INSERT OR REPLACE INTO timers VALUES (?,?,?,?,?)",
            (function, status.schedule, status.last, status.next, status.updated),
        )
