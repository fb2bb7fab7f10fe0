"""Pictures are cut out of a stream as they lie in it, whatever its pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixcrawler.pipeline.pictures.members import members

DATA = bytes(range(256)) * 4


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 60)), max_size=12),
    st.integers(1, 700),
)
def test_members_are_the_slices(gaps, size):
    """Each member is the bytes at its place; where pieces end does not matter."""
    places, at = [], 0
    for gap, length in gaps:
        places.append((at + gap, length))
        at += gap + length
    pieces = (DATA[start : start + size] for start in range(0, len(DATA), size))
    expected = [DATA[start : start + length] for start, length in places]
    whole = [
        piece if len(piece) == place[1] else None
        for piece, place in zip(expected, places, strict=True)
    ]
    assert list(members(pieces, places)) == whole


@pytest.mark.parametrize("place", [(1000, 100), (1024, 1), (9999, 5)], ids=str)
def test_what_is_not_there_whole_is_nothing(place):
    """A member that the stream does not hold to its end is none, and the ones before it are."""
    assert list(members([DATA], [(0, 3), place])) == [DATA[:3], None]


@pytest.mark.parametrize("offset", [10, 412], ids=["inside", "to-the-end"])
def test_no_more_is_read_than_needed(offset):
    """After the last member nothing more is asked for: the rest of a shard may be large."""
    pieces = iter([DATA[:512], DATA[512:]])
    assert list(members(pieces, [(offset, 100)])) == [DATA[offset : offset + 100]]
    assert next(pieces) == DATA[512:]
