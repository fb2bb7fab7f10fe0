"""The HTTP interface of the task hub: local RPC of the durable client, and the webhooks."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from pixcrawler.host.durable.births import Start
from pixcrawler.host.durable.entities import Entities
from pixcrawler.host.durable.errors import DurableRefused
from pixcrawler.host.durable.hub import Hub
from pixcrawler.host.durable.instanceapi import InstanceApi
from pixcrawler.host.durable.lifecycle import Lifecycle
from pixcrawler.host.durable.links import Links
from pixcrawler.host.durable.queries import flag, page_size
from pixcrawler.host.durable.replies import error_reply, json_reply, refusal_reply
from pixcrawler.host.durable.views import entity_view

_log = logging.getLogger(__name__)

_ALL_ROWS = -1


class DurableApi:
    """Answers one request; the caller has checked the key and cut the path.

    Source: HttpApiHandler of the extension.
    """

    def __init__(self, hub: Hub, lifecycle: Lifecycle, entities: Entities, links: Links) -> None:
        self._hub = hub
        self._entities = entities
        self._instances = InstanceApi(hub, lifecycle, links)
        self._rooms: dict[str, Callable[[web.Request, list[str]], Awaitable[web.Response]]] = {
            "orchestrators": self._orchestrators,
            "instances": self._instances.handle,
            "entities": self._entity_room,
        }

    def known_origin(self, origin: str) -> None:
        """Where the host is reached; the addresses that it gives out begin so."""
        self._instances.origin = origin

    async def handle(self, request: web.Request, path: str) -> web.StreamResponse:
        """Answer a request.

        Args:
            request: method, query, headers and body count.
            path: what follows the prefix, decoded, such as ``instances/abc/terminate``.
        """
        room, *rest = [part for part in path.split("/") if part] or [""]
        answer = self._rooms.get(room.lower(), _nowhere)
        try:
            return await answer(request, rest)
        except DurableRefused as error:
            return refusal_reply(error)
        except web.HTTPException:
            raise
        except Exception as error:  # noqa: BLE001 - the door of the HTTP interface
            _log.exception("%s %s failed", request.method, room)
            return error_reply(500, "Something went wrong while processing your request", error)

    async def _orchestrators(self, request: web.Request, rest: list[str]) -> web.Response:
        if request.method != "POST" or len(rest) not in (1, 2):
            return web.Response(status=404)
        value = await _json_body(request)
        raw_input = None if value is None else json.dumps(value, separators=(",", ":"))
        instance_id = rest[1] if len(rest) > 1 else None
        start = Start(rest[0], instance_id, raw_input, request.query.get("version"))
        return await self._instances.started(request, start)

    async def _entity_room(self, request: web.Request, rest: list[str]) -> web.Response:
        match request.method, rest:
            case "GET", [name, key]:
                return self._read_entity(name, key)
            case "GET", ([] | [_]):
                return self._list_entities(rest, request.query)
            case "POST", [name, key]:
                await self._signal(request, (name, key), request.query.get("op", ""))
                return web.Response(status=202)
            case "DELETE", [name, key]:
                await self._signal(request, (name, key), "delete")
                return web.Response(status=202)
        return web.Response(status=404)

    def _read_entity(self, name: str, key: str) -> web.Response:
        exists, state = self._hub.store.entities.state(f"@{name.lower()}@{key}")
        if not exists:
            return web.Response(status=404)
        text = "null" if state is None else state
        return web.Response(text=text, content_type="application/json")

    def _list_entities(self, rest: list[str], query: Mapping[str, str]) -> web.Response:
        prefix = f"@{rest[0].lower()}@" if rest else "@"
        top = page_size(query)
        rows = self._hub.store.entities.named(prefix, _ALL_ROWS if top is None else top)
        fetch = flag(query, "fetchState", default=False)
        return json_reply([entity_view(row, fetch_state=fetch) for row in rows])

    async def _signal(self, request: web.Request, target: tuple[str, str], operation: str) -> None:
        raw_input = None
        if request.content_type == "application/json":
            value = await _json_body(request)
            raw_input = None if value is None else json.dumps(value)
        elif text := await request.text():
            raw_input = json.dumps(text)
        self._entities.send(*target, operation, raw_input)


async def _nowhere(_request: web.Request, _rest: list[str]) -> web.Response:
    return web.Response(status=404)


async def _json_body(request: web.Request) -> Any:
    """The body as a JSON value; None when there is none.

    Raises:
        DurableRefused: it is not JSON.
    """
    body = await request.read()
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DurableRefused(f"Invalid JSON content: {error}") from error
