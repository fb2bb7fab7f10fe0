"""robots.txt (RFC 9309): what we may fetch of a site and how often, and by which rule."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from protego import Protego
from typing_extensions import override

from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.optout.meaning import ROBOTS_DISALLOW, ROBOTS_UNAVAILABLE
from pixcrawler.pipeline.optout.signal import Saying, Signal, SiteRules
from pixcrawler.pipeline.visits.ports import SiteFile

PRODUCT = "pixcrawler"
"""The product token by which sites address us."""
MAX_BYTES = 500 * 1024
"""Of the file that are read: what RFC 9309 asks for at least."""
MAX_INTERVAL_S = 3600.0
"""Longest Crawl-delay that is obeyed as given; a larger one counts as this."""
MAX_RULE = 2048
"""Characters of a line that are read. Of a longer Disallow the beginning counts, which covers
more; a longer Allow is left out."""
FILES_KEPT = 64
"""Files that are kept parsed, in one process: more sites are seldom visited at once."""
BLOCK = 64
"""Rules that are tried together when the one is looked for that decided."""

_AGENT = re.compile(r"user[- ]?agent[ \t]*[: \t](.*)", re.IGNORECASE)
_TOKEN = re.compile(r"[A-Za-z_-]+|\*")
_RULE = re.compile(
    r"(allow|dis+al+ow|diasllow|disallaw|crawl[- ]delay|request[- ]rate|visit[- ]time"
    r"|content-usage)[ \t]*[: \t](.*)",
    re.IGNORECASE,
)


class RobotsTxt(Signal):
    """Whether robots.txt lets us fetch an address."""

    name = "robots.txt"

    @override
    def of_site(self, url: str, rules: SiteRules) -> Sequence[Saying]:
        """Return the rule that forbids the address, or that nobody knows the rules."""
        if trouble := unavailable(rules.robots):
            return (
                Saying(
                    trouble,
                    rules.robots.url,
                    ROBOTS_UNAVAILABLE.refused,
                    reason=RejectReason.ROBOTS_UNAVAILABLE,
                ),
            )
        rule = group_for_us(rules.robots).forbidding(url)
        if rule is None:
            return ()
        return (
            Saying(
                rule,
                rules.robots.url,
                ROBOTS_DISALLOW.refused,
                rules.robots.sha256,
                RejectReason.DISALLOWED_BY_SITE,
            ),
        )

    @override
    def interval_s(self, rules: SiteRules) -> float:
        """Return the Crawl-delay of the group for us."""
        return group_for_us(rules.robots).interval_s


def unavailable(robots: SiteFile) -> str:
    """Say why nobody knows the site's rules; empty: they are known, or there are none.

    RFC 9309, 2.3.1: 4xx means that there is no file. 429 asks us to come less, so that it
    counts as a server that cannot answer now.
    """
    if robots.status is None:
        return "no answer, so that everything is disallowed"
    if robots.status == 429 or not 200 <= robots.status < 500:  # noqa: PLR2004 - HTTP status
        return f"status {robots.status}, so that everything is disallowed"
    return ""


@dataclass(frozen=True)
class Group:
    """The lines of robots.txt that are for us, as written."""

    lines: tuple[str, ...] = ()

    def forbidding(self, url: str) -> str | None:
        """Return the rule that forbids an address; None: it is allowed."""
        if not self.lines or self._whole.can_fetch(url, PRODUCT):
            return None
        return self._deciding(url)

    @property
    def interval_s(self) -> float:
        """The Crawl-delay, at most ``MAX_INTERVAL_S``; 0 without a usable one."""
        delay = self._whole.crawl_delay(PRODUCT) if self.lines else None
        if delay is None or not math.isfinite(delay):
            return 0.0
        return min(max(delay, 0.0), MAX_INTERVAL_S)

    @cached_property
    def _whole(self) -> Protego:
        return _parsed(self.lines)

    @cached_property
    def _blocks(self) -> list[tuple[Protego, tuple[str, ...]]]:
        """The lines in blocks, longest first: as in the whole file, the longest match decides."""
        by_length = sorted(self.lines, key=_pattern_length, reverse=True)
        cuts = [tuple(by_length[at : at + BLOCK]) for at in range(0, len(by_length), BLOCK)]
        return [(_parsed(_without_allows(cut)), cut) for cut in cuts]

    def _deciding(self, url: str) -> str:
        """Return the longest Disallow that covers an address which some Disallow covers."""
        for block, lines in self._blocks:
            if block.can_fetch(url, PRODUCT):
                continue
            for line in lines:
                if not _parsed((line,)).can_fetch(url, PRODUCT):
                    return line
        return "Disallow"


@lru_cache(maxsize=FILES_KEPT)
def _group(body: bytes) -> Group:
    """Return the lines of a file that are for us: those of our token, else those of ``*``."""
    named: list[str] | None = None
    general: list[str] = []
    for agents, lines in _groups(_lines(body)):
        if PRODUCT in agents:
            named = (named or []) + lines
        elif "*" in agents:
            general += lines
    return Group(tuple(general if named is None else named))


def group_for_us(robots: SiteFile) -> Group:
    """Return the lines that are for us, of a file that was there."""
    if robots.status is None or not 200 <= robots.status < 300:  # noqa: PLR2004 - HTTP status
        return Group()
    return _group(robots.body)


def _lines(body: bytes) -> Iterator[str]:
    """Yield the lines without comments and spaces around; one that was cut off is left out."""
    if len(body) >= MAX_BYTES:
        body = body[:MAX_BYTES].rpartition(b"\n")[0]
    coding = "utf-16" if body[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    for line in body.decode(coding, errors="replace").splitlines():
        if bare := line.partition("#")[0].strip():
            yield bare


def _groups(lines: Iterator[str]) -> Iterator[tuple[set[str], list[str]]]:
    """Yield the groups: whom each addresses, and its lines."""
    agents: set[str] = set()
    rules: list[str] = []
    for line in lines:
        if agent := _AGENT.fullmatch(line):
            if rules:
                yield agents, rules
                agents, rules = set(), []
            token = _TOKEN.match(agent[1].strip())
            agents.add(token[0].lower() if token else "")
        elif agents and (rule := _bounded(line)):
            rules.append(rule)
    if agents:
        yield agents, rules


def _bounded(line: str) -> str:
    """Return a rule as it is or its beginning; empty: it is none, or none that we can keep."""
    rule = _RULE.fullmatch(line)
    if rule is None:
        return ""
    if len(line) <= MAX_RULE:
        return line
    return line[:MAX_RULE].rstrip("%0123456789abcdefABCDEF") if rule[1][0] in "dD" else ""


def _parsed(lines: Sequence[str]) -> Protego:
    return Protego.parse("\n".join(("User-agent: *", *lines)))


def _without_allows(lines: Sequence[str]) -> Sequence[str]:
    return [line for line in lines if not line[:5].lower().startswith("allow")]


def _pattern_length(line: str) -> int:
    rule = _RULE.fullmatch(line)
    return len(rule[2].strip()) if rule else 0
