"""What every SiteFiles promises: run on memory and on PostgreSQL."""

from __future__ import annotations

import hashlib
from typing import Protocol

import pytest

from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.pipeline.visits.ports import SiteFile, SiteFiles

ROBOTS = "https://pictures.example/robots.txt"
DAY_S = 86_400.0


class FilesHarness(Protocol):
    """Kept files, and their clock."""

    files: SiteFiles

    def pass_time(self, seconds: float) -> None:
        """Let time go on."""
        ...


def a_file(
    url: str = ROBOTS, body: bytes = b"User-agent: *\n\xff\0", status: int = 200
) -> SiteFile:
    """A file as a site gave it."""
    return SiteFile(url, status, body, hashlib.sha256(body).hexdigest())


class SiteFilesContract:
    """Subclass it, and give a fixture ``harness``."""

    @pytest.fixture
    def files(self, harness: FilesHarness) -> SiteFiles:
        return harness.files

    def test_what_was_put_comes_back(self, files: SiteFiles) -> None:
        """Byte by byte, those that are known of those that are asked for."""
        known = [a_file(), a_file("https://b.example:8443/.well-known/tdmrep.json", b"[]")]
        for one in known:
            files.put(one, 60)
        found = files.get([one.url for one in known] + ["https://c.example/robots.txt"])
        assert dict(found) == {one.url: one for one in known}
        assert dict(files.get([])) == {}

    def test_that_there_is_none_is_kept_as_well(self, files: SiteFiles) -> None:
        """A 404, and a site that does not answer."""
        for one in (SiteFile(ROBOTS, 404), SiteFile(ROBOTS, None)):
            files.put(one, 60)
            assert files.get([ROBOTS])[ROBOTS] == one

    def test_the_last_one_counts(self, files: SiteFiles) -> None:
        """A file replaces what was there, and its time."""
        files.put(a_file(body=b"old"), 60)
        files.put(a_file(body=b"new"), 60)
        assert files.get([ROBOTS])[ROBOTS].body == b"new"
        files.put(a_file(), -1)
        assert dict(files.get([ROBOTS])) == {}

    def test_a_file_is_believed_for_its_time(self, harness: FilesHarness) -> None:
        """And for a day at most, whoever says longer."""
        harness.files.put(a_file(), 600)
        harness.files.put(a_file("https://b.example/robots.txt"), 1e9)
        urls = [ROBOTS, "https://b.example/robots.txt"]
        harness.pass_time(590)
        assert len(harness.files.get(urls)) == 2
        harness.pass_time(11)
        assert list(harness.files.get(urls)) == urls[1:]
        harness.pass_time(DAY_S)
        assert dict(harness.files.get(urls)) == {}

    def test_a_file_has_500_kib(self, files: SiteFiles) -> None:
        """More is a mistake of whoever fetched it."""
        files.put(a_file(body=bytes(500 * 1024)), 60)
        assert len(files.get([ROBOTS])[ROBOTS].body) == 500 * 1024
        with pytest.raises(InvariantBroken):
            files.put(a_file(body=bytes(500 * 1024 + 1)), 60)

    @pytest.mark.parametrize(
        "url",
        ["https://" + "x" * 5000, "https://nul\0/robots.txt", "https://\ud800/robots.txt"],
        ids=["long", "nul", "half"],
    )
    def test_odd_addresses_harm_nobody(self, files: SiteFiles, url: str) -> None:
        """They may be forgotten at once, and their neighbours are found."""
        files.put(a_file(), 60)
        files.put(a_file(url), 60)
        assert ROBOTS in files.get([url, ROBOTS])
