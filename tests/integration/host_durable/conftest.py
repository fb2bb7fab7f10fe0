"""Hosts on the semantics app, in one process and with two workers, shared by whole files."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.integration.host_durable.hosts import HostProcess


@pytest.fixture(scope="module", params=[0, 2], ids=["in-process", "2-workers"])
def host(request: pytest.FixtureRequest, tmp_path_factory) -> Iterator[HostProcess]:
    """One host for all tests here; every test uses ids of its own."""
    running = HostProcess(
        "durable_semantics", tmp_path_factory.mktemp("semantics"), processes=request.param
    ).start()
    yield running
    running.stop()


@pytest.fixture
def new_id() -> str:
    """An instance id that nobody has used."""
    return uuid.uuid4().hex
