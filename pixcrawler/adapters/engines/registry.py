"""Every engine that this deployment knows: ours, and those that other packages bring."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points

from pixcrawler.adapters.engines.baidu import BaiduEngine
from pixcrawler.adapters.engines.bing import BingEngine
from pixcrawler.adapters.engines.brave import BraveEngine
from pixcrawler.adapters.engines.commons import CommonsEngine
from pixcrawler.adapters.engines.duckduckgo import DuckDuckGoEngine
from pixcrawler.adapters.engines.europeana import EuropeanaEngine
from pixcrawler.adapters.engines.flickr import FlickrEngine
from pixcrawler.adapters.engines.gbif import GbifEngine
from pixcrawler.adapters.engines.google import GoogleEngine
from pixcrawler.adapters.engines.google_html import GoogleHtmlEngine
from pixcrawler.adapters.engines.inaturalist import INaturalistEngine
from pixcrawler.adapters.engines.local import LocalEngine
from pixcrawler.adapters.engines.met import MetEngine
from pixcrawler.adapters.engines.nasa import NasaEngine
from pixcrawler.adapters.engines.openverse import OpenverseEngine
from pixcrawler.adapters.engines.pexels import PexelsEngine
from pixcrawler.adapters.engines.pixabay import PixabayEngine
from pixcrawler.adapters.engines.serpapi import SerpApiEngine
from pixcrawler.adapters.engines.shape import Engine
from pixcrawler.adapters.engines.smithsonian import SmithsonianEngine
from pixcrawler.domain.engine import EngineCard

BUILT_IN: tuple[type[Engine], ...] = (
    OpenverseEngine,
    CommonsEngine,
    INaturalistEngine,
    GbifEngine,
    MetEngine,
    NasaEngine,
    FlickrEngine,
    PexelsEngine,
    PixabayEngine,
    EuropeanaEngine,
    SmithsonianEngine,
    BraveEngine,
    GoogleEngine,
    SerpApiEngine,
    BingEngine,
    DuckDuckGoEngine,
    BaiduEngine,
    GoogleHtmlEngine,
    LocalEngine,
)
GROUP = "pixcrawler.engines"
"""Entry point group: each names a subclass of Engine."""

log = logging.getLogger("pixcrawler.engines")


def known_engines() -> dict[str, type[Engine]]:
    """Return every engine class by name; one of another package never hides one that is there.

    An entry point that cannot be used is told in the log and left out: the others still work.
    """
    known = {engine.card.name: engine for engine in BUILT_IN}
    for point in entry_points(group=GROUP):
        try:
            found = _checked(point.load())
            if found.card.name in known:
                raise ValueError(f"there is an engine {found.card.name!r} already")  # noqa: TRY301
        except Exception:
            log.exception("engine.not_loaded", extra={"entry_point": point.name})
            continue
        known[found.card.name] = found
    return known


def _checked(found: object) -> type[Engine]:
    """Return what an entry point names, if it is an engine that can be built."""
    if not (isinstance(found, type) and issubclass(found, Engine)):
        raise TypeError(f"{found!r} is no subclass of pixcrawler's Engine")
    if not isinstance(getattr(found, "card", None), EngineCard):
        raise TypeError(f"{found.__name__}.card is no EngineCard")
    if missing := sorted(getattr(found, "__abstractmethods__", ())):
        raise TypeError(f"{found.__name__} lacks {', '.join(missing)}")
    return found
