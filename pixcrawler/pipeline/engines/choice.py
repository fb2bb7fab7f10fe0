"""A job's choice of engines, before it starts: what cannot be, and what will be ignored."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from pixcrawler.domain.engine import Access, EngineCard
from pixcrawler.domain.errors import Violation
from pixcrawler.domain.filters import FilterName, Filters
from pixcrawler.domain.job import JobSpec
from pixcrawler.domain.note import Note
from pixcrawler.pipeline.engines.entries import Switches, why_not_set_up

CHECKED_ON_BYTES = frozenset({FilterName.SIZE, FilterName.ASPECT, FilterName.COLOR})
"""What every downloaded picture is checked for again, whoever found it."""


def faults(
    spec: JobSpec, cards: Mapping[str, EngineCard], set_up: Container[str], switches: Switches
) -> tuple[Violation, ...]:
    """Return each engine of a job that cannot be asked, or not for what the job wants."""
    found = []
    for place, name in enumerate(spec.engines):
        fault = _fault(name, cards, set_up, switches) or _licence_fault(spec.filters, cards[name])
        if fault:
            rule, message = fault
            found.append(
                Violation(field=f"engines.{place}", rule=rule, value=name, message=message)
            )
    return tuple(found)


def _fault(
    name: str, cards: Mapping[str, EngineCard], set_up: Container[str], switches: Switches
) -> tuple[str, str] | None:
    card = cards.get(name)
    if card is None:
        known = ", ".join(sorted(one for one in cards if one in set_up))
        return "unknown_engine", f"is not an engine of this service; it has {known}"
    if name not in set_up:
        return "engine_not_set_up", f"is not set up here: {why_not_set_up(card)}"
    off = switches.why_off(card)
    return ("engine_switched_off", f"is switched off: {off}") if off else None


def _licence_fault(filters: Filters, card: EngineCard) -> tuple[str, str] | None:
    if filters.license == "any" or card.access is Access.OWN or _tells_licences(filters, card):
        return None
    message = (
        "does not tell under which licence its pictures are, and filters.license is"
        f" {filters.license}: leave out one of the two"
    )
    return "no_licence_evidence", message


def _tells_licences(filters: Filters, card: EngineCard) -> bool:
    return card.licensed or card.honour(FilterName.LICENSE, filters) is not None


def filter_notes(filters: Filters, cards: Iterable[EngineCard]) -> tuple[Note, ...]:
    """Return a note for each engine that ignores filters which nothing checks afterwards."""
    notes = []
    for card in cards:
        ignored = sorted(name for name in filters.wished() if _is_ignored(name, filters, card))
        if ignored:
            message = (
                f"{card.name} cannot look for {', '.join(ignored)}: its pictures are taken"
                " whatever they are like in that"
            )
            notes.append(Note(code="filter_not_honoured", subject=card.name, message=message))
    return tuple(notes)


def _is_ignored(name: FilterName, filters: Filters, card: EngineCard) -> bool:
    if name in CHECKED_ON_BYTES:
        return False
    if name is FilterName.LICENSE:
        return not _tells_licences(filters, card)
    if name is FilterName.SAFE_SEARCH and not card.unsafe:
        return False
    return card.honour(name, filters) is None
