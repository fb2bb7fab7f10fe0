"""Which engines the town has, and how well behaved ones are set up."""

from __future__ import annotations

from tests.fakes.town import keyed_voices, open_voices, route_voices
from tests.fakes.town.listing import Index
from tests.fakes.town.server import House, Voice

BING_INDEX = Index("bing", 0.7)
"""One index, two engines."""

_VOICES: dict[str, Voice] = {
    "openverse": open_voices.openverse,
    "commons": open_voices.commons,
    "inaturalist": open_voices.inaturalist,
    "gbif": open_voices.gbif,
    "met": open_voices.met,
    "nasa": open_voices.nasa,
    **keyed_voices.KEYED,
    "bing": route_voices.bing,
    "duckduckgo": route_voices.duckduckgo,
    "baidu": route_voices.baidu,
    "google_html": route_voices.google_html,
}
CAPS = {"openverse": 240, "bing": 980, "duckduckgo": 500, "google": 100, "pixabay": 500,
        "brave": 200, "google_html": 500, "met": 60}  # fmt: skip
"""Results of a query in all, where an engine has such a limit."""


def house(name: str, share: float = 0.6, **behaviour: object) -> House:
    """An engine as it is when nothing is wrong."""
    index = BING_INDEX if name in ("bing", "duckduckgo") else Index(name, share)
    # Half of the engines write the same addresses in their own way.
    suffix = f"?utm_source={name}" if len(name) % 2 else ""
    settings: dict[str, object] = {"cap": CAPS.get(name, 4000), "suffix": suffix, **behaviour}
    return House(_VOICES[name], index, **settings)  # type: ignore[arg-type]


NAMES = tuple(_VOICES)
