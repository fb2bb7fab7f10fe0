"""Estimating: a sample of the engines and earlier jobs become intervals for a job."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.estimate import (
    CREDITS_PER_IMAGE,
    Counts,
    EngineOutlook,
    Estimate,
    Measures,
)
from pixcrawler.domain.job import Budget, JobSpec
from pixcrawler.domain.source import SearchQuery
from pixcrawler.pipeline.limits import MIN_ROUND_CANDIDATES, OVERSAMPLE
from pixcrawler.pipeline.outlook.availability import available
from pixcrawler.pipeline.outlook.experience import (
    CANDIDATE_S,
    OVERHEAD_S,
    PastJob,
    Span,
    candidate_bytes,
    candidate_s,
    survival_of,
)
from pixcrawler.pipeline.outlook.sampling import Sample

MEANING = (
    "Low and high are meant to hold in about four jobs out of five; expected is the middle. "
    "They come from a few first pages of each engine and from how earlier jobs went, not from a "
    "trial run."
)
_NEVER = 1e12
_DAY_S = 86_400


def estimated(
    spec: JobSpec,
    queries: Sequence[SearchQuery],
    samples: Sequence[Sample],
    past: Sequence[PastJob],
    at: datetime,
) -> Estimate:
    """Return what a job would give and cost. Pure; more wanted never costs less."""
    outlooks = [_outlook(sample, queries, past) for sample in samples]
    overlap = _overlap(samples)
    per_candidate = _candidate_bytes(spec, samples, past)
    candidates = _together(outlooks, overlap).at_most(_budget(spec.budget, samples, per_candidate))
    survival = _survival(outlooks)
    wanted = Span(spec.max_images, spec.max_images, spec.max_images)
    taken = _taken(candidates, survival, spec.max_images)
    images = _counts(candidates.times(survival).at_most(wanted))
    return Estimate(
        wanted=spec.max_images,
        found=len(frozenset[str]().union(*(sample.keys for sample in samples))),
        overlap=round(overlap, 4),
        candidates=_counts(candidates),
        images=images,
        bytes=_counts(taken.times(per_candidate)),
        minutes=_minutes(taken, samples, candidate_s(spec.engines, past)),
        credits=Counts(
            low=images.low * CREDITS_PER_IMAGE,
            expected=images.expected * CREDITS_PER_IMAGE,
            high=images.high * CREDITS_PER_IMAGE,
        ),
        engines=tuple(outlooks),
        meaning=MEANING,
        assumptions=_assumptions(spec, outlooks),
        created_at=at,
    )


def _outlook(
    sample: Sample, queries: Sequence[SearchQuery], past: Sequence[PastJob]
) -> EngineOutlook:
    """One engine's promise; none of one that stands by."""
    survival, source = survival_of(sample.card, past)
    span = available(sample, queries)
    trouble = sample.trouble
    status = EngineStatus.OK if sample.keys else EngineStatus.EMPTY
    if sample.stands_by_for:
        status = EngineStatus.OK
    return EngineOutlook(
        engine=sample.card.name,
        status=trouble.status if trouble else status,
        kind=trouble.kind if trouble else None,
        detail=trouble.detail if trouble else None,
        stands_by_for=sample.stands_by_for,
        asked=len(sample.tastes),
        queries=len(sample.queries),
        found=len(sample.keys),
        candidates=_counts(span),
        survival=_measures(survival),
        survival_from=source,
        images=_counts(span.times(survival)),
    )


def _candidate_bytes(spec: JobSpec, samples: Sequence[Sample], past: Sequence[PastJob]) -> Span:
    tastes = [taste for sample in samples for taste in sample.tastes]
    stated = [size for taste in tastes for size in taste.stated_bytes]
    return candidate_bytes(spec.engines, past, stated, sum(len(taste.keys) for taste in tastes))


def _overlap(samples: Sequence[Sample]) -> float:
    """Share of the sample's finds that are in it more than once."""
    finds = sum(len(sample.keys) for sample in samples)
    return 1 - len(frozenset[str]().union(*(one.keys for one in samples))) / finds if finds else 0.0


