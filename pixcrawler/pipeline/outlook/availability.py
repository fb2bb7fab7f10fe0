"""Availability: how many candidates an engine has for a job, judged by a few first pages."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pixcrawler.domain.source import SearchQuery
from pixcrawler.pipeline.outlook.experience import Span
from pixcrawler.pipeline.outlook.sampling import Sample, Taste

UNKNOWN_MOST = 1_000
"""Results of a query of which nothing is said: what the search engines that state a cap give."""
UNSEEN = Span(0.25, 1.0, 2.0)
"""By how much a keyword that was not sampled may differ from those that were."""
VARIED = Span(0.02, 0.3, 0.8)
"""Share of a variation's pictures that the plain keyword did not give, where none was sampled."""
VARIED_DOUBT = 2.0
"""By how much that share may differ from what one variation showed."""
FATIGUE = Span(0.5, 0.8, 1.0)
"""Each further variation of a keyword gives so much of what the one before gave."""
_DAY_S = 86_400


def available(sample: Sample, queries: Sequence[SearchQuery]) -> Span:
    """Return how many candidates all queries of the engine would give, asked to their ends."""
    plain = [taste for taste in sample.tastes if queries[taste.query].expansion == 0]
    if sample.stands_by_for or not plain:
        return Span(0.0, 0.0, 0.0)
    sums = Span(0.0, 0.0, 0.0)
    for taste in plain:
        sums = sums.plus(_of_query(taste, sample))
    part = 1 / len(plain)
    mean = sums.times(Span(part, part, part))
    keywords = sum(1 for number in sample.queries if queries[number].expansion == 0)
    unseen = max(0, keywords - len(plain))
    every = sums.plus(mean.times(UNSEEN).times(Span(unseen, unseen, unseen)))
    variations = math.ceil((len(sample.queries) - keywords) / max(1, keywords))
    varied = every.times(_new_share(sample, queries)).times(_series(variations))
    return every.plus(varied).at_most(_by_quota(sample))


def _of_query(taste: Taste, sample: Sample) -> Span:
    """At least what was seen; at most the engine's cap, and no more than it claims to have."""
    found = len(taste.keys)
    if not taste.has_more or not taste.listed:
        return Span(found, found, found)
    most = float(sample.card.max_results or UNKNOWN_MOST)
    if taste.total is not None:
        # Past its cap a query is asked in parts, where the engine has filters for that.
        most = float(taste.total) if sample.card.shards else min(most, taste.total)
    high = max(most, taste.listed) * found / taste.listed
    # Nothing tells where between: the middle of the orders of magnitude.
    return Span(found, math.sqrt(found * high), high)


def _new_share(sample: Sample, queries: Sequence[SearchQuery]) -> Span:
    """Share of a variation's pictures that the plain keyword did not give."""
    plain = frozenset[str]().union(
        *(taste.keys for taste in sample.tastes if queries[taste.query].expansion == 0)
    )
    varied = [taste for taste in sample.tastes if queries[taste.query].expansion and taste.keys]
    if not varied:
        was_asked = any(queries[taste.query].expansion for taste in sample.tastes)
        return Span(0.0, 0.0, VARIED.low) if was_asked else VARIED
    share = len(varied[0].keys - plain) / len(varied[0].keys)
    return Span(share / VARIED_DOUBT, share, max(VARIED.low, min(1.0, share * VARIED_DOUBT)))


def _series(variations: int) -> Span:
    """How often the first variation's new pictures come, over all of a keyword's variations."""

    def times(fatigue: float) -> float:
        if fatigue == 1:
            return variations
        return float((1 - fatigue**variations) / (1 - fatigue))

    return Span(times(FATIGUE.low), times(FATIGUE.expected), times(FATIGUE.high))


def _by_quota(sample: Sample) -> Span:
    """What the quotas of a day let the engine give."""
    page = max((taste.listed for taste in sample.tastes), default=0)
    most = [
        quota.requests * page for quota in sample.card.quotas if quota.seconds >= _DAY_S and page
    ]
    least = float(min(most, default=math.inf))
    return Span(least, least, least)
