"""A blob as a file that can be sought in, with read-ahead, and a bound on each read and on all."""

from __future__ import annotations

import io
import time

from pixcrawler.domain.storage import BlobRef
from pixcrawler.pipeline.ports import BlobStore

READ_MAX_BYTES = 16 * 1024 * 1024
"""In one go. Readers of archives believe lengths that stand in the file: a central directory of
100,000 members with names of 100 characters has 15 MB."""
PATIENCE_S = 300.0
"""For all reads: 2 GB of TAR.GZ are unpacked in two minutes; of empty gzips they take an hour."""


class BlobFile:
    """What zipfile, tarfile and gzip need of a file, over ranged reads.

    Args:
        blobs: where it is kept.
        ref: the blob.
        ahead_bytes: asked for at least, so that small reads become few requests.

    Raises:
        NotFound: there is no such blob.
        StorageUnavailable: from any method.
    """

    def __init__(self, blobs: BlobStore, ref: BlobRef, ahead_bytes: int) -> None:
        self._blobs, self._ref, self._ahead_bytes = blobs, ref, ahead_bytes
        self.length = blobs.size(ref)
        self._at = 0
        self._ends = time.monotonic() + PATIENCE_S
        self._window, self._window_at = b"", 0

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place.

        Raises:
            OSError: it is before the start, as files say it, too.
        """
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.length}[whence]
        if start + offset < 0:
            raise io.UnsupportedOperation("a place before the start of the file")
        self._at = start + offset
        return self._at

    def read(self, count: int | None = -1) -> bytes:
        """Return ``count`` bytes, or all that are left; fewer only at the end.

        Raises:
            ValueError: that would be more than READ_MAX_BYTES, or PATIENCE_S are over.
        """
        if time.monotonic() > self._ends:
            raise ValueError("it takes too long to read")
        left = max(0, self.length - self._at)
        wanted = left if count is None or count < 0 else min(count, left)
        if wanted > READ_MAX_BYTES:
            raise ValueError("its directory is too large")
        start = self._at - self._window_at
        if not 0 <= start <= start + wanted <= len(self._window):
            self._window_at, start = self._at, 0
            ahead = max(wanted, self._ahead_bytes)
            self._window = self._blobs.get_range(self._ref, self._at, ahead) if wanted else b""
        data = self._window[start : start + wanted]
        self._at += len(data)
        return data
