"""HTTP requests into Datums for functions, and their Datums back into HTTP responses."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from azure.functions.meta import Datum
from multidict import CIMultiDict

# The server frames the message itself: what a function sets here would contradict it.
_FRAMING = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"})
_ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)


def decoded_path(raw_path: str) -> str:
    """Return a request path decoded once, an encoded slash staying ``%2F`` inside its segment."""
    return unquote(_ENCODED_SLASH.sub("%252F", raw_path))


def request_datum(request: web.Request, body: bytes, route: Mapping[str, str]) -> Datum:
    """Return a request as Azure's host sends it to a worker.

    Header names are lower case; repeated headers and query parameters are joined by commas;
    empty query parameters are left out.
    """
    return Datum(
        {
            "method": _text(request.method),
            "url": _text(str(request.url)),
            "headers": _joined(request.headers),
            "body": Datum(body, "bytes"),
            "params": {name: _text(value) for name, value in route.items()},
            "query": {
                name: datum
                for name, datum in _joined(request.query, keep_case=True).items()
                if datum.value
            },
        },
        "http",
    )


def route_parameters(route: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return what output paths may name: a JSON object body's fields and the route's values."""
    parameters: dict[str, Any] = {}
    if body.lstrip()[:1] == b"{":
        with contextlib.suppress(ValueError, RecursionError):
            parameters.update(json.loads(body))
    return {**parameters, **route}


def response(datum: Datum | None) -> web.Response:
    """Return what a function gave as an HTTP response.

    Raises:
        ValueError: the status or a header cannot be sent.
    """
    if datum is None or datum.value is None:
        return web.Response(status=204)
    if datum.type != "http":
        return _plain(datum.value)
    value = datum.value
    headers: CIMultiDict[str] = CIMultiDict()
    for name, field in value["headers"].items():
        if name.lower() not in _FRAMING:
            headers.add(name, _one_line(field.value))
    for cookie in value.get("cookies") or ():
        headers.add("Set-Cookie", _one_line(cookie))
    body = value["body"].value
    data = body.encode() if isinstance(body, str) else body
    return web.Response(status=_status(value["status_code"].value), body=data, headers=headers)


def _plain(value: Any) -> web.Response:
    data = value if isinstance(value, bytes) else str(value).encode()
    return web.Response(body=data, content_type="text/plain", charset="utf-8")


def _status(text: str) -> int:
    status = int(text)
    if not 200 <= status <= 599:  # noqa: PLR2004 - a final HTTP status
        raise ValueError(f"{status} is not the status of a response")
    return status


def _one_line(value: Any) -> str:
    text = str(value)
    if "\r" in text or "\n" in text or "\0" in text:
        raise ValueError("a response header holds a line break")
    return text


def _joined(values: Any, *, keep_case: bool = False) -> dict[str, Datum]:
    joined: dict[str, str] = {}
    for name, value in values.items():
        key = name if keep_case else name.lower()
        joined[key] = f"{joined[key]},{value}" if key in joined else value
    return {name: _text(value) for name, value in joined.items()}


def _text(value: str) -> Datum:
    return Datum(value, "string")
