"""The part of the HTTP interface that starts, shows, lists and changes instances."""

from __future__ import annotations

import json
from collections.abc import Mapping

from aiohttp import web

from pixcrawler.host.durable.births import Start
from pixcrawler.host.durable.errors import InstanceMissing
from pixcrawler.host.durable.hub import Hub
from pixcrawler.host.durable.lifecycle import Lifecycle
from pixcrawler.host.durable.links import WEBHOOKS, Links
from pixcrawler.host.durable.queries import condition, flag, page_size, seconds
from pixcrawler.host.durable.replies import error_reply, json_reply
from pixcrawler.host.durable.tables import Instance
from pixcrawler.host.durable.views import history_view, status_view, value_of

_TOKEN = "x-ms-continuation-token"  # noqa: S105 - the name of a header
_ALL_ROWS = -1


class InstanceApi:
    """Answers ``orchestrators/...`` and ``instances/...``."""

    def __init__(self, hub: Hub, lifecycle: Lifecycle, links: Links) -> None:
        self._hub = hub
        self._lifecycle = lifecycle
        self._links = links
        self.origin = ""

    async def handle(self, request: web.Request, rest: list[str]) -> web.Response:
        """Answer a request; ``rest`` is the path after ``instances``."""
        if not rest:
            return self._all(request)
        instance = self._hub.store.instances.get(rest[0])
        if instance is None:
            raise InstanceMissing(f"No instance with ID '{rest[0]}' found.")
        match request.method, rest[1:]:
            case "GET", []:
                return self._show(request, instance)
            case "DELETE", []:
                return json_reply({"instancesDeleted": int(self._lifecycle.purge(instance.id))})
            case "POST", [operation, *name]:
                return await self._post(request, instance, (operation.lower(), "/".join(name)))
        return web.Response(status=404)

    async def started(self, request: web.Request, start: Start) -> web.Response:
        """Start an instance and answer with its addresses, or its output if asked to wait."""
        return await self._created(request, self._lifecycle.start(start))

    async def _created(self, request: web.Request, instance_id: str) -> web.Response:
        timeout_s = seconds(request.query, "timeout")
        if timeout_s is not None and seconds(request.query, "pollingInterval") is not None:
            await self._hub.wait(instance_id, timeout_s)
            instance = self._hub.store.instances.get(instance_id)
            if instance is not None and instance.status == "Completed":
                return json_reply(value_of(instance.output))
            if instance is not None and instance.is_finished:
                status = 500 if instance.status == "Failed" else 200
                return json_reply(status_view(instance, show_input=True), status)
        links = self._links.management(self._origin(request), instance_id)
        headers = {"Location": links["statusQueryGetUri"], "Retry-After": "10"}
        return json_reply(links, 202, headers)

    def _origin(self, request: web.Request) -> str:
        # The local RPC has a port of its own, where the webhooks do not live.
        if request.path.startswith(WEBHOOKS) or not self.origin:
            return str(request.url.origin())
        return self.origin

    def _all(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            return self._list(request.query, request.headers.get(_TOKEN))
        if request.method == "DELETE":
            return self._purge(request.query)
        return web.Response(status=404)

    def _list(self, query: Mapping[str, str], token: str | None) -> web.Response:
        top = page_size(query)
        wanted = condition(query, token)
        limit = _ALL_ROWS if top is None else top + 1
        rows = self._hub.store.instances.select(wanted.where, wanted.values, limit)
        page = rows[:top]
        following = page[-1].id if len(rows) > len(page) else ""
        show_input = flag(query, "showInput", default=False)
        views = [status_view(row, show_input=show_input) for row in page]
        return json_reply(views, headers={_TOKEN: following})

    def _purge(self, query: Mapping[str, str]) -> web.Response:
        if not query.get("createdTimeFrom"):
            return error_reply(400, "Please provide value for 'createdTimeFrom' parameter.")
        wanted = condition(query)
        rows = self._hub.store.instances.select(wanted.where, wanted.values, _ALL_ROWS)
        purged = self._lifecycle.purge_all(rows)
        if not purged:
            return web.Response(status=404)
        return json_reply({"instancesDeleted": purged})

    def _show(self, request: web.Request, instance: Instance) -> web.Response:
        query = request.query
        show_input = flag(query, "showInput", default=True)
        view = status_view(instance, show_input=show_input)
        if flag(query, "showHistory", default=False):
            view["historyEvents"] = history_view(
                self._hub.store.history.of(instance.id),
                show_input=show_input,
                show_output=flag(query, "showHistoryOutput", default=False),
            )
        if not instance.is_finished:
            headers = {"Location": str(request.url), "Retry-After": "5"}
            return json_reply(view, 202, headers)
        wants_500 = flag(query, "returnInternalServerErrorOnFailure", default=False)
        return json_reply(view, 500 if instance.status == "Failed" and wants_500 else 200)

    async def _post(
        self, request: web.Request, instance: Instance, operation: tuple[str, str]
    ) -> web.Response:
        match operation:
            case "raiseevent", name if name:
                return await self._raise_event(request, instance, name)
            case "rewind", "":
                return self._rewind(instance, request.query.get("reason"))
            case "restart", "":
                with_new_id = flag(request.query, "restartWithNewInstanceId", default=True)
                new_id = self._lifecycle.restart(instance.id, with_new_id=with_new_id)
                return await self._created(request, new_id)
            case change, "":
                return self._change(instance, change, request.query.get("reason"))
        return web.Response(status=404)

    def _change(self, instance: Instance, operation: str, reason: str | None) -> web.Response:
        change = {
            "terminate": self._lifecycle.terminate,
            "suspend": self._lifecycle.suspend,
            "resume": self._lifecycle.resume,
        }.get(operation)
        if change is None:
            return web.Response(status=404)
        if instance.is_finished:
            return web.Response(status=410)
        change(instance.id, reason)
        return web.Response(status=202)

    def _rewind(self, instance: Instance, reason: str | None) -> web.Response:
        if instance.is_finished and instance.status != "Failed":
            return web.Response(status=410)
        self._lifecycle.rewind(instance.id, reason)
        return web.Response(status=202)

    async def _raise_event(
        self, request: web.Request, instance: Instance, name: str
    ) -> web.Response:
        if instance.is_finished:
            return web.Response(status=410)
        if request.content_type != "application/json":
            return error_reply(400, "Only application/json request content is supported")
        body = await request.text()
        try:
            json.loads(body)
        except (ValueError, RecursionError) as error:
            return error_reply(400, "Invalid JSON content", error)
        # The body was awaited: the instance may have finished meanwhile.
        now = self._hub.store.instances.get(instance.id)
        if now is None or now.is_finished:
            return web.Response(status=410)
        self._lifecycle.raise_event(instance.id, name, body)
        return web.Response(status=202)
