"""Blobs in a dictionary, for tests and for trying a step without a store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import IO
from urllib.parse import quote, urlencode

from pixcrawler.domain.errors import Conflict, NotFound
from pixcrawler.domain.storage import BlobRef, DownloadLink, StorageTier

PIECE_BYTES = 4 * 1024 * 1024
"""Largest piece that ``stream`` yields: the port's promise."""


@dataclass(frozen=True)
class _Blob:
    data: bytes
    media_type: str
    tier: StorageTier = StorageTier.HOT


class MemoryBlobs:
    """A BlobStore; safe to use from several threads.

    A blob in the cold tier cannot be read until it is moved (Conflict), as in Azure's archive.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blobs: dict[tuple[str, str], _Blob] = {}

    def put(self, ref: BlobRef, data: bytes, media_type: str = "application/octet-stream") -> None:
        """Write ``data``."""
        with self._lock:
            self._blobs[ref.container, ref.name] = _Blob(bytes(data), media_type)

    def put_file(
        self, ref: BlobRef, source: IO[bytes], media_type: str = "application/octet-stream"
    ) -> None:
        """Write everything from ``source``'s start."""
        source.seek(0)
        self.put(ref, source.read(), media_type)

    def put_new(self, ref: BlobRef, data: bytes, media_type: str = "application/json") -> bool:
        """Write only when there is nothing yet; say whether it was written."""
        blob = _Blob(bytes(data), media_type)
        with self._lock:
            return self._blobs.setdefault((ref.container, ref.name), blob) is blob

    def get(self, ref: BlobRef) -> bytes:
        """Return all bytes."""
        return self._readable(ref).data

    def get_range(self, ref: BlobRef, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``, fewer when the blob ends before."""
        return self._readable(ref).data[offset : offset + length]

    def stream(self, ref: BlobRef) -> Iterator[bytes]:
        """Yield the bytes in pieces of at most 4 MiB."""
        data = self._readable(ref).data
        for start in range(0, len(data), PIECE_BYTES):
            yield data[start : start + PIECE_BYTES]

    def exists(self, ref: BlobRef) -> bool:
        """Say whether the blob is there."""
        with self._lock:
            return (ref.container, ref.name) in self._blobs

    def size(self, ref: BlobRef) -> int:
        """Return the blob's length in bytes."""
        with self._lock:
            return len(self._found(ref).data)

    def names(self, container: str, prefix: str) -> Iterator[str]:
        """Yield blob names that start with ``prefix``, in order."""
        with self._lock:
            found = sorted(
                name
                for kept_in, name in self._blobs
                if kept_in == container and name.startswith(prefix)
            )
        yield from found

    def lengths(self, container: str, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield what ``names`` does, each with the blob's bytes."""
        for name in self.names(container, prefix):
            yield name, self.size(BlobRef(container=container, name=name))

    def delete(self, ref: BlobRef) -> None:
        """Remove; nothing happens when it is not there."""
        with self._lock:
            self._blobs.pop((ref.container, ref.name), None)

    def delete_prefix(self, container: str, prefix: str) -> int:
        """Remove every blob whose name starts with ``prefix``; return how many."""
        names = list(self.names(container, prefix))
        for name in names:
            self.delete(BlobRef(container=container, name=name))
        return len(names)

    def set_tier(self, ref: BlobRef, tier: StorageTier) -> None:
        """Move the blob to a storage tier."""
        with self._lock:
            self._blobs[ref.container, ref.name] = replace(self._found(ref), tier=tier)

    def link(self, ref: BlobRef, expires_at: datetime, filename: str) -> DownloadLink:
        """Return a ``memory:`` address that names blob, end and file name; nothing serves it."""
        terms = urlencode({"expires_at": expires_at.isoformat(), "filename": filename})
        return DownloadLink(
            url=f"memory:{ref.container}/{quote(ref.name)}?{terms}", expires_at=expires_at
        )

    def upload_link(self, ref: BlobRef, expires_at: datetime) -> DownloadLink:
        """Return a ``memory:`` address that names blob and end; nothing serves it."""
        terms = urlencode({"expires_at": expires_at.isoformat(), "upload": "yes"})
        return DownloadLink(
            url=f"memory:{ref.container}/{quote(ref.name)}?{terms}", expires_at=expires_at
        )

    def _readable(self, ref: BlobRef) -> _Blob:
        with self._lock:
            blob = self._found(ref)
        if blob.tier is StorageTier.COLD:
            raise Conflict("The blob is archived: move it to a warmer tier first", name=ref.name)
        return blob

    def _found(self, ref: BlobRef) -> _Blob:
        try:
            return self._blobs[ref.container, ref.name]
        except KeyError:
            raise NotFound(f"There is no blob {ref.container}/{ref.name}") from None
