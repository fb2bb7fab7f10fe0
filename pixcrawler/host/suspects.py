"""Work that was under way when a worker died is run again one piece at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Suspects:
    """Keeps the message that kills its worker away from the others.

    Everything that runs in a worker when it dies is lost together. Run again side by side, the
    innocent would be lost as often as the culprit and end in the poison queue with it; run one
    at a time, only the culprit fails again.
    """

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        """Run the block beside no other suspect; at once where ``name`` is none."""
        if name not in self._names:
            yield
            return
        async with self._turn:
            yield

    def accuse(self, name: str) -> None:
        """Remember that a worker died while this ran."""
        self._names.add(name)

    def clear(self, name: str) -> None:
        """Forget it: it is done, one way or the other."""
        self._names.discard(name)
