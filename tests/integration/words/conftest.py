"""A language model's server for each test of this folder."""

from __future__ import annotations

import pytest

from tests.fakes.chat import FakeChat


@pytest.fixture
def chat():
    """A fresh server."""
    server = FakeChat()
    yield server
    server.close()
