"""Start and stop what listens for queue messages, blobs and the time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from pixcrawler.host.calls import FunctionInfo
from pixcrawler.host.invocation import Runner
from pixcrawler.host.ledger import Ledger
from pixcrawler.host.logs import HOST
from pixcrawler.host.settings import HostSettings
from pixcrawler.host.timers import TimerListener

if TYPE_CHECKING:
    from pixcrawler.host.storage import Storage

_FAULT_PAUSE_S = 5.0


class Listener(Protocol):
    """Waits for one function's events."""

    async def listen(self) -> None:
        """Run the function for each event, for ever."""
        ...

    async def finish(self, drain_s: float) -> None:
        """After `listen` was cancelled: let what runs end, then cut it off."""
        ...


class Triggers:
    """All listeners of an app."""

    def __init__(
        self,
        functions: Mapping[str, FunctionInfo],
        runner: Runner,
        settings: HostSettings,
        storage: Storage | None,
        ledger: Ledger,
    ) -> None:
        self._listeners: dict[str, Listener] = {}
        for name, info in functions.items():
            if info.kind == "timerTrigger":
                self._listeners[name] = TimerListener(info, runner, ledger)
            elif storage is not None and info.kind in {"queueTrigger", "blobTrigger"}:
                self._listeners[name] = _stored(info, runner, settings, storage, ledger)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to listen."""
        self._tasks = [
            asyncio.create_task(_for_ever(name, listener))
            for name, listener in self._listeners.items()
        ]

    async def stop(self, drain_s: float) -> None:
        """Take no further event and give what runs its time."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(listener.finish(drain_s) for listener in self._listeners.values()))


def _stored(
    info: FunctionInfo,
    runner: Runner,
    settings: HostSettings,
    storage: Storage,
    ledger: Ledger,
) -> Listener:
    # They import the storage libraries: only apps with such triggers pay for that.
    from pixcrawler.host.blobs import BlobListener  # noqa: PLC0415
    from pixcrawler.host.queues import QueueListener  # noqa: PLC0415

    if info.kind == "queueTrigger":
        return QueueListener(info, runner, settings.queues, storage)
    return BlobListener(info, runner, settings, storage, ledger)


async def _for_ever(name: str, listener: Listener) -> None:
    while True:
        try:
            await listener.listen()
        except Exception:  # noqa: BLE001 - a fault of ours must not silence a trigger for good
            HOST.exception("The listener of Functions.%s failed", name)
        await asyncio.sleep(_FAULT_PAUSE_S)
