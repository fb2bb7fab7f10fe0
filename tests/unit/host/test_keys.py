"""Keys: made once, private, compared whole."""

from __future__ import annotations

import json
import stat

import pytest

from pixcrawler.host.errors import HostError
from pixcrawler.host.keys import Keys, load_keys

KEYS = Keys("m", "s", {"default": "h"}, {"Guarded": {"own": "f"}})


def test_made_once(tmp_path):
    """The second start finds the keys of the first; only their owner may read them."""
    path = tmp_path / "keys.json"
    first = load_keys(path)
    assert load_keys(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len({first.master, first.system, first.host["default"]}) == 3
    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]


def test_opened_up_file_is_closed_again(tmp_path):
    """A keys file that others may read is made private at the next start."""
    path = tmp_path / "keys.json"
    load_keys(path)
    path.chmod(0o644)
    load_keys(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "document", ["", "[]", "{}", '{"master": "", "system": "s", "host": {}}', '{"master": 5}']
)
def test_broken_file(tmp_path, document):
    """A keys file that is none is an error, never an open door."""
    path = tmp_path / "keys.json"
    path.write_text(document)
    with pytest.raises(HostError, match="is not a keys file"):
        load_keys(path)


def test_function_keys_may_be_added(tmp_path):
    """Keys of single functions can be written into the file."""
    path = tmp_path / "keys.json"
    load_keys(path)
    document = json.loads(path.read_text())
    document["functions"]["f"] = {"mine": "k"}
    path.write_text(json.dumps(document))
    assert load_keys(path).opens_function("k", "F", "FUNCTION")


@pytest.mark.parametrize(
    ("shown", "level", "opens"),
    [
        ("", "ANONYMOUS", True),
        ("", "FUNCTION", False),
        ("h", "FUNCTION", True),
        ("f", "FUNCTION", True),
        ("m", "FUNCTION", True),
        ("s", "FUNCTION", False),
        ("H", "FUNCTION", False),
        ("h", "ADMIN", False),
        ("f", "ADMIN", False),
        ("m", "ADMIN", True),
        ("\udcff", "FUNCTION", False),
    ],
)
def test_function_levels(shown, level, opens):
    """Anonymous asks for nothing, function for any of its keys, admin for the master key."""
    assert KEYS.opens_function(shown, "guarded", level) is opens


def test_webhooks():
    """Extensions' webhooks open to the system and the master key alone."""
    assert [key for key in ("", "m", "s", "h", "f") if KEYS.opens_webhooks(key)] == ["m", "s"]


def test_administration():
    """The host's own administration opens to the master key alone."""
    assert [key for key in ("", "m", "s", "h", "f") if KEYS.opens_admin(key)] == ["m"]
