"""The guard: makes HTTP triggers that authenticate, call, and answer in one shape."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from pixcrawler.bootstrap import world
from pixcrawler.domain.account import Principal
from pixcrawler.domain.errors import (
    InvalidRequest,
    Rejected,
    Transient,
    Unauthenticated,
    Violation,
)
from pixcrawler.functions.bodies import bounded, decoded, printable
from pixcrawler.functions.start import start_story
from pixcrawler.functions.wire import Answer, error_answer, response
from pixcrawler.pipeline.limits import SPEC_MAX_BYTES
from pixcrawler.pipeline.payloads import Order

log = logging.getLogger("pixcrawler.http")

_BEARER = "bearer "


class Access(Enum):
    """Who may call an operation."""

    READ = "read"
    """Whoever presents a valid access token."""
    CHANGE = "change"
    """The same, but the session must be open still: the token alone cannot tell."""
    OPERATE = "operate"
    """The same, and the caller must be an operator."""


@dataclass(frozen=True)
class Call:
    """A request of an authenticated caller."""

    request: func.HttpRequest
    principal: Principal

    def path(self, name: str) -> str:
        """Return a part of the route."""
        return str(self.request.route_params.get(name, ""))

    def header(self, name: str) -> str | None:
        """Return a header, if it was sent."""
        value = self.request.headers.get(name)
        return None if value is None else str(value)

    def query(self, name: str) -> str | None:
        """Return a parameter of the query, if it was given."""
        value = self.request.params.get(name)
        return None if value is None else str(value)

    def body(self, max_bytes: int = SPEC_MAX_BYTES) -> Any:
        """Return the body as plain values.

        Raises:
            InvalidRequest: it cannot be read (see `decoded`).
        """
        return decoded(self.request, max_bytes)

    def raw(self, max_bytes: int) -> bytes:
        """Return the body as it is, whatever it is.

        Raises:
            PayloadTooLarge: it is larger than ``max_bytes``.
        """
        return bounded(self.request, max_bytes)


Handler = Callable[[Call], Answer]
Work = Callable[[func.HttpRequest], Answer]


def operation(
    blueprint: df.Blueprint, method: str, route: str, access: Access = Access.READ
) -> Callable[[Handler], Handler]:
    """Register the decorated handler as an HTTP trigger named like it."""

    def register(handler: Handler) -> Handler:
        register_trigger(blueprint, method, route, handler.__name__, _guarded(handler, access))
        return handler

    return register


def starting_operation(
    blueprint: df.Blueprint, method: str, route: str
) -> Callable[[Handler], Handler]:
    """Register a handler that changes something and whose answer may carry a story to start."""

    def register(handler: Handler) -> Handler:
        name, work = handler.__name__, _guarded(handler, Access.CHANGE)

        async def entry(
            req: func.HttpRequest, client: df.DurableOrchestrationClient
        ) -> func.HttpResponse:
            answer, request_id = await asyncio.to_thread(_performed, name, work, req)
            if answer.order is not None:
                await _start(client, answer.order)
            return response(answer, request_id)

        entry.__name__ = name
        # Durable decorators must be the innermost: they drop what is below them.
        bound = blueprint.durable_client_input(client_name="client")(entry)
        _route(blueprint, method, route, name, bound)
        return handler

    return register


def register_trigger(
    blueprint: df.Blueprint, method: str, route: str, name: str, work: Work
) -> None:
    """Register ``work`` as an HTTP trigger; it alone decides who may call it."""

    def entry(req: func.HttpRequest) -> func.HttpResponse:
        return response(*_performed(name, work, req))

    entry.__name__ = name
    _route(blueprint, method, route, name, entry)


def _route(blueprint: df.Blueprint, method: str, route: str, name: str, entry: Any) -> None:
    routed = blueprint.route(route=route, methods=[method], auth_level=func.AuthLevel.ANONYMOUS)
    blueprint.function_name(name)(routed(entry))


def _guarded(handler: Handler, access: Access) -> Work:
    def work(request: func.HttpRequest) -> Answer:
        principal = world().tokens.verify(_token(request))
        if access is not Access.READ:
            world().catalogue.require_live_session(principal)
        if access is Access.OPERATE:
            world().catalogue.require_operator(principal)
        return handler(Call(request, principal))

    return work


def _token(request: func.HttpRequest) -> str:
    value = str(request.headers.get("authorization", ""))
    if not value.lower().startswith(_BEARER):
        raise Unauthenticated(
            "Send an access token: Authorization: Bearer TOKEN.", reason="missing_token"
        )
    return value[len(_BEARER) :].strip()


def _performed(name: str, work: Work, request: func.HttpRequest) -> tuple[Answer, str]:
    """Do the work and write the one line that each request leaves in the log."""
    request_id, started = uuid.uuid4().hex, time.monotonic()
    try:
        answer = work(request)
    except (Rejected, Transient) as error:
        answer = error_answer(error, request_id)
    except Exception as error:
        log.exception("http.broke operation=%s request_id=%s", name, request_id)
        answer = error_answer(error, request_id)
    log.info(
        "http.answered operation=%s status=%d ms=%d request_id=%s",
        name,
        answer.status,
        (time.monotonic() - started) * 1000,
        request_id,
    )
    return answer, request_id


async def _start(client: df.DurableOrchestrationClient, order: Order) -> None:
    """Start the story; when that fails, the job's row stands and a timer starts it later.

    The client raises bare Exception beside those of aiohttp.
    """
    try:
        await start_story(client, order)
    except Exception:
        log.warning("job.not_started job_id=%s", order.job_id, exc_info=True)


def bounded_number(name: str, given: str | None, default: int, most: int) -> int:
    """Return a number of the query, 1 to ``most``.

    Raises:
        InvalidRequest: it is something else.
    """
    if given is None:
        return default
    digits = given.isascii() and given.isdigit() and len(given) <= len(str(most))
    if not digits or not 1 <= int(given) <= most:
        message = f"must be a whole number from 1 to {most}"
        violation = Violation(field=name, rule="range", value=printable(given), message=message)
        raise InvalidRequest(violations=(violation,))
    return int(given)
