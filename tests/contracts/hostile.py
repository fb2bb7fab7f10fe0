"""Hostile results: what an engine may list beside its sound results."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

BAD_ADDRESSES: tuple[Any, ...] = (
    "javascript:alert(1)", "data:image/png;base64,iVBORw0KGgo=", "ftp://h.example/a.jpg", "http://[",
    "https://user:word@h.example/a.jpg", "https://h.example/\x00.jpg", "", 5, None, True, [], {},
)  # fmt: skip
SOUND_ADDRESS = "https://sound.example/{}.jpg"
HOSTILE_FINDS = 4
"""Of the list that ``hostile_results`` makes so many have a sound address."""

Leaves = Callable[[Any], Any]


def hostile_results(
    sound: dict[str, Any], addressed: Callable[[dict[str, Any], Any], None]
) -> list[Any]:
    """Return results with odd addresses, and sound addresses with odd fields.

    Args:
        sound: one result as the engine writes it.
        addressed: puts an address where the engine's pictures are, and leaves no other there.
    """
    results: list[Any] = [None, "text", 7, [], {}]
    for address in BAD_ADDRESSES:
        results.append(copy.deepcopy(sound))
        addressed(results[-1], address)
    odd: tuple[Leaves, ...] = (
        lambda leaf: "x" * 100_000,
        lambda leaf: [leaf],
        lambda leaf: -1 if isinstance(leaf, str) else "२३",
        lambda leaf: {"\x00": "<script>alert(1)</script>\ud800"},
    )
    for number, change in enumerate(odd):
        results.append(_changed(sound, change))
        addressed(results[-1], SOUND_ADDRESS.format(number))
    assert len(odd) == HOSTILE_FINDS
    return results


def _changed(value: Any, change: Leaves) -> Any:
    """The value with every leaf changed; objects and lists keep their shape."""
    if isinstance(value, dict):
        return {name: _changed(below, change) for name, below in value.items()}
    if isinstance(value, list):
        return [_changed(below, change) for below in value]
    return change(value)
