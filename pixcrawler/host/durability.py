"""Where the host meets its Durable part: started only for apps that use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from pixcrawler.host.caller import AppCaller
from pixcrawler.host.calls import FunctionInfo
from pixcrawler.host.errors import HostError
from pixcrawler.host.invocation import WriteOutputs

_DURABLE = frozenset({"orchestrationTrigger", "entityTrigger", "activityTrigger", "durableClient"})


class Durable(Protocol):
    """The Durable part, as the host uses it."""

    async def start(self) -> None:
        """Resume what the task hub holds."""
        ...

    async def stop(self, drain_s: float = ...) -> None:
        """Start nothing new and give what runs some time."""
        ...

    async def handle(self, request: web.Request, path: str) -> web.StreamResponse:
        """Answer one request of a client or a webhook."""
        ...

    def client_binding(self, *, base_url: str, rpc_url: str) -> str:
        """Return what parameters bound to a Durable client receive, as JSON."""
        ...


def uses_durable(functions: Mapping[str, FunctionInfo]) -> bool:
    """Tell whether any function has a Durable binding."""
    return any(
        binding["type"] in _DURABLE for info in functions.values() for binding in info.bindings
    )


@dataclass(frozen=True)
class DurableOrder:
    """What the Durable part of an app is made of; ``document`` is host.json, resolved."""

    functions: Mapping[str, FunctionInfo]
    caller: AppCaller
    document: Mapping[str, Any]
    folder: Path
    system_key: str
    write_outputs: WriteOutputs
    is_in_process: bool


def make_durable(order: DurableOrder) -> Durable:
    """Make the Durable part of an app; its task hub is a file in the state folder.

    Raises:
        HostError: the durableTask section of host.json cannot be used.
    """
    # Only apps with Durable functions pay for importing it.
    from pixcrawler.host.durable import (  # noqa: PLC0415
        DurableHost,
        DurableSettings,
        SettingsInvalid,
    )

    try:
        settings = DurableSettings.from_host_json(order.document)
    except SettingsInvalid as error:
        raise HostError(str(error)) from error
    return DurableHost(
        functions=order.functions,
        caller=order.caller,
        store_path=order.folder / f"{settings.hub_name.lower()}.hub.sqlite",
        settings=settings,
        system_key=order.system_key,
        write_outputs=order.write_outputs,
        activities_in_process=order.is_in_process,
    )


async def start_durable(durable: Durable) -> None:
    """Start the Durable part.

    Raises:
        HostError: its task hub cannot be used.
    """
    from pixcrawler.host.durable import StoreUnusable  # noqa: PLC0415 - as above

    try:
        await durable.start()
    except StoreUnusable as error:
        raise HostError(str(error)) from error
