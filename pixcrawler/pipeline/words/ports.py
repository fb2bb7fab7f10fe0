"""What keyword expansion needs from the world: somebody who knows more words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from pixcrawler.domain.job import Intent


@dataclass(frozen=True)
class WordAsk:
    """What is asked: other ways to search for a thing, or the things of a topic."""

    about: str
    """The keyword or the topic, plain."""
    kind: Literal["variations", "topic"]
    count: int
    intent: Intent = "any"
    language: str | None = None
    """ISO 639-1: in which the words should be; None: in that of ``about``."""


class WordSource(Protocol):
    """Knows words, such as a language model. What it says is data, and not to be trusted."""

    @property
    def name(self) -> str:
        """Who answers; another name may answer otherwise."""
        ...

    def words(self, ask: WordAsk) -> tuple[str, ...]:
        """Return what it says: any texts, any number of them.

        Raises:
            SourceUnavailable: no answer came.
            SourceBlocked: it refuses to answer.
            SourceChanged: the answer has no known structure.
        """
        ...
