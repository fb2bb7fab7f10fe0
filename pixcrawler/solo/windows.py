"""Windows: many short calls of the fetcher overlap, so that slow rows hold up no others."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence

from pixcrawler.pipeline.ports import Fetched, Fetcher, Unfetched
from pixcrawler.solo.outcomes import Row, Settled
from pixcrawler.solo.spread import Spread

_LARGEST = 16
_POLL_S = 0.2
Settle = Callable[[Row, Fetched | Unfetched], Settled]


class Windows:
    """Fetches rows and settles each in the thread of its window.

    Args:
        fetcher: asked for a window at a time.
        settle: looks at what came.
        in_flight: rows under way at once, at most.
    """

    def __init__(self, fetcher: Fetcher, settle: Settle, in_flight: int) -> None:
        self._fetcher, self._settle, self._in_flight = fetcher, settle, in_flight
        self._size = max(1, min(_LARGEST, in_flight // 4))
        self._ended: queue.SimpleQueue[Settled | BaseException] = queue.SimpleQueue()
        self._under_way = 0
        self._is_stopped = threading.Event()

    def settled(self, spread: Spread) -> Iterator[Settled | None]:
        """Yield each row as it ends, and None now and then while nothing does."""
        while True:
            while not self._is_stopped.is_set() and self._under_way + self._size <= self._in_flight:
                window = self._next_window(spread)
                if not window:
                    break
                self._under_way += len(window)
                threading.Thread(target=self._fetch, args=(window,), daemon=True).start()
            if not self._under_way:
                return
            try:
                ended = self._ended.get(timeout=_POLL_S)
            except queue.Empty:
                yield None
                continue
            if isinstance(ended, BaseException):
                raise ended
            self._under_way -= 1
            spread.ended(ended.row)
            yield ended

    def stop(self) -> None:
        """Begin nothing more; what is under way still ends."""
        self._is_stopped.set()

    def _next_window(self, spread: Spread) -> list[Row]:
        rows: list[Row] = []
        while len(rows) < self._size and (row := spread.next()) is not None:
            rows.append(row)
        return rows

    def _fetch(self, rows: Sequence[Row]) -> None:
        try:
            for index, came in self._fetcher.fetch_all([row.find.url for row in rows]):
                self._ended.put(self._settle(rows[index], came))
        except BaseException as error:  # noqa: BLE001 - a thread's door: the caller raises it
            self._ended.put(error)
