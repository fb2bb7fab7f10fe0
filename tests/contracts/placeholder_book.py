"""What every PlaceholderBook promises: on memory in unit tests, on PostgreSQL in integration tests.

Time passes only when a test says so.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import pytest

from pixcrawler.pipeline.visits.ports import Placeholder, PlaceholderBook

HOST = "img.shop.example"
SHA256, OTHER = "ab" * 32, "cd" * 32
SECOND = timedelta(seconds=1)


class Harness(Protocol):
    """A book, and its clock."""

    book: PlaceholderBook

    def now(self) -> datetime:
        """Return the book's time."""
        ...

    def pass_days(self, days: float) -> None:
        """Let time go on."""
        ...


class PlaceholderBookContract:
    """Subclass it, and give a fixture ``harness``."""

    @pytest.fixture
    def book(self, harness: Harness) -> PlaceholderBook:
        return harness.book

    @pytest.fixture
    def banner(self, harness: Harness) -> Placeholder:
        """A placeholder that was seen a minute ago."""
        return Placeholder(HOST, SHA256, 4, harness.now() - timedelta(minutes=1))

    def test_nothing_is_known_at_first(self, book: PlaceholderBook) -> None:
        """An empty book knows none, whatever it is asked."""
        assert book.known([]) == {}
        assert book.known([(HOST, SHA256)]) == {}

    def test_what_is_remembered_is_known(self, book: PlaceholderBook, banner: Placeholder) -> None:
        """A placeholder is known by host and content, and since when."""
        book.remember([banner])
        known = book.known([(HOST, SHA256), (HOST, OTHER), (HOST, SHA256)])
        assert known == {(HOST, SHA256): banner.seen_at}

    def test_hosts_are_strangers(self, book: PlaceholderBook, banner: Placeholder) -> None:
        """Nothing is known of the same picture at another host, or another port."""
        book.remember([banner])
        others = ["shop.example", f"{HOST}:8443", f"a.{HOST}", HOST.upper(), f"{HOST}%", "%", ""]
        assert book.known([(host, SHA256) for host in others]) == {}

    def test_repeats_change_nothing(self, book: PlaceholderBook, banner: Placeholder) -> None:
        """A repeated step tells the same again, also twice in one call."""
        for _ in range(3):
            book.remember([banner, banner])
        book.remember([])
        assert book.known([(HOST, SHA256)]) == {(HOST, SHA256): banner.seen_at}

    def test_since_when_is_the_first_time(self, book: PlaceholderBook, banner: Placeholder) -> None:
        """Seen again earlier or later, it is known since the first time that anybody saw it."""
        first = banner.seen_at - timedelta(days=3)
        book.remember([banner, replace(banner, seen_at=banner.seen_at + SECOND)])
        book.remember([replace(banner, seen_at=first)])
        book.remember([replace(banner, seen_at=banner.seen_at + SECOND)])
        assert book.known([(HOST, SHA256)]) == {(HOST, SHA256): first}

    def test_what_nobody_confirms_is_forgotten(
        self, harness: Harness, book: PlaceholderBook, banner: Placeholder
    ) -> None:
        """After half a year without a sight of it, a placeholder is one no more."""
        book.remember([banner])
        harness.pass_days(179.9)
        assert book.known([(HOST, SHA256)]) != {}
        harness.pass_days(0.2)
        assert book.known([(HOST, SHA256)]) == {}

    def test_a_sight_of_it_confirms(
        self, harness: Harness, book: PlaceholderBook, banner: Placeholder
    ) -> None:
        """Seen again in time, it is known for another half year; an older sight shortens none."""
        book.remember([banner])
        harness.pass_days(100)
        book.remember([replace(banner, seen_at=harness.now())])
        book.remember([replace(banner, seen_at=harness.now() - timedelta(days=50))])
        harness.pass_days(179.9)
        assert len(book.known([(HOST, SHA256)])) == 1

    def test_what_was_forgotten_begins_anew(
        self, harness: Harness, book: PlaceholderBook, banner: Placeholder
    ) -> None:
        """Seen again after it was forgotten, it is known since then."""
        book.remember([banner])
        harness.pass_days(181)
        again = replace(banner, seen_at=harness.now() - SECOND)
        book.remember([again])
        [since] = book.known([(HOST, SHA256)]).values()
        assert abs(since - again.seen_at) < SECOND

    def test_an_old_sight_teaches_nothing(
        self, harness: Harness, book: PlaceholderBook, banner: Placeholder
    ) -> None:
        """What was seen half a year ago, by a job that is finished now, is not known."""
        book.remember([replace(banner, seen_at=harness.now() - timedelta(days=181))])
        assert book.known([(HOST, SHA256)]) == {}

    def test_no_clock_that_is_ahead_prolongs(
        self, harness: Harness, book: PlaceholderBook, banner: Placeholder
    ) -> None:
        """A worker whose clock is ahead makes nothing known for longer."""
        book.remember([replace(banner, seen_at=harness.now() + timedelta(days=900))])
        assert len(book.known([(HOST, SHA256)])) == 1
        harness.pass_days(181)
        assert book.known([(HOST, SHA256)]) == {}

    def test_a_whole_job_at_once(self, book: PlaceholderBook, banner: Placeholder) -> None:
        """Thousands are remembered, and asked for, in one call each."""
        many = [replace(banner, host=f"h{number}.example") for number in range(4000)]
        book.remember(many)
        assert len(book.known([(one.host, one.sha256) for one in many])) == 4000
