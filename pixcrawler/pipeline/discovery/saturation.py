"""Saturation: when further rounds of a job are not worth their downloads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pixcrawler.pipeline.limits import MIN_ROUND_CANDIDATES, SATURATED_ROUNDS, SATURATED_SHARE


class Sum(NamedTuple):
    """What a job had at the end of a round, over all rounds so far."""

    candidates: int
    kept: int


def is_saturated(sums: Sequence[Sum]) -> bool:
    """Say whether the last rounds gave almost nothing but known pictures and what is no good.

    Args:
        sums: of every round that had candidates, in order. Rounds that a worker of an earlier
            version counted have none and tell nothing.
    """
    trail = [Sum(0, 0), *sums]
    if len(sums) < SATURATED_ROUNDS or not all(one.candidates for one in sums):
        return False
    before, now = trail[-1 - SATURATED_ROUNDS], trail[-1]
    candidates, kept = now.candidates - before.candidates, now.kept - before.kept
    is_enough = candidates >= SATURATED_ROUNDS * MIN_ROUND_CANDIDATES // 2
    return is_enough and kept < SATURATED_SHARE * candidates
