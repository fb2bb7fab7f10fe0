"""The shape of an engine: a request builder, a pure parser over bytes, a block detector."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from pixcrawler.adapters.engines.blocks import block_of
from pixcrawler.domain.engine import EngineCard
from pixcrawler.domain.filters import Filters
from pixcrawler.pipeline.engines.ports import Answer, Page, Request


@dataclass(frozen=True)
class Ask:
    """What an engine is asked for: one page of a query."""

    text: str
    filters: Filters
    cursor: str | None = None
    """As the page before gave it; None for the first. It survives restarts: plain, short text."""


Steps = Generator[Request, Answer, Page]
"""The requests that one page takes; each good answer is sent in; the page is returned."""


class Engine(ABC):
    """One engine. It does no I/O and keeps nothing but its address and key.

    Args:
        base_url: where it is, without a slash at the end.
        key: the operator's key, for engines that need one.
    """

    card: ClassVar[EngineCard]

    def __init__(self, base_url: str, key: str = "") -> None:
        self.base_url = base_url.rstrip("/")
        self.key = key

    @abstractmethod
    def request(self, ask: Ask) -> Request:
        """Return the request for one page of results."""

    @abstractmethod
    def read(self, body: bytes, ask: Ask) -> Page:
        """Return the page that an answer's body holds; pure.

        Raises:
            ValueError: the body has no known structure; the message says what it has instead.
        """

    def steps(self, ask: Ask) -> Steps:
        """Return the page, with as many requests as it takes."""
        answer = yield self.request(ask)
        return self.read(answer.body, ask)

    def block(self, answer: Answer) -> Page | None:
        """Return a blocked or failed page if the answer is a refusal; asked before ``read``."""
        return block_of(self.card.title, answer)


def json_object(body: bytes) -> dict[str, Any]:
    """Return the body's JSON object.

    Raises:
        ValueError: it is something else.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        start = body[:200].lstrip().lower()
        kind = "a web page" if start.startswith((b"<!doctype", b"<html")) else "broken JSON"
        raise ValueError(f"answered with {kind} instead of results") from None
    if not isinstance(found, dict):
        raise ValueError("answered with JSON of an unknown structure")  # noqa: TRY004 - no bug
    return found


def unknown_structure() -> ValueError:
    """Return the error for an answer that can be read but not understood."""
    return ValueError("answered with JSON of an unknown structure")
