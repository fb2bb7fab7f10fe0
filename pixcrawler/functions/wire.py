"""The wire: what goes out over HTTP, answers and the one error shape."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Dict  # noqa: UP035 - see Wire

import azure.functions as func

from pixcrawler.domain.errors import PixCrawlerError, Rejected, Transient, Unauthenticated
from pixcrawler.domain.model import Value
from pixcrawler.pipeline.payloads import Order

# The worker refuses `dict[str, Any]` on a bound parameter ("invalid non-type annotation",
# azure-functions-runtime 1.3.0); it takes typing.Dict.
Wire = Dict[str, Any]  # noqa: UP006

DOCUMENTATION_URL = "https://github.com/pixcrawler/pixcrawler/blob/main/README.md#the-api"
INTERNAL_STATUS = 500
RETRY_AFTER_S = 5
"""Told to callers when a service of ours is away."""
MAX_VIOLATIONS = 50
"""Told at once; ten thousand bad addresses would make an answer larger than the request."""
MAX_MESSAGE_CHARS = 1000
_BASE_HEADERS = {"Cache-Control": "no-store"}


@dataclass(frozen=True)
class Answer:
    """What an operation answers.

    ``order`` is the story to start once the answer stands.
    """

    body: Value | Wire
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    order: Order | None = None


def response(answer: Answer, request_id: str) -> func.HttpResponse:
    """Return ``answer`` as JSON over HTTP."""
    body = answer.body
    plain = body.model_dump(mode="json") if isinstance(body, Value) else body
    return func.HttpResponse(
        json.dumps(plain, allow_nan=False),
        status_code=answer.status,
        mimetype="application/json",
        headers={**_BASE_HEADERS, **answer.headers, "X-Request-Id": request_id},
    )


def error_answer(error: Exception, request_id: str) -> Answer:
    """Return the one error shape for ``error``; nothing of our insides is told."""
    if isinstance(error, Rejected):
        told = _shape(error.status, error.code, str(error), _bounded(error.details), request_id)
        return _after(told, error.details.get("retry_after_s"))
    if isinstance(error, Transient):
        told = _shape(error.status, error.code, _general(error), {}, request_id)
        return _after(told, RETRY_AFTER_S)
    words = "Something broke on our side. Tell us the request id when you report it."
    return _shape(INTERNAL_STATUS, "internal", words, {}, request_id)


def _shape(status: int, code: str, message: str, details: Wire, request_id: str) -> Answer:
    body = {
        "error": {
            "code": code,
            "message": message[:MAX_MESSAGE_CHARS],
            "details": details,
            "request_id": request_id,
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "documentation_url": DOCUMENTATION_URL,
        }
    }
    challenge = {"WWW-Authenticate": "Bearer"} if status == Unauthenticated.status else {}
    return Answer(body, status, challenge)


def _after(answer: Answer, seconds: int | None) -> Answer:
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return replace(answer, headers=answer.headers | headers)


def _bounded(details: Wire) -> Wire:
    violations = details.get("violations", ())
    if len(violations) <= MAX_VIOLATIONS:
        return details
    left_out = len(violations) - MAX_VIOLATIONS
    return {**details, "violations": violations[:MAX_VIOLATIONS], "violations_left_out": left_out}


def _general(error: PixCrawlerError) -> str:
    """The class's own sentence: the message of this one may name hosts and statements."""
    sentence = (type(error).__doc__ or "").strip().split("\n")[0]
    return f"{sentence} Try again in a moment."
