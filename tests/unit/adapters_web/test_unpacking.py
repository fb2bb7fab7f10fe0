"""Packed bodies: unpacked under the cap, and nothing is kept of what follows their end."""

from __future__ import annotations

import gzip
import zlib

import pytest

from pixcrawler.adapters.web.visiting.bodies import _unpacked, refuse_kinds
from pixcrawler.adapters.web.visiting.trouble import Trouble
from pixcrawler.pipeline.pictures.magic import OTHER_IMAGES, WANTED


def test_what_follows_the_end_is_not_kept():
    """An endless tail of a packed body takes no memory: zlib alone would keep all of it."""
    unpacker = zlib.decompressobj(47)
    assert _unpacked(unpacker, gzip.compress(b"picture"), 100) == b"picture"
    for _ in range(3):
        assert _unpacked(unpacker, bytes(1000), 93) == b""
    assert unpacker.unused_data == b""


def test_a_bomb_gives_one_byte_too_many():
    """No more is unpacked than shows that it is too much."""
    unpacker = zlib.decompressobj(47)
    assert len(_unpacked(unpacker, gzip.compress(bytes(10_000_000)), 5000)) == 5001


@pytest.mark.parametrize(
    "kind", sorted(OTHER_IMAGES | {"HTML", "text", "a video", "unknown bytes"})
)
def test_only_wanted_kinds_pass(kind):
    """Whatever is not wanted is refused, as a picture of another kind or as none."""
    check = refuse_kinds(WANTED)
    with pytest.raises(Trouble, match=f"what came is {kind}") as refused:
        check(kind)
    expected = "unsupported_format" if kind in OTHER_IMAGES else "not_an_image"
    assert refused.value.reason == expected
    refuse_kinds(WANTED | {kind})(kind)
    for wanted in WANTED:
        check(wanted)
