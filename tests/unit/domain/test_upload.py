"""Ids of uploads tell when they were begun."""

from datetime import UTC, datetime

import pytest

from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.domain.upload import begun_at, upload_id

THEN = datetime(2026, 11, 20, 15, 30, 0, 250_000, tzinfo=UTC)


def test_an_id_tells_its_time():
    """The time goes in and comes out, to the millisecond."""
    made = upload_id(THEN, bytes(10))

    assert (len(made), begun_at(made)) == (32, THEN)


def test_ids_of_one_moment_differ():
    """Two uploads begun together have two ids."""
    assert upload_id(THEN, bytes(10)) != upload_id(THEN, b"0123456789")


def test_an_id_needs_its_random_bytes():
    """Too few random bytes would let two uploads share a place."""
    with pytest.raises(InvariantBroken):
        upload_id(THEN, b"")


@pytest.mark.parametrize("text", ["", "x" * 32, "0" * 31, "0" * 33, "F" * 32, "f" * 32])
def test_what_is_no_id_has_no_time(text):
    """Other names, and times beyond all calendars, are told apart from ids."""
    assert begun_at(text) is None
