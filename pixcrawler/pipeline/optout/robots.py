"""robots.txt (RFC 9309): what we may fetch of a site and how often, and by which rule.

Which lines are for us is found out here, what they come to by protego. It could do both, but
2,000 user agents before 2,000 rules keep it busy for seconds, and for minutes in 500 KiB.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus

from protego import Protego
from typing_extensions import override

from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.optout.meaning import ROBOTS_DISALLOW, ROBOTS_UNAVAILABLE
from pixcrawler.pipeline.optout.parsed import kept
from pixcrawler.pipeline.optout.paths import MAX_PATTERN, PathPattern, path_of
from pixcrawler.pipeline.optout.signal import Saying, Signal, SiteRules, is_there
from pixcrawler.pipeline.visits.ports import SiteFile

PRODUCT = "pixcrawler"
"""The product token by which sites address us."""
MAX_BYTES = 500 * 1024
"""Of the file that are read: what RFC 9309 asks for at least."""
MAX_INTERVAL_S = 3600.0
"""Longest Crawl-delay; a longer one counts as this."""
MAX_WILDCARDS = 10_000
"""In the lines for us. Each costs up to 4 microseconds an address; whoever writes more of them
than any site needs is not visited at all."""
ALLOWED = "allows it"
"""Told where there is a robots.txt and no rule of it forbids an address."""
UNCERTAIN = "Disallow, by an uncertain line"
"""Told where only the library sees a rule cover an address: ``/%`` covers ``/?`` to it."""

_AGENT = re.compile(r"user[- ]?agent[ \t]*[: \t](.*)", re.IGNORECASE)
_TOKEN = re.compile(r"[A-Za-z_-]+|\*")
# What ends a list of user agents; with the spellings of Disallow that protego understands.
_RULE = re.compile(
    r"(allow|dis+allow|dis+alow|diasllow|disallaw|crawl[- ]delay|request[- ]rate|visit[- ]time"
    r"|content-usage)[ \t]*[: \t](.*)",
    re.IGNORECASE,
)


class RobotsTxt(Signal):
    """Whether robots.txt lets us fetch an address."""

    name = "robots.txt"

    @override
    def of_site(self, url: str, rules: SiteRules) -> Sequence[Saying]:
        robots = rules.robots
        if trouble := unavailable(robots):
            why = ROBOTS_UNAVAILABLE.refused
            return (Saying(trouble, robots.url, why, reason=RejectReason.ROBOTS_UNAVAILABLE),)
        if not is_there(robots):
            return ()
        rule = group_for_us(robots).forbidding(url)
        if rule is None:
            # What was asked first, and by its digest what it said, is evidence for the receipt.
            return (Saying(ALLOWED, robots.url, digest=robots.sha256),)
        forbidden = RejectReason.DISALLOWED_BY_SITE
        return (Saying(rule, robots.url, ROBOTS_DISALLOW.refused, robots.sha256, forbidden),)

    @override
    def interval_s(self, rules: SiteRules) -> float:
        return group_for_us(rules.robots).interval_s


def unavailable(robots: SiteFile) -> str:
    """Say why nobody knows the site's rules; empty: they are known, or there are none.

    RFC 9309, 2.3.1: 4xx means that there is no file, and so do too many redirects. 429 asks us
    to come less, so that it counts as a server that cannot answer now.
    """
    if robots.status is None:
        return "no answer, so that everything is disallowed"
    is_answer = HTTPStatus.OK <= robots.status < HTTPStatus.INTERNAL_SERVER_ERROR
    if not is_answer or robots.status == HTTPStatus.TOO_MANY_REQUESTS:
        return f"status {robots.status}, so that everything is disallowed"
    return ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a group."""

    line: str
    """As written, without comment."""
    field: str
    """Lower case."""
    value: str


class Group:
    """The rules of robots.txt that are for us."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self.rules = rules
        self._is_too_much = sum(rule.value.count("*") for rule in rules) > MAX_WILDCARDS
        lines = () if self._is_too_much else (rule.line for rule in rules)
        self._judge = Protego.parse("\n".join(("User-agent: *", *lines)))

    def forbidding(self, url: str) -> str | None:
        """Return the rule that forbids an address; None: it is allowed."""
        if self._is_too_much:
            return f"more than {MAX_WILDCARDS} wildcards, so that everything is disallowed"
        if self._judge.can_fetch(url, PRODUCT):
            return None
        path = path_of(url)
        decides = (rule.line for rule, pattern in self._forbidding if pattern.matches(path))
        return next(decides, UNCERTAIN)

    @property
    def interval_s(self) -> float:
        """The Crawl-delay; 0 without a usable one. What is negative or no number is none."""
        return min(self._judge.crawl_delay(PRODUCT) or 0.0, MAX_INTERVAL_S)

    @cached_property
    def _forbidding(self) -> list[tuple[Rule, PathPattern]]:
        """What disallows, longest first: the longest match decides."""
        rules = [rule for rule in self.rules if rule.field.startswith("di") and rule.value]
        rules.sort(key=lambda rule: len(rule.value), reverse=True)
        return [(rule, PathPattern(rule.value)) for rule in rules]


def group_for_us(robots: SiteFile) -> Group:
    """Return the rules that are for us; none of a file that is not there."""
    return group_of(robots.body if is_there(robots) else b"")


@kept
def group_of(body: bytes) -> Group:
    """Return the rules of a file for our token; where it is not named, those for ``*``."""
    named: list[Rule] = []
    general: list[Rule] = []
    is_named = False
    for agents, rules in _groups(_lines(body)):
        if PRODUCT in agents:
            is_named = True
            named.extend(rules)
        elif "*" in agents:
            general.extend(rules)
    return Group(named if is_named else general)


def _lines(body: bytes) -> Iterator[str]:
    """Yield the lines without comments and spaces around; one that was cut off is left out."""
    if len(body) >= MAX_BYTES:
        end = max(body.rfind(line_end, 0, MAX_BYTES) for line_end in (b"\n", b"\r"))
        body = body[: max(end, 0)]
    coding = "utf-16" if body[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    for line in body.decode(coding, errors="replace").splitlines():
        if bare := line.partition("#")[0].strip():
            yield bare


def _groups(lines: Iterable[str]) -> Iterator[tuple[set[str], list[Rule]]]:
    """Yield the groups: whom each is for, and its rules."""
    agents: set[str] = set()
    rules: list[Rule] = []
    for line in lines:
        if agent := _AGENT.fullmatch(line):
            if rules:
                yield agents, rules
                agents, rules = set(), []
            token = _TOKEN.match(agent[1].strip())
            agents.add(token[0].lower() if token else "")
        elif agents and (rule := _rule(line)):
            rules.append(rule)
    yield agents, rules


def _rule(line: str) -> Rule | None:
    """Return the rule of a line, cut to a length that can be matched.

    Of a longer Disallow the beginning counts, which covers more; a longer Allow counts not.
    """
    match = _RULE.fullmatch(line)
    if match is None:
        return None
    field, value = match[1].lower(), match[2].strip()
    if len(value) <= MAX_PATTERN:
        return Rule(line, field, value)
    if not field.startswith("di"):
        return None
    # Not in the midst of an escape.
    value = re.sub(r"%.?$", "", value[:MAX_PATTERN])
    return Rule(f"Disallow: {value}", field, value)
