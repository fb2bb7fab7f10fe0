"""Blob triggers: look for new versions of blobs, run each once, give up after some failures."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.functions.meta import Datum
from azure.storage.blob import BlobProperties

from pixcrawler.host.calls import FunctionFailed, FunctionInfo, WorkerLost
from pixcrawler.host.errors import AppNotLoaded
from pixcrawler.host.expressions import BlobPath
from pixcrawler.host.frames import MAX_BODY_BYTES
from pixcrawler.host.invocation import Event, OutputFailed, Runner
from pixcrawler.host.ledger import DONE, PENDING, POISONED, BlobReceipt, Ledger
from pixcrawler.host.logs import HOST
from pixcrawler.host.outputs import encode_message
from pixcrawler.host.settings import HostSettings
from pixcrawler.host.storage import Storage, is_away, patiently
from pixcrawler.host.suspects import Suspects

_POLL_S = 1.0
# A large container is listed more rarely: at most a sixth of the time goes into listing.
_REST_PER_SCAN = 5.0
_POISON_QUEUE = "webjobs-blobtrigger-poison"


class BlobListener:
    """Runs one function for each new version (etag) of the blobs on a path."""

    def __init__(
        self,
        info: FunctionInfo,
        runner: Runner,
        settings: HostSettings,
        storage: Storage,
        ledger: Ledger,
    ) -> None:
        """Read the trigger's path.

        Raises:
            AppNotLoaded: the path names no container.
        """
        try:
            self._path = BlobPath(str(info.trigger["path"]))
        except ValueError as error:
            raise AppNotLoaded(f"cannot load the {info.name} function: {error}") from error
        connection = str(info.trigger["connection"])
        self._info = info
        self._runner = runner
        self._settings = settings
        self._storage = storage
        self._ledger = ledger
        self._receipts = ledger.receipts(info.name)
        self._container = storage.container(connection, self._path.container)
        self._poison = storage.queue(connection, _POISON_QUEUE)
        self._outage = storage.outage(connection, "blob")
        self._slots = asyncio.Semaphore(settings.blobs.max_degree_of_parallelism)
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._suspects = Suspects()

    async def listen(self) -> None:
        """Look for ever, about once a second."""
        while True:
            started = time.monotonic()
            try:
                await self._scan()
                self._outage.ends()
            except AzureError as error:
                self._outage.begins(error)
            took_s = time.monotonic() - started
            await asyncio.sleep(max(_POLL_S, _REST_PER_SCAN * took_s))

    async def finish(self, drain_s: float) -> None:
        """Let running functions end; the others run again at the next start."""
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=drain_s)
        for task in list(self._busy.values()):
            task.cancel()
        await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _scan(self) -> None:
        seen: set[str] = set()
        try:
            blobs = self._container.list_blobs(
                name_starts_with=self._path.prefix or None, include=["metadata"]
            )
            async for blob in blobs:
                values = self._path.match(str(blob.name))
                if values is None:
                    continue
                name = self._full_name(blob)
                seen.add(name)
                if name not in self._busy and self._is_due(name, str(blob.etag)):
                    await self._slots.acquire()
                    self._begin(name, blob, values)
        except ResourceNotFoundError:
            self._outage.ends()
        for name in self._receipts.keys() - seen - self._busy.keys():
            del self._receipts[name]
            self._ledger.drop_receipt(self._info.name, name)

    def _full_name(self, blob: BlobProperties) -> str:
        return f"{self._path.container}/{blob.name}"

    def _is_due(self, name: str, etag: str) -> bool:
        receipt = self._receipts.get(name)
        return receipt is None or receipt.etag != etag or receipt.state == PENDING

    def _begin(self, name: str, blob: BlobProperties, values: Mapping[str, str]) -> None:
        task = asyncio.create_task(self._handle(name, blob, values))
        self._busy[name] = task
        task.add_done_callback(partial(self._end, name))

    def _end(self, name: str, task: asyncio.Task[None]) -> None:
        del self._busy[name]
        self._slots.release()
        if not task.cancelled() and task.exception() is not None:
            HOST.error("Blob %s was not handled", name, exc_info=task.exception())

    async def _handle(self, name: str, blob: BlobProperties, values: Mapping[str, str]) -> None:
        etag = str(blob.etag)
        known = self._receipts.get(name)
        tries = known.tries if known is not None and known.etag == etag else 0
        try:
            if tries >= self._settings.blobs.poison_blob_threshold:
                # The host died during the last attempt.
                await self._to_poison(name, blob, tries)
                return
            event = await self._event(name, blob, values)
            if event is None:
                return
            tries += 1
            # Before the run: a blob that kills the host must not be tried for ever.
            self._record(name, BlobReceipt(etag, tries, PENDING))
            if await self._succeeds(name, event):
                self._record(name, BlobReceipt(etag, tries, DONE))
            elif tries >= self._settings.blobs.poison_blob_threshold:
                await self._to_poison(name, blob, tries)
        except asyncio.CancelledError:
            # Stopping the host is not the blob's fault.
            self._record(name, BlobReceipt(etag, max(0, tries - 1), PENDING))
            raise
        except AzureError as error:
            if not is_away(error):
                HOST.warning("Blob %s has to wait: %s", name, error)

    async def _succeeds(self, name: str, event: Event) -> bool:
        try:
            async with self._suspects.alone(name):
                await self._runner.run(self._info, event)
        except WorkerLost:
            self._suspects.accuse(name)
            return False
        except FunctionFailed:
            return False
        except OutputFailed as error:
            HOST.error("Functions.%s: %s", self._info.name, error)
            return False
        self._suspects.clear(name)
        return True

    async def _event(
        self, name: str, blob: BlobProperties, values: Mapping[str, str]
    ) -> Event | None:
        """Return what the function is told; None where the blob changed or went meanwhile."""
        if (blob.size or 0) > MAX_BODY_BYTES:
            HOST.error("Blob %s is larger than %d bytes and is left alone", name, MAX_BODY_BYTES)
            self._record(name, BlobReceipt(str(blob.etag), 0, DONE))
            return None
        try:
            download = await self._container.download_blob(
                str(blob.name), etag=blob.etag, match_condition=MatchConditions.IfNotModified
            )
            data = await download.readall()
        except HttpResponseError as error:
            if is_away(error):
                raise
            return None
        uri = f"{self._container.url}/{blob.name}"
        return blob_event(name, uri, blob, data, values)

    def _record(self, name: str, receipt: BlobReceipt) -> None:
        self._receipts[name] = receipt
        self._ledger.put_receipt(self._info.name, name, receipt)

    async def _to_poison(self, name: str, blob: BlobProperties, tries: int) -> None:
        HOST.warning("Blob %s was tried %d times; a message goes to %s", name, tries, _POISON_QUEUE)
        message = json.dumps(
            {
                "Type": "BlobTrigger",
                "FunctionId": f"Host.Functions.{self._info.name}",
                "BlobType": "BlockBlob",
                "ContainerName": self._path.container,
                "BlobName": blob.name,
                "ETag": blob.etag,
            }
        )
        content = encode_message(message, is_base64=self._settings.queues.is_base64)
        await patiently(partial(self._storage.send, self._poison, content))
        self._record(name, BlobReceipt(str(blob.etag), tries, POISONED))
        self._suspects.clear(name)


def blob_event(
    name: str, uri: str, blob: BlobProperties, data: bytes, values: Mapping[str, str]
) -> Event:
    """Return what a function is told of a blob; ``name`` is container/blob."""
    properties: dict[str, Any] = {
        "ContentLength": len(data),
        "ETag": blob.etag,
        "ContentType": blob.content_settings.content_type,
        "LastModified": _iso(blob.last_modified),
        "CreatedOn": _iso(blob.creation_time),
        "BlobType": 0,
    }
    metadata = {
        "BlobTrigger": Datum(name, "string"),
        "Uri": Datum(uri, "string"),
        "Properties": Datum(json.dumps(properties), "json"),
        "Metadata": Datum(json.dumps(blob.metadata or {}), "json"),
        **{key: Datum(value, "string") for key, value in values.items()},
    }
    return Event(
        data=Datum(data, "bytes"),
        reason=f"New blob detected: {name}",
        metadata=metadata,
        parameters={**values, "blobTrigger": name},
    )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
