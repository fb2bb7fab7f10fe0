"""Cursors carry what later pages need, survive a restart, and are refused when they are odd."""

from __future__ import annotations

import time

import pytest

from pixcrawler.adapters.engines.cursors import (
    fingerprint,
    place_and_luggage,
    stamped,
    still_good,
    written,
)


def test_a_cursor_holds_a_place_and_luggage():
    """What was written is read; without a cursor it is the first place."""
    assert place_and_luggage(written(35, "a b c"), 1) == (35, "a b c")
    assert place_and_luggage(written(35, ""), 1) == (35, "")
    assert place_and_luggage(None, 1) == (1, "")


def test_luggage_is_bounded():
    """A cursor stays short, whatever a service gives."""
    assert len(written(1, "x" * 100_000)) < 3000


@pytest.mark.parametrize("cursor", ["x", "1.5", "one two", " 3"])
def test_a_cursor_of_somebody_else_is_refused(cursor):
    """An engine says so by ValueError, never otherwise."""
    with pytest.raises(ValueError, match="invalid literal"):
        place_and_luggage(cursor, 1)


def test_a_token_is_good_for_its_time():
    """Neither old ones nor those from the future, whatever a clock says."""
    assert still_good(stamped("4-1"), 60) == "4-1"
    assert still_good(f"{int(time.time()) - 61} 4-1", 60) is None
    assert still_good(f"{int(time.time()) + 3600} 4-1", 60) is None
    assert still_good("", 60) is None
    assert still_good("never 4-1", 60) is None


def test_pages_are_told_apart_by_their_results():
    """The same names in the same order, and only they, have the same fingerprint."""
    assert fingerprint(["a", "b"]) == fingerprint(iter(["a", "b"]))
    assert fingerprint(["a", "b"]) != fingerprint(["b", "a"])
    assert len(fingerprint(["\ud800"])) == 12