def _together(outlooks: Sequence[EngineOutlook], overlap: float) -> Span:
    """All engines' candidates, each once: deeper pages may overlap as the first do, or not."""
    return Span(
        sum(one.candidates.low for one in outlooks) * (1 - overlap),
        sum(one.candidates.expected for one in outlooks) * (1 - overlap),
        sum(one.candidates.high for one in outlooks),
    )


def _budget(budget: Budget, samples: Sequence[Sample], per_candidate: Span) -> Span:
    """The candidates that a job's own limits let it take."""
    most = float(budget.max_candidates or _NEVER)
    if budget.max_requests is not None:
        pages = [taste.listed for sample in samples for taste in sample.tastes]
        most = min(most, budget.max_requests * max(pages, default=0))
    caps = Span(most, most, most)
    if budget.max_bytes is None:
        return caps
    # The round that passes the limit is finished.
    by_bytes = (
        budget.max_bytes / max(1.0, per_candidate.high),
        budget.max_bytes / max(1.0, per_candidate.expected),
        budget.max_bytes / max(1.0, per_candidate.low) + MIN_ROUND_CANDIDATES,
    )
    return caps.at_most(Span(*by_bytes))


def _survival(outlooks: Sequence[EngineOutlook]) -> Span:
    """Of all candidates: each engine's share counts as much as it has candidates."""
    weights = [one.candidates.expected for one in outlooks]
    total = sum(weights)
    if not total:
        return Span(0.0, 0.0, 1.0)
    parts = [(weight / total, one.survival) for weight, one in zip(weights, outlooks, strict=True)]
    return Span(
        sum(weight * survival.low for weight, survival in parts),
        sum(weight * survival.expected for weight, survival in parts),
        sum(weight * survival.high for weight, survival in parts),
    )


def _taken(candidates: Span, survival: Span, wanted: int) -> Span:
    """Candidates that are downloaded: what the first round asks, or more where fewer survive."""

    def needed(share: float) -> float:
        by_survival = wanted / share if share > 0 else _NEVER
        return max(float(MIN_ROUND_CANDIDATES), math.ceil(wanted * OVERSAMPLE), by_survival)

    most = Span(needed(survival.high), needed(survival.expected), needed(survival.low))
    return candidates.at_most(most)


def _minutes(taken: Span, samples: Sequence[Sample], measured: Span | None) -> Measures:
    """Measured jobs waited for the engines' quotas as well; where there are none, it is added."""
    seconds = OVERHEAD_S.plus(taken.times(measured or CANDIDATE_S))
    if measured is None:
        # At best the other engines give everything meanwhile.
        waits = Span(
            0.0,
            _quota_wait_s(taken.expected, samples),
            _quota_wait_s(taken.high, samples),
        )
        seconds = seconds.plus(waits)
    return _measures(seconds.times(Span(1 / 60, 1 / 60, 1 / 60)), digits=2)


def _quota_wait_s(taken: float, samples: Sequence[Sample]) -> float:
    """Seconds until the slowest engine may have given its equal part of the candidates."""
    live = [sample for sample in samples if sample.keys]
    waits_s = [0.0]
    for sample in live:
        page = max(taste.listed for taste in sample.tastes)
        requests = taken / len(live) / max(1, page)
        waits_s += [
            max(0.0, requests - quota.requests) * quota.seconds / quota.requests
            for quota in sample.card.quotas
            if quota.seconds < _DAY_S
        ]
    return max(waits_s)


def _assumptions(spec: JobSpec, outlooks: Sequence[EngineOutlook]) -> tuple[str, ...]:
    """What the figures take for granted, for people."""
    told = [f"An image that is kept costs {CREDITS_PER_IMAGE} credit."]
    if spec.expand.mode == "model":
        told.append("Variations come from templates here; the job itself asks the language model.")
    told += [
        f"{one.engine} is counted with what it showed before it got into trouble."
        for one in outlooks
        if not one.status.is_well
    ]
    told.append("What engines say of their totals is taken as the most there can be.")
    return tuple(told)


def _counts(span: Span) -> Counts:
    low, expected, high = math.floor(span.low), round(span.expected), math.ceil(span.high)
    return Counts(low=low, expected=max(low, expected), high=max(low, expected, high))


def _measures(span: Span, digits: int = 4) -> Measures:
    low, expected = round(span.low, digits), round(span.expected, digits)
    high = round(span.high, digits)
    return Measures(low=low, expected=max(low, expected), high=max(low, expected, high))
