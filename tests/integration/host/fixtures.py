"""Hosts and one Azurite for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pixcrawler.host.stack.azurite import Azurite
from tests.integration.host.running import RunningHost
from tests.integration.host.space import Space

StartHost = Callable[..., RunningHost]


@pytest.fixture
def start_host(tmp_path: Path) -> Iterator[StartHost]:
    """Starts hosts that end with the test."""
    started: list[RunningHost] = []

    def start(app: Path | str, *options: str, **environment: str) -> RunningHost:
        folder = tmp_path / f"host-{len(started)}"
        folder.mkdir()
        host = RunningHost(app, folder, *options, environment=environment)
        started.append(host)
        return host.start()

    yield start
    for host in started:
        host.stop()


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """One storage emulator for all tests: they keep apart by the names of what they use."""
    with Azurite(tmp_path_factory.mktemp("azurite")) as running:
        yield running


@pytest.fixture
def space(azurite: Azurite) -> Iterator[Space]:
    """Queues and containers of this test alone."""
    made = Space(azurite.connection_string)
    yield made
    made.close()
