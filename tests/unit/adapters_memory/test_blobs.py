"""Blobs in memory keep the contract."""

from __future__ import annotations

import pytest

from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.pipeline.ports import BlobStore
from tests.contracts.blob_store import BlobStoreContract


class TestMemoryBlobs(BlobStoreContract):
    """The contract, in this process."""

    @pytest.fixture
    def blobs(self) -> BlobStore:
        """Give an empty store."""
        return MemoryBlobs()
