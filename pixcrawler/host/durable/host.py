"""The task hub as the host sees it: start, stop, answer requests, bind clients."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from pixcrawler.host.calls import Caller, FunctionInfo
from pixcrawler.host.durable.activities import Activities
from pixcrawler.host.durable.entities import Entities
from pixcrawler.host.durable.episodes import Episodes
from pixcrawler.host.durable.httpapi import DurableApi
from pixcrawler.host.durable.hub import ENTITY, ORCHESTRATOR, Hub, Registry, WriteOutputs
from pixcrawler.host.durable.lanes import Lane
from pixcrawler.host.durable.lifecycle import Lifecycle
from pixcrawler.host.durable.links import Links
from pixcrawler.host.durable.settings import DurableSettings
from pixcrawler.host.durable.store import Store

_DRAIN_S = 5.0


class DurableHost:
    """Runs the orchestrations, activities and entities of one app on one SQLite file.

    Everything runs on the event loop that called `start`. What was under way when a former host
    stopped or was killed goes on from there.
    """

    def __init__(  # noqa: PLR0913 - wiring, all by keyword
        self,
        *,
        functions: Mapping[str, FunctionInfo],
        caller: Caller,
        store_path: Path,
        settings: DurableSettings,
        system_key: str,
        write_outputs: WriteOutputs,
        activities_in_process: bool = True,
    ) -> None:
        """Prepare a task hub; nothing is opened before `start`.

        Args:
            functions: the app's functions, of which only the durable ones count.
            caller: runs them.
            store_path: the SQLite file; its folder is made.
            settings: hub name and limits.
            system_key: goes into the addresses that are given out.
            write_outputs: writes an activity's output bindings, before it counts as done.
            activities_in_process: whether an activity that kills its process kills this host.
                If not, the death of the host is never an activity's fault.
        """
        self._registry = Registry(functions.values())
        self._caller = caller
        self._store_path = store_path
        self._settings = settings
        self._links = Links(settings.hub_name, system_key)
        self._write_outputs = write_outputs
        self._blame_on_host_death = activities_in_process
        self._origin = ""
        self._hub: Hub | None = None
        self._api: DurableApi | None = None

    async def start(self) -> None:
        """Open the store and go on with everything in it.

        Raises:
            StoreUnusable: another host has it open, or its schema version is not ours.
        """
        store = Store(self._store_path)
        with store.tx():
            store.tasks.after_host_death(blame=self._blame_on_host_death)
        hub = Hub(store, self._settings, self._registry, self._caller)
        episodes, entities = Episodes(hub), Entities(hub)
        hub.lanes[ORCHESTRATOR] = Lane(self._settings.orchestrators_at_once, episodes.turn)
        hub.lanes[ENTITY] = Lane(self._settings.entities_at_once, entities.turn)
        hub.activities = Activities(hub, self._write_outputs)
        self._hub = hub
        self._api = DurableApi(hub, Lifecycle(hub, episodes), entities, self._links)
        self._api.known_origin(self._origin)
        hub.resume()

    async def stop(self, drain_s: float = _DRAIN_S) -> None:
        """Start nothing more, let what runs end for a while, and close the store.

        What had to be cut off runs again at the next start, and that does not count as a death.
        """
        hub, self._hub, self._api = self._hub, None, None
        if hub is None:
            return
        hub.silence()
        lanes = (lane.stop(drain_s) for lane in hub.lanes.values())
        try:
            await asyncio.gather(*lanes, hub.activities.stop(drain_s))
        finally:
            hub.store.close()

    async def handle(self, request: web.Request, path: str) -> web.StreamResponse:
        """Answer a request of the local RPC or of the webhooks.

        Args:
            request: the key has been checked.
            path: what follows the prefix, such as ``orchestrators/name/id``.
        """
        if self._api is None:
            return web.Response(status=503, headers={"Retry-After": "1"})
        return await self._api.handle(request, path)

    def client_binding(self, *, base_url: str, rpc_url: str) -> str:
        """What a durable client's parameter receives, JSON text.

        Args:
            base_url: scheme, host and port under which the webhooks are reached.
            rpc_url: the address of the local RPC.
        """
        self._origin = base_url.rstrip("/")
        if self._api is not None:
            self._api.known_origin(self._origin)
        return self._links.client_binding(self._origin, rpc_url)
