"""The host: an app's functions, their triggers and the HTTP front wired together."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web
from azure.functions.meta import Datum

from pixcrawler.host.bindings import check_connections, resolve_functions, uses_storage
from pixcrawler.host.caller import AppCaller, Backend
from pixcrawler.host.calls import FunctionInfo
from pixcrawler.host.durability import (
    Durable,
    DurableOrder,
    make_durable,
    start_durable,
    uses_durable,
)
from pixcrawler.host.front import Front, FrontOptions, uptime_ms
from pixcrawler.host.inprocess import InProcess
from pixcrawler.host.invocation import OutputFailed, Runner, WriteOutputs
from pixcrawler.host.invoke import thread_count
from pixcrawler.host.keys import load_keys
from pixcrawler.host.ledger import Ledger
from pixcrawler.host.server import Server, listening_socket
from pixcrawler.host.settings import HostSettings, add_local_settings, read_settings, refuse_azure
from pixcrawler.host.state import DEFAULT_FOLDER, StateFolder
from pixcrawler.host.triggers import Triggers
from pixcrawler.host.workers import WorkerPool

if TYPE_CHECKING:
    from pixcrawler.host.storage import Storage

_DEFAULT_PORT = 7071
_TOKEN_BYTES = 24


@dataclass(frozen=True)
class HostOptions:
    """What the command line says; None means the app's or the host's own default."""

    app: Path
    port: int | None = None
    state: Path | None = None
    processes: int | None = None
    threads: int | None = None
    is_guarded: bool = True
    drain_s: float = 30.0


@dataclass(frozen=True)
class Ready:
    """Where a started host answers; ``rpc_url`` is None for an app without Durable functions."""

    url: str
    rpc_url: str | None
    functions: int


class Host:
    """One function app on this machine."""

    def __init__(self, options: HostOptions, environment: MutableMapping[str, str]) -> None:
        self._options = options
        self._environment = environment
        self._started = time.monotonic()
        self._deadline = 0.0
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._caller: AppCaller | None = None

    async def start(self) -> Ready:
        """Load the app and open its triggers; on failure everything opened is closed again.

        Raises:
            HostError: what keeps it from starting, in one sentence.
        """
        try:
            return await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Take no new work, give what runs its time, then close everything in reverse order."""
        self._deadline = time.monotonic() + self._options.drain_s
        while self._closers:
            await self._closers.pop()()

    async def _start(self) -> Ready:
        options = self._options
        app = options.app.resolve()
        state_path = (options.state or app / DEFAULT_FOLDER).resolve()
        refuse_azure(self._environment)
        local_port = add_local_settings(app, self._environment)
        refuse_azure(self._environment)
        settings = read_settings(app, self._environment)
        state = StateFolder(state_path)
        self._closers.append(_later(state.release))
        port = options.port if options.port is not None else local_port
        door = listening_socket(_DEFAULT_PORT if port is None else port)
        self._closers.append(_later(door.close))
        backend = self._backend(app, settings)
        self._closers.append(backend.stop)
        await backend.start()
        return await self._wire(backend, settings, state_path, door)

    def _backend(self, app: Path, settings: HostSettings) -> Backend:
        threads = thread_count(self._environment, self._options.threads)
        debug = self._environment.get("PYTHON_ENABLE_DEBUG_LOGGING", "").lower() in {"1", "true"}
        processes = self._options.processes
        if processes is None:
            text = self._environment.get("FUNCTIONS_WORKER_PROCESS_COUNT", "")
            processes = int(text) if text.isdigit() else 1
        timeout_s = settings.function_timeout_s
        if processes == 0:
            return InProcess(app, threads=threads, timeout_s=timeout_s, debug=debug)
        return WorkerPool(app, processes, threads=threads, timeout_s=timeout_s, debug=debug)

    async def _wire(
        self, backend: Backend, settings: HostSettings, state_path: Path, door: socket.socket
    ) -> Ready:
        functions = resolve_functions(backend.functions, self._environment)
        check_connections(functions, self._environment)
        keys = load_keys(state_path / "keys.json")
        ledger = Ledger(state_path / "triggers.sqlite")
        self._closers.append(_later(ledger.close))
        storage, write_outputs = self._open_storage(functions, settings)
        caller = AppCaller(backend, functions)
        runner = Runner(caller, write_outputs)
        server = Server(door)
        durable: Durable | None = None
        rpc_url: str | None = None
        if uses_durable(functions):
            order = DurableOrder(
                functions=functions,
                caller=caller,
                document=settings.document,
                folder=state_path,
                system_key=keys.system,
                write_outputs=write_outputs,
                is_in_process=isinstance(backend, InProcess),
            )
            durable, rpc_url = await self._open_durable(order, server.url)
        options = FrontOptions(
            settings.route_prefix, self._options.is_guarded, self._status(caller)
        )
        front = Front(functions, runner, keys, options, durable)
        triggers = Triggers(functions, runner, settings, storage, ledger)
        self._closers.append(partial(self._stop_intake, server, triggers))
        await server.start(front.handle, drain_s=self._options.drain_s)
        triggers.start()
        return Ready(server.url, rpc_url, len(functions))

    async def _open_durable(self, order: DurableOrder, base_url: str) -> tuple[Durable, str]:
        durable = make_durable(order)
        rpc_url = await self._open_rpc(durable)
        order.caller.set_client_binding(durable.client_binding(base_url=base_url, rpc_url=rpc_url))
        self._closers.append(lambda: durable.stop(self._left_s()))
        await start_durable(durable)
        return durable, rpc_url

    async def _stop_intake(self, server: Server, triggers: Triggers) -> None:
        await asyncio.gather(server.stop(), triggers.stop(self._left_s()))

    def _left_s(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def _open_storage(
        self, functions: Mapping[str, FunctionInfo], settings: HostSettings
    ) -> tuple[Storage | None, WriteOutputs]:
        if not uses_storage(functions):
            return None, _write_nothing
        # Only apps with queue or blob bindings pay for importing the storage libraries.
        from pixcrawler.host.outputs import Outputs  # noqa: PLC0415
        from pixcrawler.host.storage import Storage  # noqa: PLC0415

        storage = Storage(self._environment)
        self._closers.append(storage.close)
        return storage, Outputs(storage, is_base64=settings.queues.is_base64).write

    async def _open_rpc(self, durable: Durable) -> str:
        """Open the port on which the app's Durable clients talk to this host.

        Clients show no key there, so the address itself is the secret: other users of the
        machine and pages in a browser cannot guess it.
        """
        prefix = f"/durabletask/{secrets.token_urlsafe(_TOKEN_BYTES)}/"

        async def handle(request: web.Request) -> web.StreamResponse:
            shown = request.path[: len(prefix)].encode("utf-8", "replace")
            if not hmac.compare_digest(shown, prefix.encode()):
                return web.Response(status=404)
            return await durable.handle(request, request.path[len(prefix) :])

        server = Server(listening_socket(0))
        self._closers.append(server.stop)
        await server.start(handle, drain_s=1.0)
        return server.url + prefix

    def _status(self, caller: AppCaller) -> Callable[[], Mapping[str, Any]]:
        def status() -> Mapping[str, Any]:
            return {
                "id": self._options.app.resolve().name.lower(),
                "state": "Running",
                "processUptime": uptime_ms(self._started),
                "inFlight": caller.in_flight,
            }

        return status


async def _write_nothing(
    info: FunctionInfo, outputs: Mapping[str, Datum], parameters: Mapping[str, Any]
) -> None:
    """Refuse outputs of an app that declared none; unreachable through the bindings."""
    del parameters
    if outputs:
        raise OutputFailed(f"Functions.{info.name} has no storage outputs")


def _later(close: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def closer() -> None:
        close()

    return closer
