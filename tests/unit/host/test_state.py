"""One host a state folder."""

from __future__ import annotations

import os

import pytest

from pixcrawler.host.errors import HostError, Occupied
from pixcrawler.host.state import StateFolder


def test_second_host_is_told_who_is_first(tmp_path):
    """A state folder in use names the process that has it, and is free afterwards."""
    first = StateFolder(tmp_path / "a" / "b")
    with pytest.raises(Occupied, match=rf"process {os.getpid()}\) uses the state folder"):
        StateFolder(tmp_path / "a" / "b")
    first.release()
    StateFolder(tmp_path / "a" / "b").release()


def test_folder_that_cannot_be(tmp_path):
    """A path that cannot be a folder is one clear sentence."""
    (tmp_path / "file").write_text("")
    with pytest.raises(HostError, match="cannot use"):
        StateFolder(tmp_path / "file" / "state")
