"""Content-Usage (IETF AIPREF): preferences for AI, in a header or in robots.txt.

The header is a Dictionary of RFC 9651. That grammar is not nested, so that a few regular
expressions are all of it; a library would be one more package for them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from typing_extensions import override

from pixcrawler.pipeline.optout.meaning import TRAIN_AI
from pixcrawler.pipeline.optout.parsed import kept
from pixcrawler.pipeline.optout.paths import PathPattern, path_of
from pixcrawler.pipeline.optout.robots import group_of
from pixcrawler.pipeline.optout.signal import Headers, Saying, Signal, SiteRules, is_there

FIELD = "content-usage"
CATEGORY = "train-ai"
MAX_LENGTH = 8 * 1024
"""Characters of all such headers together; more of them are no preference but an attack."""

# RFC 9651, 3 and 4.2. Possessive (++, *+) throughout: nothing is ever tried twice.
_KEY = r"[a-z*][a-z0-9_.*-]*+"
_STRING = r'"(?:[ !#-\[\]-~]|\\["\\])*+"'
_WORD = r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*+"
_NUMBER = r"-?(?:[0-9]{1,12}\.[0-9]{1,3}|[0-9]{1,15})(?![0-9.])"
_BINARY = r":[A-Za-z0-9+/=]*+:"
_DATE = r"@-?[0-9]{1,15}(?![0-9.])"
_DISPLAY = r'%"(?:[ !#$&-~]|%[0-9a-f]{2})*+"'
_BARE = rf"(?:{_STRING}|{_WORD}|{_NUMBER}|{_BINARY}|\?[01]|{_DATE}|{_DISPLAY})"
_PARAMETERS = rf"(?:;[ ]*+{_KEY}(?:={_BARE})?+)*+"
_ITEM = rf"{_BARE}{_PARAMETERS}"
_INNER = rf"\([ ]*+(?:{_ITEM}(?:[ ]++|(?=\))))*+\){_PARAMETERS}"
_MEMBER = re.compile(
    rf"({_KEY})(?:=(?:({_BARE}){_PARAMETERS}|{_INNER})|{_PARAMETERS})(?:[ \t]*+(,)[ \t]*+|\Z)"
)


class ContentUsage(Signal):
    """Whether ``train-ai`` is allowed: n in any place refuses, whatever another place says."""

    name = FIELD

    @override
    def of_site(self, url: str, rules: SiteRules) -> Sequence[Saying]:
        """Return the preferences of the longest path in robots.txt that covers the address."""
        robots = rules.robots
        if not is_there(robots):
            return ()
        path = path_of(url)
        covering = [one for one in _preferences(robots.body) if one.pattern.matches(path)]
        longest = max((one.pattern.length for one in covering), default=0)
        return [
            Saying(one.line, robots.url, TRAIN_AI[one.preference].refused, robots.sha256)
            for one in covering
            if one.pattern.length == longest
        ]

    @override
    def of_answer(self, url: str, headers: Headers) -> Sequence[Saying]:
        value = ", ".join(value for name, value in headers if name.lower() == FIELD)
        preference = preference_of(value)
        if preference is None:
            return ()
        return (Saying(f"{CATEGORY}={preference}", "header", TRAIN_AI[preference].refused),)


def preference_of(value: str) -> str | None:
    """Return ``y`` or ``n``, what a Dictionary says of ``train-ai``; None: nothing."""
    said = dictionary(value).get(CATEGORY)
    return said if said in TRAIN_AI else None


def dictionary(value: str) -> dict[str, str]:
    """Return the members of a Dictionary as written, without parameters.

    One that breaks the grammar is ignored as a whole (RFC 9651, 4.2); of a repeated key, the
    last member counts. What has no value, or several, is there as an empty text.
    """
    value = value.strip(" ")
    found: dict[str, str] = {}
    at, comma = 0, ","
    while comma and len(value) <= MAX_LENGTH:
        member = _MEMBER.match(value, at)
        if member is None:
            return {}
        found[member[1]] = member[2] or ""
        at, comma = member.end(), member[3]
    return found


@dataclass(frozen=True, slots=True)
class Preference:
    """One Content-Usage line of robots.txt that is for us."""

    pattern: PathPattern
    preference: str
    line: str


@kept
def _preferences(body: bytes) -> Sequence[Preference]:
    found = []
    for rule in group_of(body).rules:
        if rule.field != FIELD:
            continue
        path, value = "", rule.value
        if value.startswith("/"):
            path, *others = value.split(maxsplit=1)
            value = "".join(others)
        if preference := preference_of(value):
            found.append(Preference(PathPattern(path), preference, rule.line))
    return found
