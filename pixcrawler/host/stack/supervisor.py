"""Keeps parts running: one that dies is started again, unless it dies again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from pixcrawler.host.stack.errors import CannotStart

_WINDOW_S = 60.0
_MOST_DEATHS = 5
_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 5.0
_POLL_S = 0.1


class Part(Protocol):
    """Something that can be started, stopped, and asked whether it lives."""

    def start(self) -> object:
        """Start it; returns when it is ready."""
        ...

    def stop(self) -> None:
        """Stop it; safe when it does not run."""
        ...

    def is_alive(self) -> bool:
        """Say whether it runs."""
        ...


class GaveUp(CannotStart):
    """A part died too often."""


class Supervisor:
    """Watches parts by name.

    Args:
        parts: in the order in which they are looked after.
        say: told of deaths and restarts.
        stopping: waits the given seconds and says whether to stop; `threading.Event.wait`.
        now: seconds of a clock that never goes back.
    """

    def __init__(
        self,
        parts: Mapping[str, Part],
        say: Callable[[str], None],
        stopping: Callable[[float], bool],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parts = parts
        self._say = say
        self._stopping = stopping
        self._now = now
        self._deaths: dict[str, list[float]] = {name: [] for name in parts}

    def watch(self) -> None:
        """Watch until asked to stop.

        Raises:
            GaveUp: a part died five times within a minute.
        """
        while not self._stopping(_POLL_S):
            for name, part in self._parts.items():
                if not part.is_alive() and not self._revive(name, part):
                    return

    def _revive(self, name: str, part: Part) -> bool:
        """Start a dead part again; return False when asked to stop meanwhile."""
        trouble = "it ended"
        while True:
            wait_s = self._wait_after_death(name, trouble)
            self._say(f"{name} died ({_first_line(trouble)}); starting it again")
            if self._stopping(wait_s):
                return False
            try:
                part.stop()
                part.start()
            except CannotStart as error:
                trouble = str(error)
            else:
                self._say(f"{name} runs again")
                return True

    def _wait_after_death(self, name: str, trouble: str) -> float:
        now = self._now()
        recent = [at for at in self._deaths[name] if now - at < _WINDOW_S]
        self._deaths[name] = [*recent, now]
        if len(self._deaths[name]) >= _MOST_DEATHS:
            raise GaveUp(f"{name} died {_MOST_DEATHS} times within a minute: {trouble}")
        return min(_FIRST_WAIT_S * float(2 ** len(recent)), _LONGEST_WAIT_S)


def _first_line(text: str) -> str:
    return text.partition("\n")[0].rstrip(":")
