"""One Azurite for the tests of this folder."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from pixcrawler.host.stack.azurite import Azurite


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Real storage on this machine, in a folder of this run."""
    with Azurite(tmp_path_factory.mktemp("azurite")) as running:
        yield running


@pytest.fixture
def unused_port() -> int:
    """Name a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
