"""Templates: what else to ask for a keyword when there is nobody to ask for better words."""

from __future__ import annotations

from collections.abc import Iterator

from pixcrawler.domain.job import Expand, Intent
from pixcrawler.domain.wording import Wording
from pixcrawler.pipeline.words.plurals import plural_of

# Places, views and light in which the same thing is photographed; none that changes what it is
# (no drawings, toys, memes). Not the prompts that CLIP is tested with: those describe pictures,
# and most find others than they say. Each list is as long as a job file may ask for.
_AFTER: dict[Intent, str] = {
    "any": "photo, close up, outdoors, in the wild, side view, indoors, front view, in sunlight, "
    "in nature, from above, in winter, in summer, portrait, at night, in the city, back view, "
    "in the rain, in autumn, in spring, detail",
    "object": "photo, close up, on a table, side view, on white background, front view, in use, "
    "top view, outdoors, indoors, in hand, detail, back view, on a shelf, in a room, "
    "three quarter view, on the floor, in daylight, in a workshop, on the grass",
    "animal": "photo, close up, in the wild, side view, in nature, portrait, full body, "
    "front view, outdoors, in its habitat, resting, feeding, from above, in winter, in summer, "
    "in the rain, at night, in sunlight, back view, wildlife photography",
    "plant": "photo, close up, in nature, whole plant, leaves, in the wild, macro, in a garden, "
    "detail, in spring, in summer, in autumn, in winter, from above, in sunlight, in shade, "
    "after rain, side view, growing, outdoors",
    "food": "photo, close up, on a plate, top view, on a table, side view, served, in a bowl, "
    "on white background, homemade, detail, in a restaurant, at a market, in a kitchen, "
    "on a wooden board, in daylight, portion, in hand, fresh, on a tray",
    "place": "photo, view, aerial view, by day, panorama, at night, at sunset, in summer, "
    "in winter, at sunrise, in the rain, in snow, in fog, from a distance, ground level, "
    "in autumn, in spring, wide angle, landscape, from above",
    "person": "photo, portrait, outdoors, full body, at work, close up, indoors, side view, "
    "front view, standing, sitting, walking, smiling, candid, in the street, in sunlight, "
    "from behind, in nature, at a desk, headshot",
    "texture": "photo, texture, surface, close up, macro, background, pattern, detail, flat, "
    "top view, in sunlight, in shade, wet, dry, rough, smooth, weathered, full frame, "
    "high resolution, old",
}
_COUNTED: frozenset[Intent] = frozenset({"any", "object", "animal", "plant", "food"})
"""Where several of a thing are still that thing."""


def templated(wording: Wording, expand: Expand) -> Iterator[str]:
    """Yield variations of a keyword, the best first: the user's own, then those of its intent.

    A plural stands second among the latter, where there is one.
    """
    # Replaced, not formatted: the keyword may have braces.
    yield from (own.replace("{k}", wording.text) for own in expand.templates)
    first, *others = (f"{wording.text} {words}" for words in _AFTER[expand.intent].split(", "))
    yield first
    if expand.intent in _COUNTED:
        plural = plural_of(wording.text)
        yield from [plural] if plural else []
    yield from others
