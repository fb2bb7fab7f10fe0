"""Parsed site files: many small ones are kept in this process, and few large ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

LARGE_BYTES = 64 * 1024
"""From here on a file is large: parsed, up to 6 MB of memory; one of 500 KiB up to 45 MB."""
SMALL_KEPT = 32
"""More sites are seldom visited at once; a usual file is parsed again in less than 1 ms."""
LARGE_KEPT = 4

T = TypeVar("T")


def kept(parse: Callable[[bytes], T]) -> Callable[[bytes], T]:
    """Make a parser remember what it made of the files that it saw last."""
    small, large = lru_cache(SMALL_KEPT)(parse), lru_cache(LARGE_KEPT)(parse)

    @wraps(parse)
    def remembered(body: bytes) -> T:
        return small(body) if len(body) < LARGE_BYTES else large(body)

    return remembered
