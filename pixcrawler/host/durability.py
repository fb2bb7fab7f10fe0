"""Where the host meets its Durable part: started only for apps that use it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from pixcrawler.host.caller import AppCaller
from pixcrawler.host.calls import FunctionInfo
from pixcrawler.host.errors import HostError
from pixcrawler.host.invocation import WriteOutputs

_DURABLE = frozenset({"orchestrationTrigger", "entityTrigger", "activityTrigger", "durableClient"})
_HUB = re.compile(r"[A-Za-z][A-Za-z0-9]{2,44}")
_DEFAULT_HUB = "TestHubName"


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


def make_durable(
    functions: Mapping[str, FunctionInfo],
    caller: AppCaller,
    document: Mapping[str, Any],
    folder: Path,
    doors: tuple[str, WriteOutputs],
) -> Durable:
    """Make the Durable part of an app.

    Args:
        functions: the app's functions.
        caller: calls them.
        document: host.json, references resolved.
        folder: the state folder; the task hub is a file in it.
        doors: the system key, and what writes the outputs of activities.

    Raises:
        HostError: the name of the task hub cannot be one.
    """
    # Only apps with Durable functions pay for importing it.
    from pixcrawler.host.durable import DurableHost, DurableSettings  # noqa: PLC0415

    section = document.get("extensions", {}).get("durableTask", {})
    hub = str(section.get("hubName", _DEFAULT_HUB))
    if _HUB.fullmatch(hub) is None:
        raise HostError(
            f"the task hub's name {hub!r} must be 3 to 45 letters and digits, a letter first"
        )
    system_key, write_outputs = doors
    durable: Durable = DurableHost(
        functions=functions,
        caller=caller,
        store_path=folder / f"{hub.lower()}.hub.sqlite",
        settings=DurableSettings.from_host_json(document),
        system_key=system_key,
        write_outputs=write_outputs,
    )
    return durable
