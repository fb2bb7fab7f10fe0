"""The hosts' desk in memory keeps the contract of the real one."""

from __future__ import annotations

import pytest

from pixcrawler.adapters.memory.hosts import MemoryHosts
from tests.contracts.host_desk import LASTS_S, HostDeskContract


class MemoryHostsHarness:
    """A desk whose time is ours."""

    def __init__(self) -> None:
        self.at = 1_000.0
        self.desk = MemoryHosts(self.now, LASTS_S)

    def now(self) -> float:
        return self.at

    def pass_time(self, seconds: float) -> None:
        self.at += seconds


class TestMemoryHosts(HostDeskContract):
    @pytest.fixture
    def harness(self) -> MemoryHostsHarness:
        return MemoryHostsHarness()
