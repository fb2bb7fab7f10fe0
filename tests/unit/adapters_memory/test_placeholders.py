"""The book of placeholders in memory keeps the contract of the real one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pixcrawler.adapters.memory.placeholders import MemoryPlaceholders
from tests.contracts.placeholder_book import PlaceholderBookContract


class MemoryPlaceholdersHarness:
    """A book whose time is ours."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 20, 18, tzinfo=UTC)
        self.book = MemoryPlaceholders(self.now)

    def now(self) -> datetime:
        return self.at

    def pass_days(self, days: float) -> None:
        self.at += timedelta(days=days)


class TestMemoryPlaceholders(PlaceholderBookContract):
    @pytest.fixture
    def harness(self) -> MemoryPlaceholdersHarness:
        return MemoryPlaceholdersHarness()
