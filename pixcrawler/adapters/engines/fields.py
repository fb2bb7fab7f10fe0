"""Single fields of answers: hostile until shown to be plain text, an address or a number."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

from typing_extensions import override

TEXT_MAX_CHARS = 1000
ADDRESS_CHARS = range(8, 4097)
MAX_ITEMS = 500
"""Of one answer: the largest page that is asked for, Flickr's."""
_MARKUP_MAX_CHARS = 8000
_MARKUP_MAX_TAGS = 100
"""The parser looks through all the rest for each tag that does not end."""
_MAX_PIXELS = 10**6
_MAX_COUNT = 10**12
_FORMAT_MAX_CHARS = 10
_PIECES = re.compile(r'-?"[^"]*"|\S+')
"""Words and phrases of a query."""
_CODE = re.compile(r"(?:cc-)?(by(?:-nc)?(?:-(?:sa|nd))?)(?:-\d.*)?")
_ZERO = re.compile(r"cc-?(?:0|zero)(?:-.*)?")
_NO_RIGHTS = re.compile(r"(?:cc-)?(?:pd|pdm|public-?domain)(?:-.*)?")
_DEED = re.compile(r"creativecommons\.org/(?:licenses|publicdomain)/([a-z+-]+)")
_STATEMENT = re.compile(r"rightsstatements\.org/(?:vocab|page)/([a-z-]+)")


def items(value: Any) -> list[dict[str, Any]]:
    """Return the first objects of a list; what is not an object is left out.

    Raises:
        ValueError: there is no list.
    """
    if not isinstance(value, list):
        raise ValueError("answered with JSON of an unknown structure")  # noqa: TRY004 - no bug
    return [item for item in value[:MAX_ITEMS] if isinstance(item, dict)]


def text(value: Any) -> str | None:
    """Return printable text on one line, cut to 1,000 characters; None when there is none."""
    if not isinstance(value, str):
        return None
    start = value[: 4 * TEXT_MAX_CHARS]
    printable = "".join(char if char.isprintable() else " " for char in start)
    return " ".join(printable.split())[:TEXT_MAX_CHARS] or None


def plain(value: Any) -> str | None:
    """Return the text of an HTML fragment, without what scripts and styles say."""
    if not isinstance(value, str):
        return None
    reader = _TextReader()
    reader.feed("<".join(value[:_MARKUP_MAX_CHARS].split("<")[:_MARKUP_MAX_TAGS]))
    reader.close()
    return text("".join(reader.pieces))


def address(value: Any, base: str = "") -> str | None:
    """Return an absolute http or https address, completed from ``base``; else None.

    None as well for one with control characters, half characters, a user name or a password.
    """
    written = value.strip() if isinstance(value, str) else ""
    # Before it is read: what reads addresses remembers them, however long.
    if not written or len(written) >= ADDRESS_CHARS.stop:
        return None
    try:
        whole = urljoin(base, written)
        parts = urlsplit(whole)
    except ValueError:
        return None
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    is_plain = len(whole) in ADDRESS_CHARS and whole.isprintable() and "@" not in parts.netloc
    return whole if is_web and is_plain else None


def pixels(value: Any) -> int | None:
    """Return a width or height, also from digits in a string; None when it makes no sense."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:9])
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 < value <= _MAX_PIXELS else None


def license_code(value: Any) -> str | None:
    """Return the short code of a licence's name or address, lower case.

    ``cc-by-sa-4.0``, ``CC BY-SA 4.0`` and ``http://creativecommons.org/licenses/by-sa/4.0/`` give
    ``by-sa``; what Creative Commons gave up is ``cc0``, what nobody owns ``pdm``. A name of no
    such licence stays as it is; an address of none has no code.
    """
    found = text(value)
    if found is None:
        return None
    name = found.lower()
    if "://" in name or name.startswith("//"):
        deed = _DEED.search(name) or _STATEMENT.search(name)
        if deed is None:
            return None
        name = {"mark": "pdm", "zero": "cc0"}.get(deed[1], deed[1])
    # Some letters are two when lower case.
    return _short("-".join(name.replace("_", " ").split()))[:TEXT_MAX_CHARS]


def _short(code: str) -> str:
    creative_commons = _CODE.fullmatch(code)
    if creative_commons:
        return creative_commons[1]
    if _ZERO.fullmatch(code):
        return "cc0"
    return "pdm" if _NO_RIGHTS.fullmatch(code) else code


def day(value: Any) -> date | None:
    """Return the day that a text begins with, such as ``2024-07-19T10:00:00Z``; else None."""
    if not isinstance(value, str):
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None


def shortened(words: str, max_chars: int) -> str:
    """Return the words of a query that fit, from the first; a phrase stays whole or goes."""
    kept: list[str] = []
    room = max_chars
    for piece in _PIECES.findall(words):
        room -= len(piece) + bool(kept)
        if room < 0:
            break
        kept.append(piece)
    return " ".join(kept) or words[:max_chars]


def count(value: Any) -> int | None:
    """Return a number of things, also from digits in a string; None when it makes no sense."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:15])
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value < _MAX_COUNT else None


def total(value: Any, most: int) -> int | None:
    """Return how many results there are; None when a service only says as many as it gives.

    Such a service counts no further than ``most``: beyond it there may be any number.
    """
    counted = count(value)
    return None if counted == most else counted


def format_name(value: Any) -> str | None:
    """Return a file format, lower case, from its name, extension or media type."""
    found = text(value)
    name = found.lower().rpartition("/")[2].removeprefix(".") if found else ""
    if not name.isalnum() or len(name) > _FORMAT_MAX_CHARS:
        return None
    return "jpeg" if name == "jpg" else name


def inside(value: Any, *names: str) -> dict[str, Any]:
    """Return the object that stands at the end of a path of names; empty when none does."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


class _TextReader(HTMLParser):
    """Gathers what a person would read."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent = 0

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style")
        if tag in ("br", "p", "div", "li", "tr", "td"):
            self.pieces.append(" ")

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style") and self._silent:
            self._silent -= 1

    @override
    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(data)
