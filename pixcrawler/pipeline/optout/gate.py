"""The gate: every signal is heard, the most restrictive decides, and what decided is kept."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pixcrawler.domain.purpose import Purpose
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.domain.visit import Finding
from pixcrawler.pipeline.optout.c2pa import C2pa
from pixcrawler.pipeline.optout.content_usage import ContentUsage
from pixcrawler.pipeline.optout.metadata import Metadata
from pixcrawler.pipeline.optout.robots import MAX_INTERVAL_S, RobotsTxt
from pixcrawler.pipeline.optout.signal import Headers, Saying, Signal, SiteRules
from pixcrawler.pipeline.optout.tdmrep import TdmRep
from pixcrawler.pipeline.optout.x_robots import XRobotsTag
from pixcrawler.pipeline.visits.body import Body

BUILT_IN: tuple[type[Signal], ...] = (
    RobotsTxt,
    XRobotsTag,
    TdmRep,
    ContentUsage,
    Metadata,
    C2pa,
)
"""In the order in which they are told; of two that refuse as much, the first decides."""

MAX_FINDINGS = 8
"""Of one signal that are kept: a receipt is evidence, not a copy."""
RULE_LENGTH = 500
"""Characters of a rule that a finding keeps."""
SOURCE_LENGTH = 4096
"""Characters of an address that a finding keeps."""

log = logging.getLogger("pixcrawler.optout")

T = TypeVar("T")


@dataclass(frozen=True)
class Ruling:
    """What the signals say together."""

    findings: tuple[Finding, ...] = ()
    """All that was said, whether it refuses or not."""
    interval_s: float = 0.0
    """Between two requests to the site, as it wants; 0: it does not say."""
    refusal: Finding | None = None
    """The one that decides: of those that refuse, the one that refuses most purposes."""
    reason: RejectReason | None = None
    """Why there will be no image; None: nothing refuses."""


class Gate:
    """Hears every signal for one purpose."""

    def __init__(
        self,
        purpose: Purpose,
        ignored: frozenset[str] = frozenset(),
        further: Sequence[Signal] = (),
    ) -> None:
        """Take the signals of ours and ``further`` ones, without those that are ignored.

        Raises:
            ValueError: a name is ignored that no signal has.
        """
        known = (*(signal() for signal in BUILT_IN), *further)
        if unknown := ignored - {signal.name for signal in known}:
            raise ValueError(
                f"no signal is called {', '.join(sorted(unknown))}; "
                f"there are: {', '.join(signal.name for signal in known)}"
            )
        self._purpose = purpose
        self._signals = tuple(signal for signal in known if signal.name not in ignored)

    @property
    def checked(self) -> tuple[str, ...]:
        """Names of the signals that are looked at."""
        return tuple(signal.name for signal in self._signals)

    def of_site(self, url: str, rules: SiteRules) -> Ruling:
        """Judge an address by its site's files, before it is asked for."""
        interval_s = max(
            (_heard(signal, lambda s: _interval_s(s, rules), 0.0) for signal in self._signals),
            default=0.0,
        )
        return self._ruling(lambda signal: signal.of_site(url, rules), interval_s)

    def of_answer(self, url: str, headers: Headers) -> Ruling:
        """Judge an answer by its headers, before its body is read."""
        return self._ruling(lambda signal: signal.of_answer(url, headers))

    def of_body(self, body: Body) -> Ruling:
        """Judge an image by what its bytes say of it."""
        return self._ruling(lambda signal: signal.of_body(body))

    def _ruling(self, ask: Callable[[Signal], Iterable[Saying]], interval_s: float = 0.0) -> Ruling:
        """Return what all signals say, and which of it decides."""
        told: list[tuple[Saying, Finding]] = []
        for signal in self._signals:
            told += _heard(signal, lambda s: self._findings(s, ask(s)), [])
        refusing = [(saying, finding) for saying, finding in told if finding.refuses]
        # max() keeps the first of equals.
        decides = max(refusing, key=lambda one: len(one[0].refused), default=None)
        return Ruling(
            findings=tuple(finding for _, finding in told),
            interval_s=interval_s,
            refusal=decides[1] if decides else None,
            reason=decides[0].reason if decides else None,
        )

    def _findings(self, signal: Signal, sayings: Iterable[Saying]) -> list[tuple[Saying, Finding]]:
        """Return what a signal says with what of it is kept."""
        return [
            (
                saying,
                Finding(
                    signal=signal.name,
                    rule=saying.rule[:RULE_LENGTH],
                    source=saying.source[:SOURCE_LENGTH],
                    digest=saying.digest,
                    refuses=self._purpose in saying.refused,
                ),
            )
            # What refuses most goes first, so that it is never what is left out.
            for saying in sorted(sayings, key=lambda one: -len(one.refused))[:MAX_FINDINGS]
        ]


def _interval_s(signal: Signal, rules: SiteRules) -> float:
    """Return a wait that hosts' desks can bear, whatever a signal of others makes of a file."""
    told = float(signal.interval_s(rules))
    return 0.0 if math.isnan(told) else max(0.0, min(told, MAX_INTERVAL_S))


def _heard(signal: Signal, ask: Callable[[Signal], T], silence: T) -> T:
    """Return what a signal says; one that breaks on what it was given says nothing."""
    try:
        return ask(signal)
    except Exception:
        log.exception("optout.signal_failed", extra={"signal": signal.name})
        return silence
