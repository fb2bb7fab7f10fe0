"""The engines' desk in this process: an EngineDesk for tests and for trying a step."""

from __future__ import annotations

from collections.abc import Sequence

from pixcrawler.domain.engine import EngineCard
from pixcrawler.pipeline.engine_ports import Closed, EngineHealth, OptIn, Page, Ticket


class MemoryDesk:
    """Lets everybody pass."""

    def __init__(self) -> None:
        self._opt_ins: dict[str, OptIn] = {}

    def admit(self, card: EngineCard, patience_s: float) -> Ticket | Closed:  # noqa: ARG002 - no queue
        """Give leave."""
        return Ticket(0, 0.0)

    def settle(self, card: EngineCard, ticket: Ticket, page: Page) -> None:
        """Forget."""

    def health(self, cards: Sequence[EngineCard]) -> list[EngineHealth]:
        """Know nothing."""
        return [EngineHealth(card.name) for card in cards]

    def reopen(self, engine: str) -> None:
        """Nothing is closed."""

    def opt_ins(self) -> dict[str, OptIn]:
        """Return the switched-on engines."""
        return dict(self._opt_ins)

    def switch_on(self, opt_in: OptIn) -> None:
        """Record it."""
        self._opt_ins[opt_in.engine] = opt_in

    def switch_off(self, engine: str, by: str) -> None:  # noqa: ARG002 - kept by nobody
        """Forget it."""
        self._opt_ins.pop(engine, None)
