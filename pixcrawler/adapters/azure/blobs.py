"""Blobs in an Azure storage account, or in Azurite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from http import HTTPStatus
from typing import IO, Any, TypeVar

from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.identity import DefaultAzureCredential
from azure.storage.blob import (
    BlobClient,
    BlobLeaseClient,
    BlobServiceClient,
    ContentSettings,
    LinearRetry,
    StorageStreamDownloader,
)

from pixcrawler.adapters.azure.errors import code_of, in_our_words
from pixcrawler.adapters.azure.links import LinkSigner
from pixcrawler.adapters.azure.tiers import AZURE_TIERS
from pixcrawler.domain.errors import StorageUnavailable
from pixcrawler.domain.storage import BlobRef, DownloadLink, StorageTier

T = TypeVar("T")

_PIECE_BYTES = 4 * 1024 * 1024
"""What ``stream`` yields at most: the port's promise."""
_FIRST_BYTES = 2 * _PIECE_BYTES
"""Read in one request, all of a common shard; the rest in pieces. It is held while they come."""
_BLOCK_BYTES = 8 * 1024 * 1024
"""Of a large upload; 50,000 blocks make 400 GB."""
_BLOCKS_AT_ONCE = 4
_BATCH_BLOBS = 256
"""Most that one batch request may hold."""
_CONNECT_S = 10
_READ_S = 60


