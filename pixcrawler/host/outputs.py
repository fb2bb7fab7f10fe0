"""Output bindings: write what functions set for queues and blobs."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from azure.core.exceptions import AzureError
from azure.functions.meta import Datum

from pixcrawler.host.calls import FunctionInfo
from pixcrawler.host.errors import HostError
from pixcrawler.host.expressions import UnknownValue, fill
from pixcrawler.host.invocation import STORED_OUTPUTS, OutputFailed
from pixcrawler.host.storage import Storage, patiently


class Outputs:
    """Writes queue and blob outputs; HTTP outputs are the answer itself."""

    def __init__(self, storage: Storage, *, is_base64: bool) -> None:
        self._storage = storage
        self._is_base64 = is_base64

    async def write(
        self, info: FunctionInfo, outputs: Mapping[str, Datum], parameters: Mapping[str, Any]
    ) -> None:
        """Write all outputs of one invocation, in the order of its bindings.

        Args:
            info: the function.
            outputs: one Datum for each output that was set, by parameter name.
            parameters: what path expressions may name.

        Raises:
            OutputFailed: one of them could not be written; those before it are written.
        """
        for binding in info.bindings:
            datum = outputs.get(binding["name"])
            if (
                datum is None
                or binding["type"] not in STORED_OUTPUTS
                or binding["direction"] == "IN"
            ):
                continue
            try:
                await self._write_one(binding, datum, parameters)
            except (AzureError, HostError, UnknownValue, ValueError) as error:
                first_line = str(error).strip().split("\n", 1)[0]
                raise OutputFailed(f"output {binding['name']!r}: {first_line}") from error

    async def _write_one(
        self, binding: Mapping[str, Any], datum: Datum, parameters: Mapping[str, Any]
    ) -> None:
        now = datetime.now(UTC)
        connection = binding["connection"]
        if binding["type"] == "queue":
            queue = self._storage.queue(connection, fill(binding["queueName"], parameters, now))
            for message in _messages(datum):
                content = encode_message(message, is_base64=self._is_base64)
                await patiently(partial(self._storage.send, queue, content))
            return
        container, _, name = fill(binding["path"], parameters, now).strip("/").partition("/")
        if not container or not name:
            raise ValueError(f"{binding['path']!r} names no container and blob")
        client = self._storage.container(connection, container)
        data = _bytes(datum.value)
        await patiently(partial(self._storage.upload, client, name, data))


def encode_message(message: str | bytes, *, is_base64: bool) -> str:
    """Return a queue message as it travels; raises ValueError for bytes that are no text."""
    if is_base64:
        return base64.b64encode(_bytes(message)).decode()
    return message if isinstance(message, str) else message.decode()


def _messages(datum: Datum) -> list[str | bytes]:
    if datum.type != "json":
        return [datum.value]
    value = json.loads(datum.value)
    return [_message_text(item) for item in (value if isinstance(value, list) else [value])]


def _message_text(item: Any) -> str:
    """Return one message's text; a QueueMessage arrives as ``{"id", "body"}``."""
    if isinstance(item, dict) and isinstance(item.get("body"), str):
        return str(item["body"])
    return item if isinstance(item, str) else json.dumps(item)


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
