"""Azure Storage for triggers and outputs: clients by connection, patience while it is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from pixcrawler.host.connections import connection_string
from pixcrawler.host.errors import HostError
from pixcrawler.host.logs import HOST

T = TypeVar("T")
Service = TypeVar("Service", QueueServiceClient, BlobServiceClient)

# The service may be restarting beside us; about 16 s in all.
_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
_BUSY = frozenset({408, 429, 500, 502, 503, 504})
_CONNECT_TIMEOUT_S = 5
_READ_TIMEOUT_S = 60


class Outage:
    """One service of one connection: logs once when it goes away and once when it is back."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._since: float | None = None

    def begins(self, error: Exception) -> None:
        """Note that the service could not be reached."""
        if self._since is None:
            self._since = time.monotonic()
            first_line = str(error).strip().split("\n", 1)[0]
            HOST.warning("%s cannot be used, triggers wait for it: %s", self._name, first_line)

    def ends(self) -> None:
        """Note that the service answered."""
        if self._since is not None:
            away_s = time.monotonic() - self._since
            self._since = None
            HOST.info("%s is back after %.1f s", self._name, away_s)


class Storage:
    """The storage accounts of an app, opened when first used."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._queues: dict[str, QueueServiceClient] = {}
        self._blobs: dict[str, BlobServiceClient] = {}
        self._outages: dict[tuple[str, str], Outage] = {}
        self._arrivals: dict[str, list[asyncio.Event]] = {}

    def queue(self, connection: str, name: str) -> QueueClient:
        """Return the client of a queue.

        Raises:
            HostError: the connection is not set, identity-based or malformed.
        """
        if connection not in self._queues:
            self._queues[connection] = self._open(QueueServiceClient, connection)
        return self._queues[connection].get_queue_client(name)

    def container(self, connection: str, name: str) -> ContainerClient:
        """Return the client of a blob container; raises as `queue`."""
        if connection not in self._blobs:
            self._blobs[connection] = self._open(BlobServiceClient, connection)
        return self._blobs[connection].get_container_client(name)

    def _open(self, service: type[Service], connection: str) -> Service:
        text = connection_string(connection, self._environment)
        try:
            # Retries are ours: a poll that fails is simply the next poll.
            return service.from_connection_string(
                text,
                retry_total=0,
                connection_timeout=_CONNECT_TIMEOUT_S,
                read_timeout=_READ_TIMEOUT_S,
            )
        except ValueError as error:
            raise HostError(f"the storage connection {connection!r} is malformed") from error

    def outage(self, connection: str, service: str) -> Outage:
        """Return the outage record shared by all listeners of a service (``queue``, ``blob``)."""
        key = (connection, service)
        if key not in self._outages:
            self._outages[key] = Outage(f"The {service} service of {connection!r}")
        return self._outages[key]

    def watch(self, queue: QueueClient) -> asyncio.Event:
        """Return an event that is set whenever this host itself puts a message into a queue."""
        event = asyncio.Event()
        self._arrivals.setdefault(str(queue.url), []).append(event)
        return event

    async def send(self, queue: QueueClient, content: str) -> None:
        """Put a message into a queue, which is created when it is missing."""
        try:
            await queue.send_message(content)
        except ResourceNotFoundError:
            await _ignoring_existing(queue.create_queue)
            await queue.send_message(content)
        for event in self._arrivals.get(str(queue.url), ()):
            event.set()

    async def upload(self, container: ContainerClient, blob: str, data: bytes) -> None:
        """Write a blob over what is there; the container is created when it is missing."""
        try:
            await container.upload_blob(blob, data, overwrite=True)
        except ResourceNotFoundError:
            await _ignoring_existing(container.create_container)
            await container.upload_blob(blob, data, overwrite=True)

    async def close(self) -> None:
        """Close all connections."""
        for queues in self._queues.values():
            await queues.close()
        for blobs in self._blobs.values():
            await blobs.close()


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Run a request again while the service is away, for about 16 s.

    Raises:
        AzureError: the service refused the request, or stayed away.
    """
    for pause_s in _PAUSES_S:
        try:
            return await attempt()
        except AzureError as error:
            if not is_away(error):
                raise
        await asyncio.sleep(pause_s)
    return await attempt()


def is_away(error: AzureError) -> bool:
    """Tell an unreachable or overloaded service from one that refuses a request."""
    if isinstance(error, HttpResponseError):
        return error.status_code in _BUSY
    return isinstance(error, ServiceRequestError | ServiceResponseError)


async def _ignoring_existing(create: Callable[[], Awaitable[object]]) -> None:
    try:
        await create()
    except ResourceExistsError:
        return
