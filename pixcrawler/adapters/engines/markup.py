"""Markup: the start tags of a page, read in bounded time whatever the page is."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

_MAX_CHARS = 4 * 1024 * 1024
_TAG_MAX_CHARS = 128 * 1024
"""The largest seen, a card of Bing, has 3,000."""
_MAX_OPENINGS = 2000
# Possessive: what was read is never read again.
_REST_OF_TAG = re.compile(r"""(?:[^"'<>]++|"[^"]*+"|'[^']*+')*+>""")
# A name without a value matches as well: it is not tried again from each of its letters.
_ATTRIBUTE = re.compile(
    r"""([^\s"'<>=/]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'<>]++)))?+"""
)


@dataclass(frozen=True)
class Tag:
    """One start tag."""

    written: str
    """Its attributes as they stand in the page."""
    end: int
    """Where in the page it ends."""

    def attributes(self) -> dict[str, str]:
        """Return the attributes by lower-case name, unescaped; the first of a name counts."""
        found: dict[str, str] = {}
        for match in _ATTRIBUTE.finditer(self.written):
            value = match[2] or match[3] or match[4] or ""
            found.setdefault(match[1].lower(), html.unescape(value))
        return found


def page_text(body: bytes) -> str:
    """Return a page as text; what is no UTF-8 is replaced, and a very long page is cut."""
    return body[:_MAX_CHARS].decode("utf-8-sig", errors="replace")


def start_tags(page: str, name: str, mark: str) -> Iterator[Tag]:
    """Yield the start tags of one name that have ``mark`` somewhere in them, in order."""
    openings = re.finditer(rf"<{name}(?=\s)", page, re.IGNORECASE)
    for opening in islice(openings, _MAX_OPENINGS):
        start = opening.end()
        rest = _REST_OF_TAG.match(page, start, start + _TAG_MAX_CHARS)
        if rest is not None and mark in rest[0]:
            yield Tag(rest[0][:-1], rest.end())
