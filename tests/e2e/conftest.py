"""One stack for all end-to-end tests; its engines on the web point at a closed port."""

from __future__ import annotations

import pytest

from tests.embedded import running


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    yield from running(
        tmp_path_factory.mktemp("stack") / "with space",
        ENGINE_URL_OPENVERSE="http://127.0.0.1:9",
        FETCH_DEADLINE_S="5",
    )


@pytest.fixture(scope="session")
def client(stack):
    return stack.client()
