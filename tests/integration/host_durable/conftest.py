"""Hosts on the semantics app: in one process, with two workers, and built on df.DFApp."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.integration.host_durable.hosts import HostProcess

KINDS = {"in-process": (0, {}), "2-workers": (2, {}), "DFApp": (0, {"DURABLE_TEST_DFAPP": "1"})}


@pytest.fixture(scope="module", params=KINDS.values(), ids=KINDS)
def host(request: pytest.FixtureRequest, tmp_path_factory) -> Iterator[HostProcess]:
    """One host for all tests of a file; every test uses ids of its own."""
    processes, environment = request.param
    folder = tmp_path_factory.mktemp("semantics")
    running = HostProcess(
        "durable_semantics", folder, processes=processes, environment=environment
    ).start()
    yield running
    running.stop()


@pytest.fixture
def new_id() -> str:
    """An instance id that nobody has used."""
    return uuid.uuid4().hex
