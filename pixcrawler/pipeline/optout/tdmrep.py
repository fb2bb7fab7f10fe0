"""TDM Reservation Protocol (W3C): a reservation in a file of the site, or in a header."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from typing_extensions import override

from pixcrawler.pipeline.optout.meaning import TDM_RESERVATION
from pixcrawler.pipeline.optout.parsed import kept
from pixcrawler.pipeline.optout.paths import MAX_PATTERN, PathPattern, path_of
from pixcrawler.pipeline.optout.signal import Headers, Saying, Signal, SiteRules, is_there

PATH = "/.well-known/tdmrep.json"
LOCATION = "location"
RESERVATION = "tdm-reservation"
POLICY = "tdm-policy"
MAX_BYTES = 500 * 1024


class TdmRep(Signal):
    """Whether rights are reserved, by the file for the path or by the header for the answer.

    By the protocol, a header outdoes the file. Here it cannot: what the file reserves is not
    asked for, and of the two the more restrictive counts.
    """

    name = "tdmrep"

    @override
    def of_site(self, url: str, rules: SiteRules) -> Sequence[Saying]:
        file = rules.tdmrep
        if not is_there(file):
            return ()
        path = path_of(url)
        for rule in _rules(file.body):
            if rule.pattern.matches(path):
                refused = TDM_RESERVATION[rule.reservation].refused
                return (Saying(rule.written, file.url, refused, file.sha256),)
        return ()

    @override
    def of_answer(self, url: str, headers: Headers) -> Sequence[Saying]:
        values = _values(headers, RESERVATION)
        reserved = next((value for value in (1, 0) if str(value) in values), None)
        if reserved is None:
            return ()
        policy = next(iter(_values(headers, POLICY)), "")
        return (Saying(_written(reserved, policy), "header", TDM_RESERVATION[reserved].refused),)


@dataclass(frozen=True, slots=True)
class Rule:
    """One object of the file."""

    pattern: PathPattern
    reservation: int
    written: str


def _values(headers: Headers, wanted: str) -> list[str]:
    """Return what a header says, sent once or often, or joined by a proxy."""
    return [
        part.strip()
        for name, value in headers
        if name.lower() == wanted
        for part in value.split(",")
    ]


def _written(reservation: int, policy: str) -> str:
    """Return a reservation in few words; where nothing is reserved, a policy means nothing."""
    return f"{RESERVATION}: {reservation}" + (
        f", {POLICY}: {policy}" if policy and reservation else ""
    )


@kept
def _rules(body: bytes) -> tuple[Rule, ...]:
    """Return the rules of a file in order; the first that covers a path counts.

    Of anything that is no array of objects nothing is kept, nor of an object with another
    reservation than 0 and 1, which is unset.
    """
    try:
        found = json.loads(body[:MAX_BYTES].decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return ()
    return tuple(_usable(found)) if isinstance(found, list) else ()


def _usable(found: list[object]) -> Iterator[Rule]:
    for entry in found:
        if not isinstance(entry, dict):
            continue
        location, reservation, policy = (entry.get(key) for key in (LOCATION, RESERVATION, POLICY))
        if not isinstance(location, str) or not 0 < len(location) <= MAX_PATTERN:
            continue
        # No bool, which is an int to Python, and no 1.0.
        if type(reservation) is int and reservation in TDM_RESERVATION:
            written = _written(reservation, policy if isinstance(policy, str) else "")
            yield Rule(PathPattern(location), reservation, f"{location} {written}")
