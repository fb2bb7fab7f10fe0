"""CBOR: what assertions are written in is read, within bounds."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.pipeline.optout import cbor

STEADY = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@STEADY
@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader_of_cbor(data):
    """Anything is a value or a ValueError."""
    with suppress(ValueError):
        cbor.read(data)


# RFC 8949, appendix A.
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("00", 0),
        ("17", 23),
        ("1818", 24),
        ("1903e8", 1000),
        ("1a000f4240", 1_000_000),
        ("1b000000e8d4a51000", 1_000_000_000_000),
        ("20", None),
        ("f4", False),
        ("f5", True),
        ("f6", None),
        ("f90000", None),
        ("fb3ff199999999999a", None),
        ("c074323031332d30332d32315432303a30343a30305a", "2013-03-21T20:04:00Z"),
        ("4401020304", None),
        ("60", ""),
        ("6449455446", "IETF"),
        ("62c3bc", "ü"),
        ("80", []),
        ("8301820203820405", [1, [2, 3], [4, 5]]),
        ("a0", {}),
        ("a26161016162820203", {"a": 1, "b": [2, 3]}),
        ("a201020304", {}),
        ("7f657374726561646d696e67ff", "streaming"),
        ("5f42010243030405ff", ""),
        ("9fff", []),
        ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
        ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
        ("a161c301", {"\ufffd": 1}),
    ],
)
def test_cbor_is_read(data, expected):
    """Texts, numbers, lists and maps; all else is there and empty."""
    assert cbor.read(bytes.fromhex(data)) == expected


@pytest.mark.parametrize(
    "data",
    [
        "",
        "18",
        "1c",
        "fc",
        "ff",
        "81",
        "8201ff",
        "a1",
        "a161",
        "62c3",
        "7f61",
        "9f",
        "bf",
        "5f",
        "d8",
        "c0",
    ],
    ids=repr,
)
def test_cbor_that_is_broken_is_refused(data):
    """Cut off, or of a form that is reserved."""
    with pytest.raises(ValueError, match=r"cut off|length|end"):
        cbor.read(bytes.fromhex(data))


@pytest.mark.parametrize(
    "data",
    [b"\x99\x20\x00" + b"\0" * 0x2000, b"\x9f" + b"\0" * 6000 + b"\xff", b"\x81" * 20 + b"\0"],
    ids=["long", "endless", "deep"],
)
def test_cbor_that_is_large_is_refused(data):
    """No assertion has thousands of values, or dozens of them in each other."""
    with pytest.raises(ValueError, match="more than anybody needs"):
        cbor.read(data)
