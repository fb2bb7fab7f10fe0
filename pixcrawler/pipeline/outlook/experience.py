"""Experience: what earlier jobs teach about the next, and what is assumed where there are none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pixcrawler.domain.engine import Access, EngineCard
from pixcrawler.pipeline.limits import IMAGE_MAX_BYTES

PAST_JOBS = 50
"""The last finished jobs that are looked at."""
MIN_JOBS = 5
"""Fewer jobs say less than experience in general."""
MIN_CANDIDATES = 20
"""Of an earlier job that counts: fewer are mostly chance."""
MOST_SHARE, SOME_SHARE = 0.5, 0.1
"""Of an earlier job's candidates: so many, and it tells of the engines that gave them; of a job of
many engines, each gives too few for that, and the whole job has to speak for it."""
MARGIN = 1.25
"""By which the measured tenth and ninetieth part of the jobs are widened: they were other words."""


@dataclass(frozen=True)
class Span:
    """Low, expected and high, in order."""

    low: float
    expected: float
    high: float

    def times(self, other: Span) -> Span:
        """Multiply bound by bound."""
        return Span(self.low * other.low, self.expected * other.expected, self.high * other.high)

    def plus(self, other: Span) -> Span:
        """Add bound by bound."""
        return Span(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def at_most(self, other: Span) -> Span:
        """Cap bound by bound."""
        return Span(
            min(self.low, other.low),
            min(self.expected, other.expected),
            min(self.high, other.high),
        )


SURVIVAL = {
    Access.OWN: Span(0.3, 0.8, 1.0),
    Access.OPEN: Span(0.4, 0.7, 0.95),
    Access.KEY: Span(0.4, 0.7, 0.95),
    Access.OPT_IN: Span(0.2, 0.5, 0.85),
}
"""Share of candidates that are good in the end. Documented engines host what they list, and lose
mostly duplicates and sizes; of other sites' pictures a third is gone, refused or no picture."""

CANDIDATE_BYTES = Span(30_000, 300_000, 2_500_000)
"""Downloaded for each candidate: thumbnails-like pages at one end, originals of collections at the
other; the middle is what search engines' pictures weigh, failures included."""

STATED = Span(0.4, 0.9, 2.0)
"""By how much what is downloaded may differ from what engines state: some is gone, some is of
another size, and a page is a small sample of a long tail."""

CANDIDATE_S = Span(0.005, 0.1, 1.0)
"""For each candidate: two hundred a second, as fast as can be decoded; or one, with slow sites."""

OVERHEAD_S = Span(2.0, 20.0, 120.0)
"""For what does not depend on the number: expanding, asking, deduplicating, packaging."""


@dataclass(frozen=True)
class PastJob:
    """A finished job, as far as the next one can learn from it."""

    engines: Mapping[str, int]
    """Candidates that each engine gave."""
    candidates: int
    good: int
    """Kept, or left out only because there were enough."""
    bytes: int
    """Downloaded."""
    seconds: float
    """From its start to its end."""


class PastJobs(Protocol):
    """Remembers finished jobs."""

    def recent(self, most: int) -> Sequence[PastJob]:
        """Return the last finished jobs of the whole service, the newest first."""
        ...


def survival_of(card: EngineCard, past: Sequence[PastJob]) -> tuple[Span, str]:
    """Return the share of an engine's candidates that are good in the end, and how it is known."""
    for share, words in ((MOST_SHARE, "on this engine"), (SOME_SHARE, "with this engine")):
        jobs = _jobs_on({card.name}, past, share)
        if len(jobs) >= MIN_JOBS:
            span = _spread(jobs, lambda job: min(1.0, job.good / job.candidates))
            return span.at_most(Span(1.0, 1.0, 1.0)), f"the last {len(jobs)} jobs {words}"
    return SURVIVAL[card.access], "experience in general: too few earlier jobs used this engine"


def candidate_bytes(
    engines: Collection[str], past: Sequence[PastJob], stated: Sequence[int] = (), finds: int = 0
) -> Span:
    """Return the bytes that are downloaded for each candidate.

    Args:
        engines: that are asked.
        past: finished jobs.
        stated: bytes of pictures in the sample, as engines say.
        finds: of the sample, whether their bytes are stated or not.
    """
    jobs = _jobs_on(engines, past)
    if len(jobs) >= MIN_JOBS:
        return _spread(jobs, lambda job: job.bytes / job.candidates)
    if len(stated) < MIN_CANDIDATES:
        return CANDIDATE_BYTES
    mean = sum(min(size, IMAGE_MAX_BYTES) for size in stated) / len(stated)
    share = min(1.0, len(stated) / max(1, finds))
    by_word = Span(mean, mean, mean).times(STATED).times(Span(share, share, share))
    return by_word.plus(CANDIDATE_BYTES.times(Span(1 - share, 1 - share, 1 - share)))


def candidate_s(engines: Collection[str], past: Sequence[PastJob]) -> Span | None:
    """Return the seconds for each candidate, beside the overhead; None when nobody knows."""
    jobs = _jobs_on(engines, past)
    if len(jobs) < MIN_JOBS:
        return None
    return _spread(jobs, lambda job: max(0.0, job.seconds - OVERHEAD_S.low) / job.candidates)


def _jobs_on(
    engines: Collection[str], past: Sequence[PastJob], share: float = MOST_SHARE
) -> list[PastJob]:
    """The jobs that got at least a share of their candidates from these engines."""
    return [
        job
        for job in past
        if job.candidates >= MIN_CANDIDATES
        and sum(job.engines.get(name, 0) for name in engines)
        >= max(1, share * sum(job.engines.values()))
    ]


def _spread(jobs: Sequence[PastJob], value: Callable[[PastJob], float]) -> Span:
    """The tenth, the middle and the ninetieth part of what the jobs had, a little wider."""
    values = sorted(map(value, jobs))
    last = len(values) - 1
    low, middle, high = (values[round(part * last)] for part in (0.1, 0.5, 0.9))
    return Span(low / MARGIN, middle, high * MARGIN)
