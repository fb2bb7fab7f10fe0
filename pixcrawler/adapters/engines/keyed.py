"""Engines with a key: it is sent with each request, and nothing that comes back carries it on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from typing_extensions import override

from pixcrawler.adapters.engines.blocks import blocked
from pixcrawler.adapters.engines.fields import text
from pixcrawler.adapters.engines.shape import Ask, Engine, json_object
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Answer, Find, Page, Request
from pixcrawler.pipeline.limits import IMAGE_MAX_PIXELS

_THROTTLED = 429
NOTE_MAX_BYTES = 8 * 1024
"""An answer with status 200 that tells of an error is shorter than this."""
_SECRET_MIN_CHARS = 6
"""Shorter parts of a key are in many words by chance."""
_QUOTE_MAX_CHARS = 200
_LONG_WAIT_S = 1800
"""A limit that takes so long to come back is a quota, not a pace."""
_MOST_WAIT_S = 40 * 86_400
"""A larger number is a point in time."""


class KeyedEngine(Engine):
    """An engine that wants the operator's key, and whose service may echo it."""

    def __init__(self, base_url: str, key: str = "") -> None:
        super().__init__(base_url, key)
        parts = {part for part in (key, *key.split(":")) if len(part) >= _SECRET_MIN_CHARS}
        secrets = parts | {quote(part, safe="") for part in parts}
        self._secrets = tuple(sorted(secrets, key=len, reverse=True))

    @abstractmethod
    def results(self, body: bytes, ask: Ask) -> Page:
        """Return the page that an answer's body holds; pure.

        Raises:
            ValueError: the body has no known structure.
        """

    def refusal(self, answer: Answer) -> Page | None:  # noqa: ARG002 - for those that say more
        """Return what the service's own words mean; None when they say nothing.

        Of a failure of unknown kind the status decides what it is, and this what is said of it.
        """
        return None

    @override
    def read(self, body: bytes, ask: Ask) -> Page:
        return self._without_key(self.results(body, ask))

    @override
    def block(self, answer: Answer) -> Page | None:
        told = self.refusal(answer)
        if told is not None and told.status is not EngineStatus.FAILED:
            return told
        limit = limit_page(self.card.title, answer.headers)
        stated = limit if limit and answer.status == _THROTTLED else super().block(answer)
        if told is None or stated is None:
            return stated or told
        return stated if stated.kind else replace(stated, detail=told.detail)

    def get(
        self, path: str, params: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Request:
        """Return a request below the engine's address, without parameters that are empty.

        Redirects are not followed: the key is for one address.
        """
        sent = {name: value for name, value in params.items() if value}
        return Request(f"{self.base_url}{path}", sent, headers or {}, follow=False)

    def quoted(self, words: Any) -> str:
        """Return what a service says, fit for a message: short, on one line, without the key."""
        shown = words.decode(errors="replace") if isinstance(words, bytes) else words
        if not isinstance(shown, str):
            return ""
        # Before anything is cut off: half a key is too much as well.
        for secret in self._secrets:
            shown = shown.replace(secret, "…")
        return (text(shown) or "")[:_QUOTE_MAX_CHARS]

    def _has_key(self, words: str | None) -> bool:
        return words is not None and any(secret in words for secret in self._secrets)

    def _without_key(self, page: Page) -> Page:
        """The page without finds, fields and a cursor that the service has put the key into."""
        if not self._secrets:
            return page
        finds = tuple(self._clean(find) for find in page.finds if not self._has_key(find.url))
        cursor = None if self._has_key(page.next_cursor) else page.next_cursor
        return replace(page, finds=finds, next_cursor=cursor)

    def _clean(self, find: Find) -> Find:
        stated = find.provenance
        bad = [
            name
            for name in Provenance.model_fields
            if isinstance(words := getattr(stated, name), str) and self._has_key(words)
        ]
        thumbnail = None if self._has_key(find.thumbnail_url) else find.thumbnail_url
        if not bad and thumbnail == find.thumbnail_url:
            return find
        provenance = stated.model_copy(update=dict.fromkeys(bad))
        return replace(find, provenance=provenance, thumbnail_url=thumbnail)


def note_of(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of an answer that may tell of an error; empty when there is none."""
    if len(answer.body) > NOTE_MAX_BYTES:
        return {}
    try:
        return json_object(answer.body)
    except ValueError:
        return {}


def is_usable(width: int | None, height: int | None) -> bool:
    """Whether a picture is small enough for us, as far as its size is stated."""
    return (width or 1) * (height or 1) <= IMAGE_MAX_PIXELS


def limit_page(title: str, headers: Mapping[str, str]) -> Page | None:
    """Return what the X-RateLimit headers say of a limit that is used up; None for nothing.

    They may name several limits, separated by commas, and how many seconds each takes to come
    back; some services name a point in time instead, which says nothing without a clock.
    """
    left = _numbers(headers.get("x-ratelimit-remaining", ""))
    resets = _numbers(headers.get("x-ratelimit-reset", ""))
    waits = [wait for count, wait in zip(left, resets, strict=False) if count == 0 and wait]
    if not waits:
        return None
    wait_s = max(waits)
    if wait_s < _LONG_WAIT_S:
        page = blocked(BlockKind.THROTTLED, f"{title} asks us to slow down")
    else:
        page = blocked(BlockKind.QUOTA, f"{title}: what the key allows is used up")
    return replace(page, retry_after_s=wait_s if wait_s <= _MOST_WAIT_S else None)


def _numbers(listed: str) -> list[float | None]:
    parts = (part.strip()[:12] for part in listed.split(",")[:8])
    return [float(part) if part.isascii() and part.isdigit() else None for part in parts]
