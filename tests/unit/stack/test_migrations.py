import pytest

from pixcrawler.host.stack.migrations import MigrationRefused, read_migrations


def test_files_come_in_order_of_version(tmp_path):
    """Migrations are read oldest first, whatever else lies in the folder."""
    for name in ("20260102000000_b.sql", "20260101000000_a.sql", "notes.md"):
        (tmp_path / name).write_text("select 1;")
    found = read_migrations(tmp_path)
    assert [migration.file_name for migration in found] == [
        "20260101000000_a.sql",
        "20260102000000_b.sql",
    ]


@pytest.mark.parametrize("name", ["a.sql", "2026_a.sql", "20260101000000_A.sql"])
def test_misnamed_file_is_refused(tmp_path, name):
    """A file that would silently be skipped is refused by name."""
    (tmp_path / name).write_text("")
    with pytest.raises(MigrationRefused, match=name):
        read_migrations(tmp_path)


def test_two_files_of_one_version(tmp_path):
    """Two files cannot share a version."""
    for name in ("20260101000000_a.sql", "20260101000000_b.sql"):
        (tmp_path / name).write_text("")
    with pytest.raises(MigrationRefused, match="same version"):
        read_migrations(tmp_path)


def test_file_that_is_not_text(tmp_path):
    """A file that is not UTF-8 is refused by name."""
    (tmp_path / "20260101000000_a.sql").write_bytes(b"\xff")
    with pytest.raises(MigrationRefused, match="UTF-8"):
        read_migrations(tmp_path)


def test_no_folder(tmp_path):
    """An app without migrations has none."""
    assert read_migrations(tmp_path / "none") == []
