"""Bodies are hashed and sniffed while they arrive, and large ones do not stay in memory."""

from __future__ import annotations

import hashlib

import pytest

from pixcrawler.pipeline.limits import BODY_IN_MEMORY_BYTES
from pixcrawler.pipeline.visits.body import HEAD_BYTES, Arriving, Body

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8


def arrived(data, piece):
    """The body, come in pieces."""
    arriving = Arriving()
    for start in range(0, len(data), piece):
        arriving.write(data[start : start + piece])
    return arriving.done()


@pytest.mark.parametrize("size", [0, 1, HEAD_BYTES, BODY_IN_MEMORY_BYTES, BODY_IN_MEMORY_BYTES + 1])
@pytest.mark.parametrize("piece", [100_000, 65_536])
def test_what_came_is_what_is_read(size, piece):
    """Size, hash and bytes are those of what came, in memory or in a file, as often as wanted."""
    data = (JPEG * (size // len(JPEG) + 1))[:size]
    body = arrived(data, piece)
    assert (body.size, body.sha256) == (size, hashlib.sha256(data).hexdigest())
    assert body.read() == body.read() == data
    body.close()
    body.close()


def test_the_kind_is_known_before_the_end():
    """A page of HTML is seen as one when its first bytes are there, not after all of it."""
    arriving = Arriving()
    arriving.write(b"<!doctype html>")
    assert arriving.kind is None
    arriving.write(b" " * HEAD_BYTES)
    assert arriving.kind == "HTML"
    assert arrived(JPEG, 1).kind == Body.of(JPEG).kind == "jpeg"


def test_a_short_body_has_a_kind_too():
    """Bodies shorter than what is sniffed are known at their end."""
    assert arrived(b"\xff\xd8\xff", 1).kind == "jpeg"
    assert arrived(b"", 1).kind == "an empty body"


def test_large_bodies_leave_the_memory():
    """After its first mebibyte a body holds no pieces: 64 at once cannot fill the memory."""
    arriving = Arriving()
    for _ in range(20):
        arriving.write(bytes(BODY_IN_MEMORY_BYTES // 4))
        assert sum(map(len, arriving._pieces)) <= BODY_IN_MEMORY_BYTES
    body = arriving.done()
    assert body.size == 5 * BODY_IN_MEMORY_BYTES
    body.close()
