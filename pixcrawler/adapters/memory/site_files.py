"""Site files in this process: a SiteFiles for one process, and for tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.pipeline.visits.host_rules import FILE_LASTS_MAX_S, FILE_MAX_BYTES
from pixcrawler.pipeline.visits.ports import SiteFile


class MemorySiteFiles:
    """Keeps everything in this object; any number of threads may ask.

    Args:
        clock: the time now, in seconds since some moment.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._files: dict[str, tuple[SiteFile, float]] = {}

    def get(self, urls: Sequence[str]) -> Mapping[str, SiteFile]:
        """Return those of the addresses that are known and fresh."""
        now = self._clock()
        with self._lock:
            known = {url: self._files[url] for url in urls if url in self._files}
        return {url: file for url, (file, until) in known.items() if until > now}

    def put(self, found: SiteFile, lasts_s: float) -> None:
        """Keep a file for so long, a day at most; what was kept under its address is replaced.

        Raises:
            InvariantBroken: the body is longer than 500 KiB.
        """
        if len(found.body) > FILE_MAX_BYTES:
            raise InvariantBroken(f"a site file of {len(found.body):,} bytes")
        with self._lock:
            until = self._clock() + min(FILE_LASTS_MAX_S, lasts_s)
            self._files[found.url] = (found, until)
