"""Replies: what a chat completion says, as data, or why it says nothing; pure."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from pixcrawler.adapters.words.questions import FIELD
from pixcrawler.domain.errors import SourceBlocked, SourceChanged

_OK = 200
_BAD_REQUEST = (400, 422)
_WORDS = {
    401: "the key was not accepted (status 401; setting WORDS_KEY)",
    403: "access was refused (status 403; setting WORDS_KEY)",
    404: "there is no such model or address (status 404; settings WORDS_URL, WORDS_MODEL)",
}
_USED_UP = "insufficient_quota"
_CODES = frozenset(
    (
        *("DeploymentNotFound", "OperationNotSupported", "context_length_exceeded"),
        *(_USED_UP, "invalid_request_error", "model_not_found"),
        *("unsupported_parameter", "unsupported_value"),
    )
)
"""Error codes that help; no other text of the server is shown: it could be anything."""
_FILTERED = "content_filter"
_MOVED = range(300, 400)


class FormRefused(Exception):
    """The server does not take the form that the answer should have."""


def is_used_up(body: bytes) -> bool:
    """Say whether a refusal is about what has been paid for: no pause changes that."""
    return _code(body) == _USED_UP


def words_in(status: int, body: bytes) -> tuple[str, ...]:
    """Return the texts that an answer holds, unchecked.

    Raises:
        FormRefused: the request was not understood; without a schema it may be.
        SourceBlocked: the model, its filter or the server refuses.
        SourceChanged: it is no answer that is known here.
    """
    if status != _OK:
        _refuse(status, body)
    answer = _object(body)
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise SourceChanged("the answer is no chat completion")
    reason = choice.get("finish_reason")
    if reason == "length":
        raise SourceChanged("the answer was cut off at its longest length")
    if reason == _FILTERED:
        raise SourceBlocked("its content filter stopped the answer")
    if message.get("refusal"):
        raise SourceBlocked("the model refused to answer")
    return _texts(message.get("content"))


def _refuse(status: int, body: bytes) -> NoReturn:
    code = _code(body)
    if code == _FILTERED:
        raise SourceBlocked("its content filter refused the question")
    told = f"status {status}, {code}" if code else f"status {status}"
    if status in _BAD_REQUEST:
        raise FormRefused(f"the question was not understood ({told})")
    if status in _MOVED:
        raise SourceBlocked(f"it redirects elsewhere (status {status}), which is not followed")
    raise SourceBlocked(_WORDS.get(status) or f"it refused to answer ({told})")


def _code(body: bytes) -> str | None:
    try:
        error = _object(body).get("error")
    except SourceChanged:
        return None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) and code in {*_CODES, _FILTERED} else None


def _texts(content: Any) -> tuple[str, ...]:
    """The list of texts in a message; a server without schemas may wrap it in other words."""
    if not isinstance(content, str):
        raise SourceChanged("the answer has no text")
    start, end = content.find("{"), content.rfind("}")
    said = _object(content[start : end + 1].encode("utf-8", "replace")).get(FIELD)
    if not isinstance(said, list):
        raise SourceChanged("the answer has another structure than was asked for")
    return tuple(text for text in said if isinstance(text, str))


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise SourceChanged("the answer is no JSON") from None
    if not isinstance(found, dict):
        raise SourceChanged("the answer has another structure than was asked for")
    return found
