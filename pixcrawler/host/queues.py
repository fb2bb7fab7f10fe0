"""Queue triggers: poll, run, delete; failed messages come back, poisonous ones are moved away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from pixcrawler.host.calls import FunctionFailed, FunctionInfo, WorkerLost
from pixcrawler.host.invocation import OutputFailed, Runner
from pixcrawler.host.logs import HOST
from pixcrawler.host.queuemessages import HeldMessage, Undecodable, message_event
from pixcrawler.host.settings import QueueOptions
from pixcrawler.host.storage import Storage, patiently
from pixcrawler.host.suspects import Suspects

_SHORTEST_POLL_S = 0.1
_AWAY_PAUSE_S = 1.0
_POISON_SUFFIX = "-poison"
# Azure hides a message for 10 minutes and renews at half time; shorter here, so that messages of
# a host that was killed come back soon.
_HIDDEN_S = 20
# What fails in a poison queue has nowhere to go: it stays hidden, as on Azure.
_POISON_HIDDEN_S = 600
_LOST_HIDDEN_S = 1


class QueueListener:
    """Runs one function for the messages of one queue."""

    def __init__(
        self, info: FunctionInfo, runner: Runner, options: QueueOptions, storage: Storage
    ) -> None:
        connection = str(info.trigger["connection"])
        self._name = str(info.trigger["queueName"])
        self._info = info
        self._runner = runner
        self._options = options
        self._storage = storage
        self._queue = storage.queue(connection, self._name)
        self._poison: QueueClient | None = None
        if not self._name.endswith(_POISON_SUFFIX):
            self._poison = storage.queue(connection, self._name + _POISON_SUFFIX)
        self._outage = storage.outage(connection, "queue")
        self._arrival = storage.watch(self._queue)
        self._busy: set[asyncio.Task[None]] = set()
        self._suspects = Suspects()

    async def listen(self) -> None:
        """Poll for ever: at once while there are messages, more and more rarely while not."""
        pause_s = _SHORTEST_POLL_S
        while True:
            while len(self._busy) > self._options.new_batch_threshold:
                await asyncio.wait(self._busy, return_when=asyncio.FIRST_COMPLETED)
            self._arrival.clear()
            messages = await self._poll()
            if messages is None:
                await asyncio.sleep(_AWAY_PAUSE_S)
            elif not messages:
                await self._idle(pause_s)
                pause_s = min(self._options.max_polling_interval_s, pause_s * 2)
            else:
                pause_s = _SHORTEST_POLL_S
                for message in messages:
                    task = asyncio.create_task(self._handle(message))
                    self._busy.add(task)
                    task.add_done_callback(self._busy.discard)

    async def finish(self, drain_s: float) -> None:
        """Let running functions end; the messages of the others become visible again."""
        if self._busy:
            await asyncio.wait(self._busy, timeout=drain_s)
        for task in list(self._busy):
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    async def _poll(self) -> Sequence[QueueMessage] | None:
        """Take the next messages; None while the service is away."""
        try:
            pages = self._queue.receive_messages(
                messages_per_page=self._options.batch_size, visibility_timeout=_HIDDEN_S
            ).by_page()
            async for page in pages:
                self._outage.ends()
                return [message async for message in page]
        except ResourceNotFoundError:
            self._outage.ends()
        except AzureError as error:
            self._outage.begins(error)
            return None
        return []

    async def _idle(self, pause_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._arrival.wait(), pause_s)

    async def _handle(self, message: QueueMessage) -> None:
        held = HeldMessage(self._queue, message, _HIDDEN_S)
        async with held.renewed():
            try:
                await self._run(held)
            except asyncio.CancelledError:
                await asyncio.shield(held.release(0))
                raise
            except AzureError as error:
                # It comes back by itself when its time is over.
                HOST.warning("Message %s of %s stays hidden: %s", held.id, self._name, error)

    async def _run(self, held: HeldMessage) -> None:
        limit = self._options.max_dequeue_count
        if held.dequeue_count > limit and self._poison is not None:
            # The host died during the last attempt.
            await self._to_poison(held)
            return
        try:
            event = message_event(held.message, self._name, is_base64=self._options.is_base64)
        except Undecodable as error:
            HOST.error("Message %s of %s %s", held.id, self._name, error)
            await self._to_poison(held)
            return
        try:
            async with self._suspects.alone(held.id):
                await self._runner.run(self._info, event)
        except WorkerLost:
            self._suspects.accuse(held.id)
            await self._give_up(held, _LOST_HIDDEN_S)
        except (FunctionFailed, OutputFailed) as error:
            if isinstance(error, OutputFailed):
                HOST.error("Functions.%s: %s", self._info.name, error)
            await self._give_up(held, int(self._options.visibility_timeout_s))
        else:
            await self._done(held)

    async def _give_up(self, held: HeldMessage, hidden_s: int) -> None:
        """End a failed attempt: poison after the last one, visible again before."""
        if self._poison is None:
            await patiently(partial(held.release, _POISON_HIDDEN_S))
        elif held.dequeue_count >= self._options.max_dequeue_count:
            await self._to_poison(held)
        else:
            await patiently(partial(held.release, hidden_s))

    async def _to_poison(self, held: HeldMessage) -> None:
        if self._poison is None:
            await patiently(partial(held.release, _POISON_HIDDEN_S))
            return
        HOST.warning(
            "Message %s of %s was tried %d times; moving it to %s%s",
            held.id,
            self._name,
            held.dequeue_count,
            self._name,
            _POISON_SUFFIX,
        )
        await patiently(partial(self._storage.send, self._poison, held.message.content))
        await self._done(held)

    async def _done(self, held: HeldMessage) -> None:
        self._suspects.clear(held.id)
        await patiently(held.delete)
