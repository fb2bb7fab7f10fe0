"""Finds pictures by the words of a query, in a fixed order, page by page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain, zip_longest

from pixcrawler.host.stack.website.catalogue import Catalogue, Picture

LARGEST_PAGE = 100
LONGEST_QUERY_CHARS = 500
_WORDS = re.compile(r"[^\W_]+")
_SYNONYMS = {
    "apple": "apples",
    "house": "houses home homes cottage cottages",
    "fish": "fishes",
    "star": "stars",
    "tree": "trees fir firs",
    "car": "cars automobile automobiles",
    "flower": "flowers blossom blossoms",
    "moon": "moons crescent",
}
_CATEGORY_OF = {
    word: category for category, others in _SYNONYMS.items() for word in (category, *others.split())
}


@dataclass(frozen=True)
class Found:
    """One page of what a query finds; pages count from 1."""

    query: str
    total: int
    page: int
    pages: int
    pictures: list[Picture]


def categories_of(query: str) -> list[str]:
    """Return the categories that a query names, in its order: by name, plural or synonym."""
    words = _WORDS.findall(query.lower())
    return list(dict.fromkeys(_CATEGORY_OF[word] for word in words if word in _CATEGORY_OF))


def find(catalogue: Catalogue, query: str, page: int, page_size: int, reach: int) -> Found:
    """Return one page; like real engines it stops after ``reach`` results, whatever is left.

    A query that names several categories gets them in turn.
    """
    ranked = [catalogue.categories[category] for category in categories_of(query)]
    everything = [
        picture for picture in chain.from_iterable(zip_longest(*ranked)) if picture is not None
    ][:reach]
    start = (page - 1) * page_size
    return Found(
        query=query,
        total=len(everything),
        page=page,
        pages=-(-len(everything) // page_size),
        pictures=everything[start : start + page_size],
    )


def tags_of(picture: Picture) -> list[str]:
    """Return the words under which a picture is listed."""
    return [picture.category, *_SYNONYMS[picture.category].split()[:1], "drawing", "generated"]
