"""An archive lands in its folder, whole, or nowhere."""

import stat
import zipfile

import pytest

from pixcrawler.cli import unpack as unpacking
from pixcrawler.cli.errors import CliError
from pixcrawler.cli.unpack import BadArchive, unpack


@pytest.fixture
def archive(tmp_path):
    """Write an archive of the given members and return its path."""

    def write(*members):
        path = tmp_path / "in" / "a.zip"
        path.parent.mkdir()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
            for name, data in members:
                opened.writestr(name, data)
        return path

    return write


def left(tmp_path):
    """Every file and folder beside the archive."""
    return sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.name != "in")


def test_members_land_in_the_folder(archive, tmp_path):
    """Files and folders of the archive are in the folder, byte by byte."""
    path = archive(("manifest.json", b"{}"), ("images/a b/ü.png", b"picture"))
    unpack(path, tmp_path / "out")
    assert (tmp_path / "out/manifest.json").read_bytes() == b"{}"
    assert (tmp_path / "out/images/a b/ü.png").read_bytes() == b"picture"


def a_link():
    """Return a member that is a symbolic link."""
    member = zipfile.ZipInfo("link")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ("../evil", "plain relative path"),
        ("a/../../evil", "plain relative path"),
        ("/etc/evil", "plain relative path"),
        ("a\\..\\evil", "plain relative path"),
        ("c:/evil", "plain relative path"),
        ("a\x01b", "control characters"),
        (a_link(), "not a plain file"),
    ],
)
def test_what_would_land_elsewhere_is_refused(archive, tmp_path, member, said):
    """A member outside the folder, or one that is no file, spoils the archive; nothing is left."""
    path = archive(("fine", b"1"), (member, b"2"))
    with pytest.raises(BadArchive, match=said):
        unpack(path, tmp_path / "out")
    assert left(tmp_path) == ["in/a.zip"]


def test_two_members_of_one_name_are_refused(archive, tmp_path):
    """Names that differ in case alone count as one, as they do on some disks."""
    with pytest.raises(BadArchive, match="is there twice"):
        unpack(archive(("a.png", b"1"), ("A.PNG", b"2")), tmp_path / "out")


def test_a_bomb_is_refused(archive, tmp_path, monkeypatch):
    """An archive that unfolds beyond all measure is refused before anything is written."""
    monkeypatch.setattr(unpacking, "_FREE_GROWTH_BYTES", 1000)
    with pytest.raises(BadArchive, match="would unfold"):
        unpack(archive(("zeros", b"\0" * 1_000_000)), tmp_path / "out")
    assert left(tmp_path) == ["in/a.zip"]


@pytest.mark.parametrize("place", [32, 200, -52, -5])
def test_a_damaged_archive_leaves_nothing(archive, tmp_path, place):
    """A flipped byte, in a member or in the directory, spoils the archive; nothing is left."""
    path = archive(("a", bytes(range(256)) * 4))
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(CliError):
        unpack(path, tmp_path / "out")
    assert left(tmp_path) == ["in/a.zip"]


def test_a_folder_that_is_there_stays(archive, tmp_path):
    """Without being told so, nothing that is there is touched."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("mine")
    with pytest.raises(FileExistsError):
        unpack(archive(("a", b"1")), tmp_path / "out")
    assert left(tmp_path) == ["in/a.zip", "out", "out/mine"]


def test_a_folder_is_replaced_on_demand(archive, tmp_path):
    """Told so, the old folder goes and the new one is there, whole."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out/old").write_text("old")
    unpack(archive(("a", b"1")), tmp_path / "out", replace=True)
    assert left(tmp_path) == ["in/a.zip", "out", "out/a"]
