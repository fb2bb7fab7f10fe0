import stat

import pytest

from pixcrawler.host.stack.errors import CannotStart, FolderInUse
from pixcrawler.host.stack.files import (
    FolderLock,
    SecretFile,
    read_json,
    write_atomically,
    write_json,
)


def test_secret_is_made_once_and_private(tmp_path):
    """A secret survives a restart, and only its owner may read the file."""
    path = tmp_path / "secrets.json"
    first = SecretFile(path).get("a")
    assert SecretFile(path).get("a") == first
    assert SecretFile(path).get("b") != first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_secret_can_be_made_by_the_caller(tmp_path):
    """A secret may have a form of its own."""
    assert SecretFile(tmp_path / "s").get("key", lambda: "sb_x") == "sb_x"


def test_failed_write_leaves_the_old_file(tmp_path):
    """A write that fails leaves the old content and no draft."""
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "not bytes")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["{", "[1]", "\x00"])
def test_damaged_json_is_named(tmp_path, text):
    """A damaged state file is refused by name, not with a traceback."""
    path = tmp_path / "ports.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CannotStart, match=r"ports\.json"):
        read_json(path)


def test_json_round_trip(tmp_path):
    """What is written comes back; a missing file is empty."""
    write_json(tmp_path / "x", {"a": 1})
    assert read_json(tmp_path / "x") == {"a": 1}
    assert read_json(tmp_path / "missing") == {}


def test_folder_has_one_owner(tmp_path):
    """A second owner is refused until the first has let go."""
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    first.take()
    with pytest.raises(FolderInUse, match="in use"):
        second.take()
    first.release()
    first.release()
    second.take()
    second.release()
