"""The course of one visit: what it is for, how far it has got, and the time it has left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pixcrawler.adapters.web.visiting.bodies import BodyLimits
from pixcrawler.adapters.web.visiting.evidence import Trail
from pixcrawler.pipeline.optout.gate import Gate
from pixcrawler.pipeline.visits.body import Body


class Clock:
    """The deadline of one visit; it stands still while the visit waits for its host or for us."""

    def __init__(self, deadline_s: float, patience_s: float) -> None:
        self.timer = asyncio.timeout(deadline_s)
        self.deadline_s = deadline_s
        self.patience_s = patience_s
        """How long the visit may still wait for hosts."""
        self._left_s: float | None = None
        self._since = 0.0

    @property
    def left_s(self) -> float:
        """Until the deadline, while the clock runs."""
        return (self.timer.when() or 0.0) - asyncio.get_running_loop().time()

    def stop(self) -> None:
        """Stand still from now on."""
        self._since = asyncio.get_running_loop().time()
        self._left_s = (self.timer.when() or 0.0) - self._since
        self.timer.reschedule(None)

    def charge(self) -> None:
        """Take what was waited so far from the patience; what follows is not the host's doing."""
        now = asyncio.get_running_loop().time()
        self.patience_s -= now - self._since
        self._since = now

    def go(self) -> None:
        """Run again, if it stands still."""
        if self._left_s is not None:
            self.timer.reschedule(asyncio.get_running_loop().time() + self._left_s)
            self._left_s = None


@dataclass(slots=True)
class Course:
    """One visit: what it is for and how far it has got."""

    url: str
    clock: Clock
    body_limits: BodyLimits
    caller: object
    """What the requests of one call share."""
    gate: Gate | None = None
    check: Callable[[str], None] | None = None
    """Of what the first bytes claim to be."""
    headers: Mapping[str, str] | None = None
    trail: Trail = field(default_factory=Trail)
    status: int | None = None
    is_new_try: bool = True
    is_status_told: bool = False
    """The last answer came whole, and its status is what was wrong with it."""
    is_failure_told: bool = False
    is_body_judged: bool = False
    body: Body | None = None
    """Whole, though what follows may still fail."""

    def is_first_failure(self, *, of_host: bool) -> bool:
        """Whether the desk is to hear of a failure: three tries of one address are one."""
        is_first = of_host and not self.is_failure_told
        self.is_failure_told |= of_host
        return is_first

    def begin(self) -> None:
        """Begin a request."""
        if self.is_new_try:
            self.trail.begin()
        self.is_new_try = False
        self.status = None
