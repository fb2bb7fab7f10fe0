"""The desk in memory keeps the contract of the real one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pixcrawler.adapters.memory.desk import MemoryDesk
from tests.contracts.engine_breaker import EngineBreakerContract
from tests.contracts.engine_desk import LOST_AFTER_S, EngineDeskContract


class MemoryDeskHarness:
    """A desk whose time is ours."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)
        self.desk = MemoryDesk(lambda: self.at, self.pass_time, LOST_AFTER_S)

    def now(self) -> float:
        return self.at.timestamp()

    def pass_time(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class TestMemoryDesk(EngineDeskContract):
    @pytest.fixture
    def harness(self) -> MemoryDeskHarness:
        return MemoryDeskHarness()


class TestMemoryBreaker(EngineBreakerContract):
    @pytest.fixture
    def harness(self) -> MemoryDeskHarness:
        return MemoryDeskHarness()