class AzureBlobs:
    """A BlobStore; one for the whole process, safe to use from several threads."""

    def __init__(self, service: BlobServiceClient) -> None:
        self._service = service
        self._signer = LinkSigner(service)

    @classmethod
    def connect(cls, account: str) -> AzureBlobs:
        """Return the blobs of an account: its connection string, or its https address.

        With an address the process's identity signs in, at the first use. Nothing is asked of
        the service here.
        """
        options: dict[str, Any] = {
            # Two to four seconds: a health check waits for them, and a step's own policy goes on.
            "retry_policy": LinearRetry(backoff=1, retry_total=2, random_jitter_range=1),
            "max_block_size": _BLOCK_BYTES,
            "max_chunk_get_size": _PIECE_BYTES,
            "max_single_get_size": _FIRST_BYTES,
            "connection_timeout": _CONNECT_S,
            "read_timeout": _READ_S,
        }
        if account.startswith(("https://", "http://")):
            return cls(BlobServiceClient(account, DefaultAzureCredential(), **options))
        return cls(BlobServiceClient.from_connection_string(account, **options))

    def put(self, ref: BlobRef, data: bytes, media_type: str = "application/octet-stream") -> None:
        """Write ``data``."""
        content = ContentSettings(content_type=media_type)
        self._write(
            ref, lambda blob: blob.upload_blob(data, overwrite=True, content_settings=content)
        )

    def put_file(
        self, ref: BlobRef, source: IO[bytes], media_type: str = "application/octet-stream"
    ) -> None:
        """Write everything from ``source``'s start, streamed."""

        def upload(blob: BlobClient) -> None:
            source.seek(0)
            blob.upload_blob(
                source,
                overwrite=True,
                content_settings=ContentSettings(content_type=media_type),
                max_concurrency=_BLOCKS_AT_ONCE,
            )

        self._write(ref, upload)

    def put_new(self, ref: BlobRef, data: bytes, media_type: str = "application/json") -> bool:
        """Write only when there is nothing yet; say whether it was written.

        After a lost answer the retried request may find its own work, and says False.
        """
        content = ContentSettings(content_type=media_type)

        def upload(blob: BlobClient) -> bool:
            try:
                blob.upload_blob(data, overwrite=False, content_settings=content)
            except ResourceExistsError as error:
                if code_of(error) != "BlobAlreadyExists":
                    raise
                return False
            return True

        return self._write(ref, upload)

    def get(self, ref: BlobRef) -> bytes:
        """Return all bytes."""
        with in_our_words():
            return self._download(ref).readall()

    def get_range(self, ref: BlobRef, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``, fewer when the blob ends before."""
        if length <= 0:
            return b""
        with in_our_words():
            try:
                return self._download(ref, offset, length).readall()
            except HttpResponseError as error:
                if error.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return b""
                raise

    def stream(self, ref: BlobRef) -> Iterator[bytes]:
        """Yield the bytes in pieces of at most 4 MiB."""
        with in_our_words():
            for piece in self._download(ref).chunks():
                if piece:
                    yield piece

    def exists(self, ref: BlobRef) -> bool:
        """Say whether the blob is there."""
        with in_our_words():
            return self._blob(ref).exists()

    def size(self, ref: BlobRef) -> int:
        """Return the blob's length in bytes."""
        with in_our_words():
            return int(self._blob(ref).get_blob_properties().size)

    def names(self, container: str, prefix: str) -> Iterator[str]:
        """Yield blob names that start with ``prefix``, in order; nothing for no container."""
        listing = self._service.get_container_client(container)
        with in_our_words():
            try:
                yield from listing.list_blob_names(name_starts_with=prefix)
            except ResourceNotFoundError:
                return

    def lengths(self, container: str, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield what ``names`` does, each with the blob's bytes."""
        listing = self._service.get_container_client(container)
        with in_our_words():
            try:
                for blob in listing.list_blobs(name_starts_with=prefix):
                    yield str(blob.name), int(blob.size)
            except ResourceNotFoundError:
                return

    def delete(self, ref: BlobRef) -> None:
        """Remove; nothing happens when it is not there.

        Whoever has an upload link may have leased the blob for ever: that does not keep it.
        """
        blob = self._blob(ref)
        with in_our_words():
            try:
                blob.delete_blob(delete_snapshots="include")
            except ResourceNotFoundError:
                return
            except HttpResponseError as error:
                if code_of(error) != "LeaseIdMissing":
                    raise
                BlobLeaseClient(blob).break_lease(0)
                blob.delete_blob(delete_snapshots="include")

    def delete_prefix(self, container: str, prefix: str) -> int:
        """Remove every blob whose name starts with ``prefix``; return how many.

        Raises:
            StorageUnavailable: some are still there; a repeat goes on.
        """
        names = list(self.names(container, prefix))
        blobs = self._service.get_container_client(container)
        for start in range(0, len(names), _BATCH_BLOBS):
            batch = names[start : start + _BATCH_BLOBS]
            with in_our_words():
                answers = blobs.delete_blobs(*batch, raise_on_any_failure=False)
                statuses = {answer.status_code for answer in answers}
            failed = statuses - {HTTPStatus.ACCEPTED, HTTPStatus.NOT_FOUND}
            if failed:
                raise StorageUnavailable(f"Storage: blobs were not deleted ({sorted(failed)})")
        return len(names)

    def set_tier(self, ref: BlobRef, tier: StorageTier) -> None:
        """Move the blob to a storage tier."""
        with in_our_words():
            self._blob(ref).set_standard_blob_tier(AZURE_TIERS[tier])

    def link(self, ref: BlobRef, expires_at: datetime, filename: str) -> DownloadLink:
        """Return a read-only address of this one blob, good until ``expires_at``."""
        with in_our_words():
            return self._signer.link(ref, expires_at, filename)

    def upload_link(self, ref: BlobRef, expires_at: datetime) -> DownloadLink:
        """Return an address that this one blob may be written to until ``expires_at``.

        Whoever has it cannot make containers, so that is done here.
        """
        with in_our_words():
            self._make(ref.container)
            return self._signer.upload_link(ref, expires_at)

    def _blob(self, ref: BlobRef) -> BlobClient:
        return self._service.get_blob_client(ref.container, ref.name)

    def _download(
        self, ref: BlobRef, offset: int | None = None, length: int | None = None
    ) -> StorageStreamDownloader[bytes]:
        """The bytes as they are: a sender may say that 64 MB of them are 64 GB, packed."""
        return self._blob(ref).download_blob(offset, length, decompress=False)

    def _write(self, ref: BlobRef, write: Callable[[BlobClient], T]) -> T:
        """Write; only where there is no container, make it and write again."""
        blob = self._blob(ref)
        with in_our_words():
            try:
                return write(blob)
            except ResourceNotFoundError:
                self._make(ref.container)
                return write(blob)

    def _make(self, container: str) -> None:
        try:
            self._service.create_container(container)
        except ResourceExistsError as error:
            if code_of(error) != "ContainerAlreadyExists":
                raise
