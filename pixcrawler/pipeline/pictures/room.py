"""Room: how many pixels may be decoded at once in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class PixelRoom:
    """Lets in as many images as there is room for; first come, first served.

    Memory follows pixels, not files: a WebP of 34 bytes takes 0.9 GB while it is decoded.

    Args:
        pixels: of all images inside together; a larger one goes in alone.
    """

    def __init__(self, pixels: int) -> None:
        self._pixels = self._free = pixels
        # Whoever waits for room holds it, so that small images cannot pass a large one for ever.
        self._next = threading.Lock()
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, pixels: int) -> Iterator[None]:
        """Wait for room for ``pixels`` and hold it."""
        wanted = min(pixels, self._pixels)
        with self._next, self._changed:
            self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify()
