"""Shared indexes: of the engines that search one and the same, one is asked; others stand by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pixcrawler.domain.engine import EngineCard
from pixcrawler.domain.source import EngineReport, SearchQuery
from pixcrawler.pipeline.discovery.lanes import EngineState, Lane, lanes_of
from pixcrawler.pipeline.limits import RELIEF_WAIT_S


def stand_by(states: Sequence[EngineState], cards: Mapping[str, EngineCard]) -> None:
    """Of engines that share an index, leave the first that is set up to be asked.

    The others would find the same pictures again: they are given nothing to ask.
    """
    first: dict[str, str] = {}
    for state in states:
        card = cards.get(state.report.engine)
        if card is None:
            continue
        leader = first.setdefault(card.index_name, card.name)
        if leader != card.name:
            state.lanes = []
            state.report = _with(state.report, stands_by_for=leader)


def take_over(
    states: Sequence[EngineState],
    cards: Mapping[str, EngineCard],
    queries: Sequence[SearchQuery],
) -> None:
    """Let an engine that stands by go on where another of its index got into trouble.

    In trouble is who refuses for more than a minute, was given up, or could not be read.
    It does not get its queries back in this job.
    """
    for state in states:
        card = cards.get(state.report.engine)
        if card is None or not _leaves_something(state):
            continue
        for heir in states:
            its_card = cards.get(heir.report.engine) if heir.report.stands_by_for else None
            if its_card is not None and its_card.index_name == card.index_name:
                _inherit(heir, cards[heir.report.engine], state, queries)
                break


def _leaves_something(state: EngineState) -> bool:
    is_in_trouble = state.is_used_up or state.pause_s > RELIEF_WAIT_S
    return is_in_trouble and any(lane.left for lane in state.lanes)


def _inherit(
    heir: EngineState, card: EngineCard, state: EngineState, queries: Sequence[SearchQuery]
) -> None:
    left = {number for lane in state.lanes for number in lane.hand_over()}
    heir.lanes = _only(lanes_of(card.name, queries, names_only=card.names_only), left)
    heir.report = _with(heir.report, stands_by_for=None, stands_in_for=state.report.engine)


def _only(lanes: list[Lane], left: set[int]) -> list[Lane]:
    for lane in lanes:
        lane.queries = [number for number in lane.queries if number in left]
    return [lane for lane in lanes if lane.queries]


def _with(report: EngineReport, **changes: str | None) -> EngineReport:
    return report.model_copy(update=changes)
