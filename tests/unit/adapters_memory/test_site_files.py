"""Site files in memory keep the contract of the real ones."""

from __future__ import annotations

import pytest

from pixcrawler.adapters.memory.site_files import MemorySiteFiles
from tests.contracts.site_files import SiteFilesContract


class MemoryFilesHarness:
    """Files whose time is ours."""

    def __init__(self) -> None:
        self.at = 1_000.0
        self.files = MemorySiteFiles(lambda: self.at)

    def pass_time(self, seconds: float) -> None:
        self.at += seconds


class TestMemorySiteFiles(SiteFilesContract):
    @pytest.fixture
    def harness(self) -> MemoryFilesHarness:
        return MemoryFilesHarness()
