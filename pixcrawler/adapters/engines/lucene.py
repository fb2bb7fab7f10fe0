"""Queries in Lucene's syntax: words, phrases and exclusions; nothing else of it gets through."""

from __future__ import annotations

import re

_PARTS = re.compile(r'-?"[^"]*"|\S+')
_OPERATORS = re.compile(r'[+!(){}\[\]^"~*?:\\/&|<>=]+')
_WORD_OPERATORS = frozenset({"AND", "OR", "NOT", "TO"})


def lucene_query(words: str) -> str:
    """Return a query for the words: phrases in double quotes and ``-word`` keep their meaning.

    Fields, wildcards, ranges, groups and boolean words become plain words or nothing.
    """
    parts = [_part(part) for part in _PARTS.findall(words)]
    return " ".join(part for part in parts if part) or '""'


def _part(part: str) -> str:
    sign = "-" if part.startswith("-") else ""
    is_phrase = part.count('"') == 2  # noqa: PLR2004 - one opens, one closes
    stripped = (word.strip("-") for word in _OPERATORS.sub(" ", part).split())
    words = [word for word in stripped if word]
    if not words:
        return ""
    if is_phrase or (sign and len(words) > 1):
        return f'{sign}"{" ".join(words)}"'
    plain = (word.lower() if word in _WORD_OPERATORS else word for word in words)
    return sign + " ".join(plain)
