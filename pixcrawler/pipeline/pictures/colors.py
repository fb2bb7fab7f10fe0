"""Colours: whether a picture has those that a job asks for, measured on a small copy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixcrawler.domain.filters import Color
from pixcrawler.pipeline.limits import (
    COLOR_SHARE,
    GRAY_MAX_CHROMA,
    GRAY_SHARE,
    TRANSPARENT_SHARE,
)

_SEEN_ALPHA = 128
"""Of 255: what is clearer is not to be seen."""


@dataclass(frozen=True)
class _Band:
    """Pixels that people call by one name; hue in degrees (around 0), the others of 1."""

    hues: tuple[float, float] = (0.0, 360.0)
    saturation: tuple[float, float] = (0.2, 1.0)
    value: tuple[float, float] = (0.15, 1.0)


# Neighbours overlap on purpose: where people would not agree, a pixel counts for both.
_BANDS: dict[str, tuple[_Band, ...]] = {
    "red": (_Band((345, 15), (0.4, 1.0), (0.25, 1.0)),),
    "orange": (_Band((15, 45), (0.35, 1.0), (0.55, 1.0)),),
    "yellow": (_Band((42, 70), (0.35, 1.0), (0.5, 1.0)),),
    "green": (_Band((65, 165)),),
    "teal": (_Band((160, 200)),),
    "blue": (_Band((195, 260)),),
    "purple": (_Band((255, 315)),),
    "pink": (
        _Band((310, 345), (0.15, 1.0), (0.5, 1.0)),
        _Band((345, 15), (0.12, 0.55), (0.7, 1.0)),
    ),
    "brown": (_Band((10, 45), (0.25, 1.0), (0.15, 0.65)),),
    "black": (_Band(saturation=(0.0, 1.0), value=(0.0, 0.2)),),
    "white": (_Band(saturation=(0.0, 0.12), value=(0.85, 1.0)),),
}


def color_flaw(rgba: NDArray[np.uint8], wish: Color) -> str | None:
    """Return in words why a picture is not of the wished colour, or None when it is.

    Args:
        rgba: rows x columns x 4, 0 to 255; a small copy is enough.
        wish: ``transparent`` means that part of the picture is, ``gray`` that hardly anything
            has a colour, ``color`` that something has, and a name that a notable share is so.
    """
    if wish == "any":
        return None
    seen = rgba[rgba[..., 3] >= _SEEN_ALPHA][:, :3].astype(np.float64)
    if wish == "transparent":
        clear = 1 - len(seen) / max(1, rgba[..., 3].size)
        return None if clear >= TRANSPARENT_SHARE else f"{clear:.0%} of it is transparent"
    if not len(seen):
        return "all of it is transparent"
    chroma = seen.max(axis=1) - seen.min(axis=1)
    if wish in ("gray", "color"):
        is_gray = np.mean(chroma <= GRAY_MAX_CHROMA) >= GRAY_SHARE
        return None if is_gray == (wish == "gray") else f"it is {'gray' if is_gray else 'coloured'}"
    share = _share(seen, chroma, wish)
    return None if share >= COLOR_SHARE else f"{share:.0%} of it is {wish}"


def _share(seen: NDArray[np.float64], chroma: NDArray[np.float64], wish: Color) -> float:
    """Return the share of pixels that are called so."""
    highest = seen.max(axis=1)
    saturation, value = chroma / np.maximum(highest, 1), highest / 255
    hue = _hue(seen, highest, chroma)
    is_so = np.zeros(len(seen), dtype=np.bool_)
    for band in _BANDS[wish]:
        start, end = band.hues
        is_near = (hue - start) % 360 <= (end - start) % 360 if end - start < 360 else True  # noqa: PLR2004 - a circle
        is_so |= is_near & _is_between(saturation, band.saturation) & _is_between(value, band.value)
    return float(np.mean(is_so))


def _hue(
    seen: NDArray[np.float64], highest: NDArray[np.float64], chroma: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return degrees, 0 for red; of greys, anything.

    Source: the hue of HSV, by sextants.
    """
    red, green, blue = seen.T
    span = np.maximum(chroma, 1)
    sextants = np.select(
        [highest == red, highest == green],
        [(green - blue) / span, (blue - red) / span + 2],
        (red - green) / span + 4,
    )
    return np.asarray(60 * sextants % 360, dtype=np.float64)


def _is_between(values: NDArray[np.float64], limits: tuple[float, float]) -> NDArray[np.bool_]:
    return (values >= limits[0]) & (values <= limits[1])
