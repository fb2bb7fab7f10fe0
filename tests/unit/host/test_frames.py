"""Frames between host and workers."""

from __future__ import annotations

import asyncio

import pytest
from azure.functions.meta import Datum
from hypothesis import given
from hypothesis import strategies as st

from pixcrawler.host.frames import FrameBroken, pack, receive

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.text(),
    st.text(min_size=300),
    st.binary(),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(), inner, max_size=4),
        st.builds(Datum, inner, st.sampled_from(["string", "bytes", "json", "http", None])),
    ),
    max_leaves=12,
)


def received(data):
    async def read():
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await receive(reader)

    return asyncio.run(read())


@given(st.dictionaries(st.text(), values))
def test_round_trip(message):
    """What goes in comes out, Datums and bytes included, at any depth."""
    assert received(b"".join(pack(message))) == message


def test_bytes_travel_raw():
    """Bytes are not escaped or encoded: a large body costs its own size."""
    body = bytes(range(256)) * 1000
    assert len(b"".join(pack({"body": body}))) < len(body) + 100


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 12,
        b"\0\0\0\2" + b"\0" * 8 + b"{x",
        b"\0\0\0\x0b" + b"\0" * 8 + b'["b",0,900]',
        b"\0\0\0\x0b" + b"\0" * 8 + b'["z",0,  0]',
        b"\0\0\0\2" + b"\0" * 8 + b"[]",
    ],
)
def test_nonsense_is_refused(data):
    """A peer that sends anything else is found out; nothing huge is allocated for it."""
    with pytest.raises(FrameBroken):
        received(data)


def test_end_of_connection():
    """Half a frame is the end of the connection."""
    with pytest.raises(asyncio.IncompleteReadError):
        received(b"".join(pack({"a": "b" * 1000}))[:-1])
