"""What an engine of the town lists for a query: a slice of its index, in an order of its own."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import lru_cache

from tests.fakes.town.pictures import Picture, picture

PICTURES_PER_WORD = 4000
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class Index:
    """Which pictures of a word an engine knows; engines of one index know the same."""

    name: str
    share: float

    def numbers(self, word: str) -> list[int]:
        return list(_known(self.name, self.share, word))

    def listed(self, query: str, narrowed: str = "") -> list[Picture]:
        """Everything for a query, best first; ``narrowed`` stands for the filters in use."""
        numbers = [n for word in _WORD.findall(query.lower()) for n in self.numbers(word)]
        random.Random(f"{self.name}/{query}/{narrowed}").shuffle(numbers)
        if narrowed:
            numbers = numbers[: len(numbers) // 3]
        return [picture(number) for number in numbers]


WORDS = {"robin": 0, "wren": 1, "heron": 2}
"""The words that anything is known for, and which block of numbers is theirs."""


@lru_cache(maxsize=64)
def _known(index: str, share: float, word: str) -> tuple[int, ...]:
    block = WORDS.get(word.removesuffix("s"))
    if block is None:
        return ()
    chance = random.Random(f"{index}/{word.removesuffix('s')}")
    first = block * PICTURES_PER_WORD
    return tuple(n for n in range(first, first + PICTURES_PER_WORD) if chance.random() < share)
