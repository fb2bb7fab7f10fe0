"""Containers: what lies beside the pixels is found within bounds, whatever a file holds."""

from __future__ import annotations

import zlib

from pixcrawler.pipeline.optout import containers
from pixcrawler.pipeline.visits.body import Body
from tests.fakes.jumbf import png_chunk


def test_of_many_packed_packets_few_are_unpacked(monkeypatch):
    """Hundreds of packed bombs in one PNG cost no more than those that there is room for."""
    unpacked = []
    real = zlib.decompressobj

    def counted():
        unpacked.append(1)
        return real()

    monkeypatch.setattr(containers.zlib, "decompressobj", counted)
    bomb = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(20_000_000))
    picture = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", bytes(13)) + png_chunk(b"iTXt", bomb) * 200

    found = containers.embedded(Body.of(picture))

    assert (len(unpacked), sum(map(len, found.xmp))) == (1, containers.MAX_XMP_BYTES)
