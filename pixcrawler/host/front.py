"""The HTTP front: requests to functions, the extensions' webhooks, the host's own status."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from pixcrawler.host.calls import FunctionFailed, FunctionInfo, WorkerLost
from pixcrawler.host.errors import AppNotLoaded
from pixcrawler.host.invocation import STORED_OUTPUTS, Event, OutputFailed, Runner
from pixcrawler.host.keys import Keys
from pixcrawler.host.logs import HOST
from pixcrawler.host.messages import decoded_path, request_datum, response, route_parameters
from pixcrawler.host.routes import RouteBroken, Router

WEBHOOKS = "/runtime/webhooks/durabletask"
_REASON = "This function was programmatically called via the host APIs."
_WORKER_WAIT_S = 10.0
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Webhooks(Protocol):
    """What answers below ``/runtime/webhooks/durabletask/``."""

    async def handle(self, request: web.Request, path: str) -> web.StreamResponse:
        """Answer one request; ``path`` is what follows the prefix and its slash."""
        ...


@dataclass(frozen=True)
class FrontOptions:
    """How the front behaves; without ``is_guarded`` it asks for no key."""

    route_prefix: str
    is_guarded: bool
    status: Callable[[], Mapping[str, Any]]


class Front:
    """Answers every request on the public port."""

    def __init__(
        self,
        functions: Mapping[str, FunctionInfo],
        runner: Runner,
        keys: Keys,
        options: FrontOptions,
        webhooks: Webhooks | None,
    ) -> None:
        self._functions = functions
        self._runner = runner
        self._keys = keys
        self._options = options
        self._webhooks = webhooks
        self._router = make_router(functions, options.route_prefix)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        if not is_local_name(request.host):
            return web.Response(status=403, text="this host answers to localhost only\n")
        path = decoded_path(request.rel_url.raw_path)
        if path.startswith(f"{WEBHOOKS}/"):
            return await self._to_webhooks(request, path.removeprefix(f"{WEBHOOKS}/"))
        if path.startswith("/admin/host/"):
            return self._administer(request, path)
        found = self._router.match(request.method, path)
        if found is None:
            return web.Response(status=404)
        return await self._call(request, self._functions[found[0]], found[1])

    async def _call(
        self, request: web.Request, info: FunctionInfo, route: Mapping[str, str]
    ) -> web.StreamResponse:
        level = str(info.trigger.get("authLevel") or "FUNCTION").upper()
        if self._options.is_guarded and not self._keys.opens_function(
            shown_key(request), info.name, level
        ):
            return web.Response(status=401)
        body = await request.read()
        if not await self._runner.wait_until_able(_WORKER_WAIT_S):
            HOST.error("Functions.%s was not called: no worker process is ready", info.name)
            return web.Response(status=503, headers={"Retry-After": "5"})
        event = Event(
            data=request_datum(request, body, route),
            reason=_REASON,
            parameters=route_parameters(route, body) if _stores(info) else {},
        )
        try:
            answer = await self._runner.run(info, event)
            return response(answer.returned)
        except (FunctionFailed, WorkerLost):
            return web.Response(status=500)
        except (OutputFailed, ValueError) as error:
            HOST.error("Functions.%s answered what cannot be sent: %s", info.name, error)
            return web.Response(status=500)

    async def _to_webhooks(self, request: web.Request, path: str) -> web.StreamResponse:
        if self._options.is_guarded and not self._keys.opens_webhooks(shown_key(request)):
            return web.Response(status=401)
        if self._webhooks is None:
            return web.Response(status=404)
        return await self._webhooks.handle(request, path)

    def _administer(self, request: web.Request, path: str) -> web.StreamResponse:
        if path == "/admin/host/ping":
            return web.Response(status=200)
        if self._options.is_guarded and not self._keys.opens_admin(shown_key(request)):
            return web.Response(status=401)
        if path == "/admin/host/status" and request.method in {"GET", "HEAD"}:
            return web.json_response(dict(self._options.status()))
        return web.Response(status=404)


def make_router(functions: Mapping[str, FunctionInfo], prefix: str) -> Router:
    """Return the routes of the app's HTTP functions.

    Raises:
        AppNotLoaded: a route is malformed.
    """
    router = Router()
    for info in functions.values():
        if info.kind != "httpTrigger":
            continue
        template = info.trigger.get("route")
        methods = info.trigger.get("methods") or ()
        try:
            router.add(prefix, info.name if template is None else template, info.name, methods)
        except RouteBroken as error:
            raise AppNotLoaded(f"cannot load the {info.name} function: {error}") from error
    return router


def _stores(info: FunctionInfo) -> bool:
    return any(binding["type"] in STORED_OUTPUTS for binding in info.bindings)


def shown_key(request: web.Request) -> str:
    """Return the key a request shows: the header wins over the query."""
    return request.headers.get("x-functions-key") or request.query.get("code") or ""


def is_local_name(host: str) -> bool:
    """Tell whether a Host header names this machine.

    A page on the Internet can point its own name at 127.0.0.1 and call us from a browser; its
    requests carry that name.
    """
    name = host.lower().rsplit(":", 1)[0] if not host.endswith("]") else host.lower()
    return name in _LOCAL_NAMES or name.endswith(".localhost")


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def guard_door(handler: Handler) -> Handler:
    """Wrap a handler so that a fault of ours is a logged, empty 500."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except (ConnectionError, web.RequestPayloadError):
            HOST.debug("%s %s was given up by its client", request.method, request.path)
            return web.Response(status=400)
        except Exception:  # noqa: BLE001 - the door: nothing of a fault may reach the client
            HOST.exception("The host failed on %s %s", request.method, request.path)
            return web.Response(status=500)

    return guarded


def uptime_ms(started: float) -> int:
    """Return milliseconds since a moment of `time.monotonic`."""
    return int((time.monotonic() - started) * 1000)
