"""Every engine that this deployment knows: ours, and those that other packages bring."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points

from pixcrawler.adapters.engines.commons import CommonsEngine
from pixcrawler.adapters.engines.local import LocalEngine
from pixcrawler.adapters.engines.openverse import OpenverseEngine
from pixcrawler.adapters.engines.shape import Engine

BUILT_IN: tuple[type[Engine], ...] = (OpenverseEngine, CommonsEngine, LocalEngine)
GROUP = "pixcrawler.engines"
"""Entry point group: each names a subclass of Engine."""

log = logging.getLogger("pixcrawler.engines")


def known_engines() -> dict[str, type[Engine]]:
    """Return every engine class by name; one of another package never hides one of ours."""
    known = {engine.card.name: engine for engine in BUILT_IN}
    for point in entry_points(group=GROUP):
        try:
            found = point.load()
        except Exception:
            log.exception("engine.not_loaded", extra={"entry_point": point.name})
            continue
        if isinstance(found, type) and issubclass(found, Engine):
            known.setdefault(found.card.name, found)
    return known
