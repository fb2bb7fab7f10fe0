"""One queue message: held while it is worked on, and told to the function."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.functions.meta import Datum
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from pixcrawler.host.invocation import Event
from pixcrawler.host.logs import HOST


class Undecodable(ValueError):
    """The message's text is not base64 although host.json says that messages are."""


class HeldMessage:
    """A received message, hidden from others until it is released or deleted."""

    def __init__(self, queue: QueueClient, message: QueueMessage, hidden_s: int) -> None:
        self.message = message
        self._queue = queue
        self._hidden_s = hidden_s
        self._receipt = str(message.pop_receipt)
        self._is_settled = False
        # A renewal changes the receipt: nothing else may be under way with the old one.
        self._turn = asyncio.Lock()

    @property
    def id(self) -> str:
        """The message's id."""
        return str(self.message.id)

    @property
    def dequeue_count(self) -> int:
        """How often it was received, this time included."""
        return int(self.message.dequeue_count or 0)

    @asynccontextmanager
    async def renewed(self) -> AsyncIterator[None]:
        """Keep the message hidden for as long as the block runs."""
        renewal = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            renewal.cancel()

    async def release(self, hidden_s: int) -> None:
        """Make it visible to all after some seconds."""
        await self._settle(hidden_s)

    async def delete(self) -> None:
        """Remove it: it is done."""
        async with self._turn:
            if self._is_settled:
                return
            try:
                await self._queue.delete_message(self.id, self._receipt)
            except ResourceNotFoundError:
                HOST.warning("Message %s was gone before it was deleted", self.id)
            self._is_settled = True

    async def _settle(self, hidden_s: int) -> None:
        async with self._turn:
            if self._is_settled:
                return
            with contextlib.suppress(ResourceNotFoundError):
                await self._queue.update_message(
                    self.id, self._receipt, visibility_timeout=hidden_s
                )
            self._is_settled = True

    async def _renew(self) -> None:
        while not self._is_settled:
            await asyncio.sleep(self._hidden_s / 3)
            async with self._turn:
                if self._is_settled:
                    return
                # A failed renewal is tried again: two more fit into the time that is left.
                with contextlib.suppress(AzureError):
                    renewed = await self._queue.update_message(
                        self.id, self._receipt, visibility_timeout=self._hidden_s
                    )
                    self._receipt = str(renewed.pop_receipt)


def message_event(message: QueueMessage, queue: str, *, is_base64: bool) -> Event:
    """Return what the function is told of a message.

    Raises:
        Undecodable: it should be base64 and is not.
    """
    body = _body(str(message.content), is_base64=is_base64)
    text: str | None
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = None
    data = Datum(body, "bytes") if text is None else Datum(text, "string")
    metadata = {
        "Id": message.id,
        "DequeueCount": str(message.dequeue_count),
        "PopReceipt": message.pop_receipt,
        "InsertionTime": _iso(message.inserted_on),
        "ExpirationTime": _iso(message.expires_on),
        "NextVisibleTime": _iso(message.next_visible_on),
        "QueueTrigger": text or "",
    }
    return Event(
        data=data,
        reason=f"New queue message detected on '{queue}'.",
        metadata={
            name: Datum(value, "string") for name, value in metadata.items() if value is not None
        },
        parameters=_parameters(text or "", str(message.id)),
    )


def _body(content: str, *, is_base64: bool) -> bytes:
    if not is_base64:
        return content.encode()
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Undecodable(f"is not base64: {error}") from error


def _parameters(text: str, message_id: str) -> dict[str, Any]:
    parameters: dict[str, Any] = {"queueTrigger": text, "id": message_id}
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(text)
        if isinstance(value, dict):
            parameters.update(value)
    return parameters


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")
