"""Slots: how many requests of this process are under way at once, shared fairly."""

from __future__ import annotations

import asyncio
from collections import deque


class Slots:
    """So many slots; where several calls wait, each gets one in turn, whatever it waits with."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: dict[object, deque[asyncio.Future[None]]] = {}

    async def take(self, caller: object) -> None:
        """Wait for a slot; ``caller`` is any object that the requests of one call share."""
        if self._free:
            # While one is free nobody waits.
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give()
            raise

    def give(self) -> None:
        """Give a slot back: to whoever is next."""
        while self._waiting:
            caller = next(iter(self._waiting))
            turns = self._waiting.pop(caller)
            turn = turns.popleft()
            if turns:
                # At the end: a dictionary keeps the order.
                self._waiting[caller] = turns
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
