"""Placeholders: pictures that stand in for those that were asked for, told by how they are given.

What is told apart is not how a picture looks but from where it came: a picture that nobody else
gives and that comes from one address is never one, whatever it shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pixcrawler.domain.image import ImageFacts
from pixcrawler.domain.job import UPLOAD_ENGINE, URL_ENGINE
from pixcrawler.domain.model import Value
from pixcrawler.domain.source import Candidate
from pixcrawler.domain.verdict import Outcome, RejectReason, Verdict
from pixcrawler.domain.visit import Visit
from pixcrawler.pipeline.discovery.addresses.form import Form, form_of
from pixcrawler.pipeline.limits import (
    PLACEHOLDER_ADDRESSES,
    PLACEHOLDER_KEYWORDS,
    PLACEHOLDER_REDIRECTS,
    PLACEHOLDER_SITES,
)
from pixcrawler.pipeline.pictures import names
from pixcrawler.pipeline.visits.ports import Placeholder

_OWN_ENGINES = (URL_ENGINE, UPLOAD_ENGINE)
_HASH_BITS = range(12, 53)
"""Set bits of a perceptual hash that tells pictures apart: a picture of hardly any structure, as
one stripe, has few, and shares them with others."""
_LENGTH_SPREAD = 1.1
"""Longest by shortest file of one picture that is written anew for each visitor."""


class StandIn(Value):
    """A valid image that is left out because it stands in for the one that was asked for."""

    key: str
    """Of its candidate."""
    detail: str


@dataclass(frozen=True)
class Placeholders:
    """What a job shows of placeholders."""

    stand_ins: tuple[StandIn, ...]
    """One for each valid image that is one, in the order of their keys."""
    learned: tuple[Placeholder, ...]
    """What other jobs may rely on: a host's own doing, at addresses that search engines gave."""


class _Given(NamedTuple):
    """A picture, and one address that it came from."""

    candidate: Candidate
    visit: Visit | None
    asked: Form
    final: Form
    name: str
    """Of the picture that was asked for."""
    is_moved: bool
    """Redirects led to another picture than the one asked for."""
    is_led: bool
    """A search engine led to it, not only the user's own list."""
    sha256: str
    bytes: int
    """0 for what was known for a placeholder, and so is no valid image."""

    @property
    def is_direct(self) -> bool:
        """It was asked for where it is."""
        same_host = self.final.authority == self.asked.authority
        return same_host and self.final.path == self.asked.path


class _Finding(NamedTuple):
    """Where a picture is given as a stand-in, and for how many addresses."""

    addresses: int
    where: str


_Group = Sequence[_Given]


def find_placeholders(verdicts: Iterable[Verdict]) -> Placeholders:
    """Return which valid images of a job stand in for others.

    A function of the set of verdicts, whatever their order. Three things give a stand-in away:
    different pictures were asked for and redirects led to the same one; one host gives it under
    many names; or many sites give the same bytes for different keywords. Words such as
    ``removed`` in the path make one address less do. A user's uploads are never looked at, a
    user's own list is judged by what single hosts do only.
    """
    found: dict[str, str] = {}
    learned: list[Placeholder] = []
    verdicts = list(verdicts)
    for group in _sharing(verdicts, _content):
        at_hosts = _at_hosts(group, _is_stand_in)
        found |= _told(group, at_hosts)
        learned += _lessons(group, at_hosts)
    for group in _sharing(verdicts, lambda verdict: _look(verdict.facts)):
        for host, finding in _at_hosts(group, _is_redrawn).items():
            for given in group:
                if given.final.authority == host:
                    found.setdefault(given.candidate.key, _detail(finding))
    stand_ins = tuple(StandIn(key=key, detail=found[key]) for key in sorted(found))
    return Placeholders(stand_ins, tuple(sorted(learned, key=lambda one: (one.host, one.sha256))))


def giver_of(outcome: Outcome) -> str | None:
    """Return the host, with port, that gave the bytes; None for what is not from the web."""
    form = form_of(outcome.final_url or outcome.address)
    return form.authority if form else None


# ------------------------------------------------------------------ groups of one picture


def _content(verdict: Verdict) -> str | None:
    """The bytes of a valid image, and of one that was known for a placeholder already."""
    if verdict.facts is not None:
        return verdict.facts.sha256
    visit = verdict.outcome.visit
    return visit.sha256 if visit and verdict.reason is RejectReason.PLACEHOLDER else None


def _look(facts: ImageFacts | None) -> tuple[str, int, int] | None:
    """What two files of one picture share; None where that says too little."""
    if facts is None or int(facts.phash, 16).bit_count() not in _HASH_BITS:
        return None
    return facts.phash, facts.width, facts.height


