"""Binding expressions in paths."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from pixcrawler.host.expressions import BlobPath, UnknownValue, fill

NOW = datetime(2026, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("template", "values", "wanted"),
    [
        ("out/{name}.txt", {"name": "a"}, "out/a.txt"),
        ("{Name}-{n}", {"name": "a", "N": 5}, "a-5"),
        ("{user.id}", {"user": {"ID": "u"}}, "u"),
        ("{DateTime}", {}, "2026-02-03T04-05-06Z"),
        ("{datetime:yyyy/MM/dd HH-mm-ss.fff}", {}, "2026/02/03 04-05-06.789"),
        ("plain", {}, "plain"),
    ],
)
def test_filled(template, values, wanted):
    """Expressions are replaced by what the trigger gives, in any case."""
    assert fill(template, values, NOW) == wanted


def test_random_names():
    """{rand-guid} is another UUID every time."""
    found = fill("{rand-guid}/{rand-guid}/{rand-guid:N}", {}, NOW).split("/")
    assert len(set(found)) == 3
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", found[0])
    assert re.fullmatch(r"[0-9a-f]{32}", found[2])


@pytest.mark.parametrize("template", ["{nope}", "{user}", "{user.x}", "{list}"])
def test_unknown(template):
    """An expression that names nothing is an error, never an empty text."""
    with pytest.raises(UnknownValue):
        fill(template, {"user": {"id": 1}, "list": []}, NOW)


@pytest.mark.parametrize(
    ("path", "blob", "values"),
    [
        ("drop/{name}.txt", "a.txt", {"name": "a"}),
        ("drop/{name}.txt", "sub/a.txt", {"name": "sub/a"}),
        ("drop/{name}.txt", "a.bin", None),
        ("drop/{user}/{name}", "u/a/b", {"user": "u", "name": "a/b"}),
        ("drop/{user}/{name}", "a", None),
        ("drop/{d}/v{n}/manifest.json", "x/v7/manifest.json", {"d": "x", "n": "7"}),
        ("drop/{d}/v{n}/manifest.json", "x/y/v7/manifest.json", None),
        ("drop/fixed+1.txt", "fixed+1.txt", {}),
        ("drop/fixed.txt", "fixedXtxt", None),
        ("drop", "anything/at/all", {"name": "anything/at/all"}),
    ],
)
def test_blob_paths(path, blob, values):
    """A blob path takes its values out of the names that fit, and only those."""
    assert BlobPath(path).match(blob) == values


def test_prefix():
    """Only the part of a container that can fit is listed."""
    assert BlobPath("drop/in/{name}.txt").prefix == "in/"


@pytest.mark.parametrize("path", ["", "/", "{container}/x"])
def test_no_container(path):
    """A path without a fixed container is refused."""
    with pytest.raises(ValueError, match="container"):
        BlobPath(path)
