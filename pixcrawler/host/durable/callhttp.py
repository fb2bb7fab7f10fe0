"""The built-in activity behind ``call_http``: one request, one answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

from pixcrawler.host.durable.history import Event, Kind, event

_TIMEOUT_S = 100.0
_MOST_BYTES = 16 * 2**20


async def call_http(task_id: int, request_json: str) -> Event:
    """Send the request and give the event that ends its task.

    A 202 answer is given as it is: polling its Location is the orchestrator's own work, because
    following it here would shift the sequence ids of the SDK. Managed identities do not exist on
    one machine, so a request with a token source fails with that reason.

    Args:
        task_id: the sequence id.
        request_json: method, uri, headers and content, as the SDK wrote them.
    """
    try:
        answer = await _send(json.loads(request_json))
    except (aiohttp.ClientError, OSError, TimeoutError, _Refused) as error:
        reason = f"call_http failed: {str(error) or type(error).__name__}"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"call_http was given an unusable request: {error!r}"
    else:
        return event(Kind.TASK_COMPLETED, TaskScheduledId=task_id, Result=json.dumps(answer))
    return event(Kind.TASK_FAILED, TaskScheduledId=task_id, Reason=reason, Details="")


class _Refused(Exception):
    """The request or its answer is beyond what this host does."""


async def _send(request: dict[str, Any]) -> dict[str, Any]:
    if request.get("tokenSource"):
        raise _Refused("managed identities (token_source) exist only in Azure")
    # One session a call: calls are rare, and a session kept open would outlive the task hub.
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    async with (
        aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.request(
            request["method"],
            request["uri"],
            data=request.get("content"),
            headers=_headers(request),
        ) as response,
    ):
        body = await response.content.read(_MOST_BYTES + 1)
        while len(body) <= _MOST_BYTES and (more := await response.content.read(_MOST_BYTES)):
            body += more
        if len(body) > _MOST_BYTES:
            raise _Refused(f"the answer is larger than {_MOST_BYTES} bytes")
        text = await asyncio.to_thread(body.decode, response.get_encoding(), "replace")
        return {
            "statusCode": response.status,
            "headers": {
                name: ", ".join(response.headers.getall(name)) for name in response.headers
            },
            "content": text,
        }


def _headers(request: dict[str, Any]) -> dict[str, str]:
    headers = {str(name): str(value) for name, value in (request.get("headers") or {}).items()}
    if request.get("content") and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    return headers
