"""What every engine of the web does alike: ask, and say in a page what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import urlsplit

from pixcrawler.domain.errors import SourceUnavailable
from pixcrawler.domain.source import EngineStatus
from pixcrawler.pipeline.ports import Page

_OK = 200
_REFUSED = frozenset({401, 402, 403, 451})
_THROTTLED = 429
_SERVER_ERRORS = range(500, 600)


class Answer(Protocol):
    """An answer of a web API, whatever its status."""

    @property
    def status(self) -> int:
        """HTTP status."""
        ...

    @property
    def body(self) -> bytes:
        """The whole body."""
        ...

    @property
    def retry_after_s(self) -> float | None:
        """Seconds that the answer asks to wait."""
        ...


class Api(Protocol):
    """Calls one service."""

    def get(self, url: str, params: Mapping[str, str]) -> Answer:
        """Return the answer to a GET.

        Raises:
            SourceUnavailable: no answer came; the message is ``host: cause``.
        """
        ...


def ask(
    api: Api, url: str, params: Mapping[str, str], read: Callable[[dict[str, Any]], Page]
) -> Page:
    """Return the page that ``read`` makes of a good answer, or one that says what is wrong.

    ``read`` may raise ValueError for an answer without the known structure.
    """
    host = urlsplit(url).hostname or url
    try:
        answer = api.get(url, params)
    except SourceUnavailable as error:
        return Page(EngineStatus.FAILED, detail=str(error))
    trouble = _trouble(host, answer)
    if trouble is not None:
        return trouble
    try:
        page = read(_json_object(answer.body))
    except ValueError as error:
        return Page(EngineStatus.CHANGED, detail=f"{host}: {error}")
    if page.status is EngineStatus.BLOCKED:
        return replace(page, retry_after_s=answer.retry_after_s)
    return page


def _trouble(host: str, answer: Answer) -> Page | None:
    """What the status alone says."""
    status, wait_s = answer.status, answer.retry_after_s
    if status == _OK:
        return None
    if status == _THROTTLED:
        detail = f"{host}: asks us to slow down (status 429)"
        return Page(EngineStatus.BLOCKED, detail=detail, retry_after_s=wait_s)
    if status in _REFUSED:
        detail = f"{host}: refused the request (status {status})"
        return Page(EngineStatus.BLOCKED, detail=detail, retry_after_s=wait_s)
    if status in _SERVER_ERRORS:
        detail = f"{host}: the service has a fault of its own (status {status})"
        return Page(EngineStatus.FAILED, detail=detail, retry_after_s=wait_s)
    return Page(EngineStatus.CHANGED, detail=f"{host}: did not take the request (status {status})")


def _json_object(body: bytes) -> dict[str, Any]:
    """The answer's JSON object.

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
