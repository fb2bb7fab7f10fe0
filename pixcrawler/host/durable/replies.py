"""HTTP answers in the shapes that the durable client reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from pixcrawler.host.durable.errors import DurableRefused, InstanceInUse, InstanceMissing


def json_reply(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """``value`` as JSON."""
    return web.Response(
        text=json.dumps(value), status=status, content_type="application/json", headers=headers
    )


def error_reply(status: int, message: str, error: Exception | None = None) -> web.Response:
    """An error; the SDK shows ``ExceptionMessage`` of a 400. Stack traces stay in the log."""
    body = {"Message": message}
    if error is not None:
        body["ExceptionMessage"] = str(error)
        body["ExceptionType"] = type(error).__name__
        body["StackTrace"] = ""
    return json_reply(body, status)


def refusal_reply(refusal: DurableRefused) -> web.Response:
    """404 for what is not there, 409 for an id in use, 400 for the rest."""
    match refusal:
        case InstanceMissing():
            return web.Response(status=404)
        case InstanceInUse():
            return error_reply(409, str(refusal), refusal)
        case _:
            message = "One or more of the arguments submitted is incorrect"
            return error_reply(400, message, refusal)
