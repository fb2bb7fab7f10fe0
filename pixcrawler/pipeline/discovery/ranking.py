"""Ranking: the better finds first, and all finds of one picture as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.discovery.addresses import canonical, judged

BAND = 10
"""Finds next to each other in an engine's order that may change places: relevance is what the
engine knows best, and what it puts ten places further down is rarely the better answer."""
MAX_ALTERNATIVES = 3
"""Further addresses of a picture: each costs a request where the picture is gone for good."""

SMALL_PX = 250_000
LARGE_PX = 4_000_000
"""Where the credit for size begins and ends: sizes may be lies, and more is of no use."""
UNKNOWN_CREDIT = 0.5
"""Of the credit for size, where the engine says no size."""


class Sighting(Protocol):
    """What an engine says of a picture."""

    @property
    def url(self) -> str:
        """Where it is."""
        ...

    @property
    def provenance(self) -> Provenance:
        """Who found it, and under which licence it is."""
        ...

    @property
    def width(self) -> int | None:
        """Pixels, as the engine says."""
        ...

    @property
    def height(self) -> int | None:
        """Pixels, as the engine says."""
        ...


S = TypeVar("S", bound=Sighting)


@dataclass(frozen=True)
class Merged:
    """All finds of one key: what to fetch, and where the picture was found."""

    url: str
    """The best address: an original where one is known."""
    alternatives: tuple[str, ...]
    """To be tried in this order when ``url`` fails; the given addresses are among them."""
    width: int | None
    height: int | None
    provenance: Provenance
    also_found: tuple[Provenance, ...]


def ranked(finds: Sequence[S]) -> list[S]:
    """Order what one engine gave for one query, in the engine's order, best first.

    Licence-bearing and larger pictures come first within bands of ten places; known thumbnails
    come after everything else. Ranking what is ranked changes nothing; nothing is left out.
    """
    pictures: list[S] = []
    thumbnails: list[S] = []
    for find in finds:
        (thumbnails if _is_thumbnail(find) else pictures).append(find)
    bands = [pictures[start : start + BAND] for start in range(0, len(pictures), BAND)]
    return [find for band in bands for find in sorted(band, key=_demerit)] + thumbnails


def merged(finds: Sequence[Sighting]) -> Merged:
    """Make one of all finds of one key, which are in order of relevance.

    The best find gives address, size and the provenance that is named first; every other
    provenance is kept. At least one find must be given.
    """
    best_first = sorted(finds, key=lambda find: (_is_thumbnail(find), _demerit(find)))
    addresses = _addresses(best_first)
    sized = next((find for find in best_first if find.width and find.height), best_first[0])
    provenances = list(dict.fromkeys(find.provenance for find in best_first))
    return Merged(
        url=addresses[0],
        alternatives=tuple(addresses[1 : 1 + MAX_ALTERNATIVES]),
        width=sized.width,
        height=sized.height,
        provenance=provenances[0],
        also_found=tuple(provenances[1:]),
    )


def _addresses(finds: Sequence[Sighting]) -> list[str]:
    """Each find's original, then its address as given; none twice."""
    addresses: dict[str, str] = {}
    for find in finds:
        known = judged(find.url)
        for url in (known.original if known else find.url, find.url):
            addresses.setdefault(canonical(url) or url, url)
    return list(addresses.values())


def _is_thumbnail(find: Sighting) -> bool:
    known = judged(find.url)
    return known is not None and known.is_thumbnail


def _demerit(find: Sighting) -> float:
    """0 for the best: a licence weighs as much as all the credit for size."""
    return (0.0 if find.provenance.license else 1.0) + 1.0 - _size_credit(find)


def _size_credit(find: Sighting) -> float:
    """0 to 1, by the logarithm of the stated pixels."""
    if not (find.width and find.height):
        return UNKNOWN_CREDIT
    pixels = min(max(find.width * find.height, SMALL_PX), LARGE_PX)
    return math.log(pixels / SMALL_PX) / math.log(LARGE_PX / SMALL_PX)
