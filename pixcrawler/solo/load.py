"""The load put on each host, added up where the hosts' desk is told of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from typing_extensions import override

from pixcrawler.adapters.memory.hosts import MemoryHosts
from pixcrawler.pipeline.visits.ports import HostReport


@dataclass(frozen=True)
class Load:
    """What was asked of a host."""

    requests: int = 0
    bytes: int = 0
    failures: int = 0


class CountingHosts(MemoryHosts):
    """The hosts' desk of this process, which adds up what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self._counting = threading.Lock()
        self._load: dict[str, Load] = {}

    @override
    def report(self, worker: str, reports: Sequence[HostReport]) -> None:
        """Tell what was seen; see MemoryHosts."""
        super().report(worker, reports)
        with self._counting:
            for one in reports:
                had = self._load.get(one.host, Load())
                self._load[one.host] = Load(
                    had.requests + one.requests,
                    had.bytes + one.bytes,
                    had.failures + one.failures,
                )

    def take_load(self) -> Mapping[str, Load]:
        """Return the load put on each host since this was asked last."""
        with self._counting:
            taken, self._load = self._load, {}
        return taken