def _sharing(
    verdicts: Sequence[Verdict], picture: Callable[[Verdict], object | None]
) -> Iterator[_Group]:
    """Yield what is the same picture from more than one address; uploads are not looked at."""
    same: defaultdict[object, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        found = picture(verdict)
        if found is not None:
            same[found].append(verdict)
    for group in same.values():
        if len(group) > 1:
            yield [given for verdict in group if (given := _given(verdict))]


def _given(verdict: Verdict) -> _Given | None:
    outcome, candidate = verdict.outcome, verdict.outcome.candidate
    asked = form_of(outcome.address)
    is_there = outcome.final_url in (None, outcome.address)
    final = asked if is_there else form_of(outcome.final_url or "")
    if asked is None or final is None:
        return None
    name = names.picture_name(asked)
    finds = (candidate.provenance, *candidate.also_found)
    return _Given(
        candidate,
        outcome.visit,
        asked,
        final,
        name,
        is_moved=final.path != asked.path and names.picture_name(final) != name,
        is_led=any(find.engine not in _OWN_ENGINES for find in finds),
        sha256=_content(verdict) or "",
        bytes=verdict.facts.bytes if verdict.facts else 0,
    )


# ------------------------------------------------------------------ rules


def _at_hosts(group: _Group, is_one: Callable[[_Group], bool]) -> dict[str, _Finding]:
    """Return the hosts that give the picture as a stand-in."""
    by_host: defaultdict[str, list[_Given]] = defaultdict(list)
    for given in group:
        by_host[given.final.authority].append(given)
    return {
        host: _Finding(_addresses(given), host) for host, given in by_host.items() if is_one(given)
    }


def _is_redrawn(group: _Group) -> bool:
    """Files that look the same are one stand-in, written anew, only when they are as long."""
    lengths = [given.bytes for given in group]
    return max(lengths) <= _LENGTH_SPREAD * min(lengths) and _is_stand_in(group)


def _is_stand_in(group: _Group) -> bool:
    """Say whether one host gives one picture instead of others."""
    less = _less(group)
    group = group if less else _without_merged(group)
    return _is_led_to(group, less) or _is_under_many_names(group, less)


def _less(group: _Group) -> int:
    """How many addresses fewer do, because of what the picture is called."""
    return 1 if any(names.gives_itself_away(given.final) for given in group) else 0


def _without_merged(group: _Group) -> _Group:
    """Leave out redirects to where the picture is also asked for: it was found for what it shows.

    Others may have been merged into it, or anybody may redirect to it.
    """
    direct = {given.final.path for given in group if given.is_direct}
    return [given for given in group if given.is_direct or given.final.path not in direct]


def _is_led_to(group: _Group, less: int) -> bool:
    """Different pictures were asked for, and redirects led to this one."""
    wishes: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
    for given in group:
        if given.is_moved:
            wishes[given.final.path].add(names.wish(given.asked, given.name))
    return any(len(asked) >= PLACEHOLDER_REDIRECTS - less for asked in wishes.values())


def _is_under_many_names(group: _Group, less: int) -> bool:
    asked = {given.name for given in group}
    if names.is_platform(group[0].final):
        return len(asked) >= PLACEHOLDER_SITES - less and _is_for_anything(group, less)
    return len(asked) >= PLACEHOLDER_ADDRESSES - less


def _is_for_anything(group: _Group, less: int) -> bool:
    """Say whether the picture was found for keywords that have nothing to do with each other."""
    keywords = {(given.candidate.category, given.candidate.keyword) for given in group}
    categories = {category for category, _ in keywords}
    return len(keywords) >= PLACEHOLDER_KEYWORDS - less and len(categories) >= 2 - less


def _addresses(group: _Group) -> int:
    return len({given.candidate.key for given in group})


# ------------------------------------------------------------------ what follows


def _told(group: _Group, at_hosts: dict[str, _Finding]) -> dict[str, str]:
    """Return the stand-ins among the copies of one picture, and why they are."""
    everywhere = _everywhere(group, at_hosts)
    found = {}
    for given in group:
        finding = at_hosts.get(given.final.authority) or (everywhere if given.is_led else None)
        if finding and given.bytes:
            found[given.candidate.key] = _detail(finding)
    return found


def _everywhere(group: _Group, at_hosts: dict[str, _Finding]) -> _Finding | None:
    """Say what makes every copy a stand-in, also those of hosts that gave it once.

    A host may fill its gaps with a picture that others show for what it is: it stays theirs when
    more addresses are theirs.
    """
    led = [given for given in group if given.is_led]
    sites, less = {names.site_of(given.final) for given in led}, _less(group)
    if len(sites) >= PLACEHOLDER_SITES - less and _is_for_anything(led, less):
        return _Finding(_addresses(led), f"{len(sites)} unrelated sites")
    most = max(at_hosts.values(), default=None)
    filling = sum(finding.addresses for finding in at_hosts.values())
    return most if 2 * filling > _addresses(group) else None


def _detail(finding: _Finding) -> str:
    return f"given for {finding.addresses} addresses at {finding.where}"


def _lessons(group: _Group, at_hosts: dict[str, _Finding]) -> Iterator[Placeholder]:
    """Yield what other jobs may rely on: no list that a user wrote can make it up.

    Only redirects within a site count, because anybody can redirect to the picture of another;
    and of a platform nothing else does, because anybody can put a picture there many times.
    """
    for host in at_hosts:
        given = [one for one in group if one.final.authority == host and _teaches(one)]
        seen = [one.visit.at for one in given if one.visit]
        if given and _is_its_own_doing(given):
            yield Placeholder(host, given[0].sha256, _addresses(given), max(seen))


def _teaches(given: _Given) -> bool:
    of_itself = names.site_of(given.asked) == names.site_of(given.final)
    return given.is_led and of_itself and given.visit is not None


def _is_its_own_doing(group: _Group) -> bool:
    if names.is_platform(group[0].final):
        return _is_led_to(_without_merged(group), _less(group))
    return _is_stand_in(group)
