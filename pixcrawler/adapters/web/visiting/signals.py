"""Signals of opting out that other packages bring."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points

from pixcrawler.pipeline.optout.gate import BUILT_IN
from pixcrawler.pipeline.optout.signal import Signal

GROUP = "pixcrawler.signals"
"""Entry point group: each names a subclass of Signal that is built with nothing."""

log = logging.getLogger("pixcrawler.optout")


def further_signals() -> tuple[Signal, ...]:
    """Return the signals of other packages; none of them replaces one of ours or of another.

    An entry point that cannot be used is told in the log and left out: the others still count.
    """
    known = {signal.name for signal in BUILT_IN}
    found: list[Signal] = []
    for point in entry_points(group=GROUP):
        try:
            signal = _built(point.load())
            if signal.name in known:
                raise ValueError(f"there is a signal {signal.name!r} already")  # noqa: TRY301
        except Exception:
            log.exception("signal.not_loaded", extra={"entry_point": point.name})
            continue
        known.add(signal.name)
        found.append(signal)
    return tuple(found)


def _built(kind: object) -> Signal:
    """Return the signal of a class that an entry point names, if it is one."""
    if not (isinstance(kind, type) and issubclass(kind, Signal)):
        raise TypeError(f"{kind!r} is no subclass of pixcrawler's Signal")
    name = getattr(kind, "name", None)
    if not isinstance(name, str) or not name:
        raise TypeError(f"{kind.__name__} has no name")
    return kind()
