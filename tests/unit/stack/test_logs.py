from pixcrawler.host.stack import logs


def test_large_log_is_set_aside(tmp_path):
    """A log that has grown large starts anew, and the old one is kept once."""
    path = logs.log_file(tmp_path / "logs", "host")
    path.write_text("small")
    assert logs.log_file(tmp_path / "logs", "host").read_text() == "small"
    path.write_bytes(b"x" * 5_000_001)
    assert not logs.log_file(tmp_path / "logs", "host").exists()
    assert (tmp_path / "logs" / "host.log.1").stat().st_size == 5_000_001


def test_tail(tmp_path):
    """The end of a log is what was written since, at most 2,000 bytes."""
    path = tmp_path / "log"
    assert logs.tail(path) == ""
    path.write_text("before\n" + "word " * 1000)
    assert logs.tail(path, 7).startswith("word")
    assert len(logs.tail(path)) <= 2000
    assert logs.tail(path, logs.size_of(path)) == ""
