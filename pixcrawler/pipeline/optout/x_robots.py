"""X-Robots-Tag: words in a header for all robots or for named ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import zip_longest

from typing_extensions import override

from pixcrawler.pipeline.optout.meaning import X_ROBOTS
from pixcrawler.pipeline.optout.robots import PRODUCT
from pixcrawler.pipeline.optout.signal import Headers, Saying, Signal

HEADER = "x-robots-tag"
MAX_LENGTH = 8 * 1024
"""Characters of all such headers together that are read."""

UNTIL = "unavailable_after"
_BOT = re.compile(r"([a-z*][a-z0-9_.-]*)(?:/[0-9a-z.]*)?", re.IGNORECASE)
_SEPARATOR = re.compile(r"[,;]")
_DATE_LENGTH = 64
_FORMS = (
    (datetime.fromisoformat, "{}"),
    (parsedate_to_datetime, "{}"),
    (parsedate_to_datetime, "{} 00:00:00"),
)
"""How a date is read: as it is, or as the beginning of a day."""


class XRobotsTag(Signal):
    """Words such as ``noai`` and ``noindex`` that are for everybody, or for us.

    A bot's name is for the rest of its header: ``googlebot: noindex, noai`` says nothing to us,
    and ``noindex, googlebot: nofollow`` does. What is for us adds to what is for everybody.
    """

    name = HEADER

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now

    @override
    def of_answer(self, url: str, headers: Headers) -> Sequence[Saying]:
        left = MAX_LENGTH
        found: dict[str, str] = {}
        for value in (value for name, value in headers if name.lower() == HEADER):
            found |= {written: word for word, written in self._words(value[:left])}
            left = max(left - len(value), 0)
        return [
            Saying(written, "header", X_ROBOTS[word].refused) for written, word in found.items()
        ]

    def _words(self, value: str) -> Iterator[tuple[str, str]]:
        """Yield the refusing words of one header that are for us, each with how it is written."""
        parts = _SEPARATOR.split(value)
        bot = ""
        for part, following in zip_longest(parts, parts[1:], fillvalue=""):
            name, colon, rest = _named(part)
            while colon and (found := _bot(name)):
                bot = found
                name, colon, rest = _named(rest)
            if bot not in ("", "*", PRODUCT):
                continue
            scope = f"{bot}: " if bot else ""
            if name.lower() == UNTIL:
                until = _date(rest, following)
                if until and until <= self._now():
                    yield UNTIL, f"{scope}{UNTIL}: {until.isoformat()}"
                continue
            for word in (*name.split(), *rest.split()):
                if word.lower() in X_ROBOTS:
                    yield word.lower(), f"{scope}{word}"


def _named(part: str) -> tuple[str, str, str]:
    name, colon, rest = part.partition(":")
    return name.strip(), colon, rest.strip()


def _bot(name: str) -> str:
    """Return the bot that a word before a colon names; empty for a word that takes a value."""
    match = _BOT.fullmatch(name)
    bot = match[1].lower() if match else ""
    return "" if bot in X_ROBOTS or bot.startswith("max-") else bot


def _date(text: str, following: str) -> datetime | None:
    """Return a date of RFC 822, RFC 850 or ISO 8601; after a weekday, it has a comma in it."""
    for written in (text, f"{text}, {following.strip()}"):
        short = written[:_DATE_LENGTH]
        for read, form in _FORMS:
            try:
                found = read(form.format(short))
            except (ValueError, TypeError, IndexError, OverflowError):
                continue
            return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None
