"""Path patterns of RFC 9309: prefixes with ``*`` for anything and ``$`` for the end."""

from __future__ import annotations

import re

MAX_PATTERN = 2048
"""Characters of a pattern that can be matched; addresses have 4,096 at most."""

_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_KEPT_ESCAPES = (b"%2F", b"%25")
"""Stay as they are: decoded, they would be another path."""


def path_of(url: str) -> bytes:
    """Return the path and query of an address in the form that patterns are matched with."""
    rest = url.partition("#")[0].partition("://")[2]
    start = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    path = _canonical(rest[start:])
    return path if path.startswith(b"/") else b"/" + path


class PathPattern:
    """One pattern; how it is matched costs no more than its length and that of the path."""

    __slots__ = ("_parts", "_to_end", "length")

    def __init__(self, text: str) -> None:
        self.length = len(text)
        """The longest pattern that matches counts."""
        self._to_end = text.endswith("$")
        self._parts = [_canonical(part) for part in text.removesuffix("$").split("*")]

    def matches(self, path: bytes) -> bool:
        """Say whether a path of ``path_of`` is covered."""
        first, *further = self._parts
        if not path.startswith(first):
            return False
        at = len(first)
        if not further:
            return at == len(path) or not self._to_end
        for part in further[:-1]:
            found = path.find(part, at)
            if found < 0:
                return False
            at = found + len(part)
        if self._to_end:
            return len(path) - len(further[-1]) >= at and path.endswith(further[-1])
        return path.find(further[-1], at) >= 0


def _canonical(text: str) -> bytes:
    """Return a path as bytes with its percent-encodings decoded, but for those that matter."""
    raw = text.encode("utf-8", "replace")
    return _ESCAPE.sub(_decoded, raw) if b"%" in raw else raw


def _decoded(escape: re.Match[bytes]) -> bytes:
    upper = escape[0].upper()
    return upper if upper in _KEPT_ESCAPES else bytes.fromhex(escape[1].decode())
