"""The list of engines: the state of each, out of its card, the settings and the desk."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from pixcrawler.domain.engine import Access, EngineCard
from pixcrawler.domain.engine_entry import EngineEntry, QuotaUse, Readiness
from pixcrawler.pipeline.engines.ports import EngineDesk, EngineHealth, OptIn


@dataclass(frozen=True)
class Switches:
    """What operators have switched."""

    opt_ins: dict[str, OptIn]
    off: frozenset[str]

    @classmethod
    def at(cls, desk: EngineDesk) -> Switches:
        """Ask the desk."""
        return cls(desk.opt_ins(), desk.switched_off())

    def why_off(self, card: EngineCard) -> str | None:
        """Return why nobody may ask the engine, in words; None when it is on."""
        accepted = self.opt_ins.get(card.name)
        how = f"(pixcrawler engines enable {card.name})"
        if card.name in self.off:
            return f"an operator switched it off; an operator can switch it on {how}"
        if card.access is not Access.OPT_IN:
            return None
        if accepted is None:
            return f"an operator has to accept its terms first {how}"
        if accepted.terms_digest != card.terms_digest:
            return f"its terms have changed: an operator has to accept them anew {how}"
        return None


def entries(
    cards: Iterable[EngineCard], set_up: Container[str], desk: EngineDesk
) -> list[EngineEntry]:
    """Return every engine as people are shown it, those that can be asked first."""
    listed = list(cards)
    switches = Switches.at(desk)
    found = [
        _entry(card, card.name in set_up, switches, health)
        for card, health in zip(listed, desk.health(listed), strict=True)
    ]
    order = list(Readiness)
    return sorted(found, key=lambda entry: (order.index(entry.state), entry.name))


def why_not_set_up(card: EngineCard) -> str:
    """Return what an engine lacks in the settings, in words."""
    if card.access is Access.KEY:
        return f"it needs a key: setting {key_setting(card)}"
    if card.access is Access.OWN:
        return "it is part of a local stack, and this is none"
    return f"it needs an address: setting ENGINE_URL_{card.name.upper()}"


def key_setting(card: EngineCard) -> str | None:
    """Return the setting that takes an engine's key, and how the key is written."""
    if card.access is not Access.KEY:
        return None
    return f"ENGINE_KEY_{card.name.upper()}" + (f"={card.key_form}" if card.key_form else "")


def _state(
    card: EngineCard, is_set_up: bool, switches: Switches, health: EngineHealth
) -> tuple[Readiness, str | None]:
    if not is_set_up:
        lacks_key = card.access is Access.KEY
        return Readiness.NEEDS_KEY if lacks_key else Readiness.NOT_SET_UP, why_not_set_up(card)
    off = switches.why_off(card)
    if off:
        return Readiness.SWITCHED_OFF, off
    if health.suspended_until:
        return Readiness.SUSPENDED, health.detail
    return Readiness.READY, health.detail


def _entry(
    card: EngineCard, is_set_up: bool, switches: Switches, health: EngineHealth
) -> EngineEntry:
    state, reason = _state(card, is_set_up, switches, health)
    accepted = switches.opt_ins.get(card.name)
    return EngineEntry(
        name=card.name,
        title=card.title,
        access=card.access,
        state=state,
        reason=reason,
        homepage=card.homepage,
        index=card.index_name,
        licensed=card.licensed,
        operators=card.operators,
        filters=card.filters,
        lacks=card.lacks,
        max_results=card.max_results,
        quotas=tuple(
            QuotaUse(
                requests=quota.requests,
                seconds=quota.seconds,
                used=health.used.get(quota.seconds, 0),
            )
            for quota in card.quotas
        ),
        key_setting=key_setting(card),
        terms=card.terms,
        terms_url=card.terms_url,
        terms_digest=card.terms_digest,
        accepted_at=accepted.accepted_at if accepted else None,
        last_status=health.status,
        last_kind=health.kind,
        failures=health.failures,
        last_asked_at=health.last_asked_at,
        last_ok_at=health.last_ok_at,
        suspended_until=health.suspended_until,
    )
