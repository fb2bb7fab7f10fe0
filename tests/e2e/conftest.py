"""One stack for all end-to-end tests; its engines on the web point at a closed port."""

from __future__ import annotations

import pytest

from tests.embedded import running
from tests.fakes.chat import FakeChat, refusal


@pytest.fixture(scope="session")
def chat():
    """The language model of the stack; it refuses until a test says otherwise."""
    server = FakeChat()
    server.say(refusal(400, "content_filter"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def stack(tmp_path_factory, chat):
    yield from running(
        tmp_path_factory.mktemp("stack") / "with space",
        ENGINE_URL_OPENVERSE="http://127.0.0.1:9",
        FETCH_DEADLINE_S="5",
        WORDS_URL=f"{chat.origin}/v1",
        WORDS_MODEL="llama",
    )


@pytest.fixture(scope="session")
def client(stack):
    return stack.client()
