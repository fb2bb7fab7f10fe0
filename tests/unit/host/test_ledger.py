"""What triggers remember over restarts."""

from __future__ import annotations

import sqlite3

import pytest

from pixcrawler.host.errors import HostError
from pixcrawler.host.ledger import DONE, PENDING, BlobReceipt, Ledger, TimerStatus


@pytest.fixture
def reopened(tmp_path):
    """Opens the same file again and again; all are closed at the end."""
    opened = []

    def reopen():
        if opened:
            opened[-1].close()
        opened.append(Ledger(tmp_path / "triggers.sqlite"))
        return opened[-1]

    yield reopen
    opened[-1].close()


def test_receipts_survive(reopened):
    """A receipt is there after a restart, for its function alone; a new version replaces it."""
    ledger = reopened()
    ledger.put_receipt("f", "c/a", BlobReceipt("1", 2, PENDING))
    ledger.put_receipt("f", "c/a", BlobReceipt("2", 1, DONE))
    ledger.put_receipt("f", "c/b", BlobReceipt("1", 1, DONE))
    ledger.drop_receipt("f", "c/b")
    assert reopened().receipts("f") == {"c/a": BlobReceipt("2", 1, DONE)}
    assert reopened().receipts("g") == {}


def test_timers_survive(reopened):
    """A timer's status is there after a restart."""
    ledger = reopened()
    assert ledger.timer("t") is None
    for updated in ("2026-01-01", "2026-01-02"):
        ledger.put_timer("t", TimerStatus("* * * * * *", "a", "b", updated))
    assert reopened().timer("t") == TimerStatus("* * * * * *", "a", "b", "2026-01-02")


def test_foreign_file(tmp_path):
    """A file that is no ledger is refused, not overwritten."""
    path = tmp_path / "triggers.sqlite"
    path.write_bytes(b"something else entirely" * 100)
    with pytest.raises(HostError, match="is not a ledger"):
        Ledger(path)


def test_newer_file(tmp_path):
    """A ledger of a newer host is refused."""
    path = tmp_path / "triggers.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(HostError, match=r"another version of the host \(99\)"):
        Ledger(path)
