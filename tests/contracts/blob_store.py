"""What every BlobStore promises: run on memory in unit tests, on Azurite in integration tests."""

from __future__ import annotations

import io
import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from pixcrawler.domain.errors import Conflict, NotFound
from pixcrawler.domain.storage import BlobRef, StorageTier
from pixcrawler.pipeline.ports import BlobStore

PIECE_BYTES = 4 * 1024 * 1024


class BlobStoreContract:
    """Subclass it, and give a fixture ``blobs``."""

    @pytest.fixture
    def container(self) -> str:
        """Name a container that does not exist yet."""
        return f"test-{uuid.uuid4().hex[:12]}"

    def test_put_and_get(self, blobs: BlobStore, container: str) -> None:
        """What was written comes back, and the container was made on the way."""
        ref = BlobRef(container=container, name="a/b.bin")
        blobs.put(ref, b"\x00\x01two")
        assert blobs.get(ref) == b"\x00\x01two"

    def test_put_replaces(self, blobs: BlobStore, container: str) -> None:
        """A second write replaces the first, even by something shorter."""
        ref = BlobRef(container=container, name="a")
        blobs.put(ref, b"a long first version")
        blobs.put(ref, b"short")
        assert blobs.get(ref) == b"short"

    def test_an_empty_blob(self, blobs: BlobStore, container: str) -> None:
        """Nothing can be kept, too, and streams as nothing."""
        ref = BlobRef(container=container, name="empty")
        blobs.put(ref, b"")
        assert (blobs.get(ref), list(blobs.stream(ref)), blobs.exists(ref)) == (b"", [], True)

    def test_size(self, blobs: BlobStore, container: str) -> None:
        """The length is told without reading, also of an archived blob."""
        ref = BlobRef(container=container, name="a")
        blobs.put(ref, b"12345")
        blobs.set_tier(ref, StorageTier.COLD)
        assert blobs.size(ref) == 5

    def test_names_with_unusual_characters(self, blobs: BlobStore, container: str) -> None:
        """Spaces, percent signs and other scripts in a name survive."""
        ref = BlobRef(container=container, name="Käfer 100%/сова #1?.zip")
        blobs.put(ref, b"x")
        assert blobs.get(ref) == b"x"
        assert list(blobs.names(container, "K")) == [ref.name]

    def test_put_file_from_the_start(self, blobs: BlobStore, container: str) -> None:
        """A file is written whole wherever its position stands."""
        ref = BlobRef(container=container, name="file")
        source = io.BytesIO(b"0123456789")
        source.seek(7)
        blobs.put_file(ref, source)
        assert blobs.get(ref) == b"0123456789"

    def test_put_file_of_many_pieces(self, blobs: BlobStore, container: str) -> None:
        """A file larger than one piece arrives whole, and streams in pieces of at most 4 MiB."""
        data = bytes(range(256)) * (9 * 4096 + 1)
        ref = BlobRef(container=container, name="large")
        blobs.put_file(ref, io.BytesIO(data))
        pieces = list(blobs.stream(ref))
        assert max(map(len, pieces)) <= PIECE_BYTES
        assert b"".join(pieces) == data

    def test_put_new_keeps_the_first(self, blobs: BlobStore, container: str) -> None:
        """Only the first of two writers writes, and each is told which it was."""
        ref = BlobRef(container=container, name="once")
        assert blobs.put_new(ref, b"first")
        assert not blobs.put_new(ref, b"second")
        assert blobs.get(ref) == b"first"

    def test_put_new_by_many_at_once(self, blobs: BlobStore, container: str) -> None:
        """Of eight writers at once exactly one is told that it wrote."""
        ref = BlobRef(container=container, name="race")
        wrote: list[str] = []
        start = threading.Barrier(8)

        def write(mark: str) -> None:
            start.wait()
            if blobs.put_new(ref, mark.encode()):
                wrote.append(mark)

        threads = [threading.Thread(target=write, args=(str(n),)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [blobs.get(ref).decode()] == wrote

    @pytest.mark.parametrize(
        ("offset", "length", "expected"),
        [(0, 3, b"012"), (4, 2, b"45"), (8, 50, b"89"), (10, 1, b""), (3, 0, b"")],
        ids=["start", "middle", "past-the-end", "at-the-end", "nothing"],
    )
    def test_ranges(
        self, blobs: BlobStore, container: str, offset: int, length: int, expected: bytes
    ) -> None:
        """A range gives those bytes; fewer where the blob ends."""
        ref = BlobRef(container=container, name="digits")
        blobs.put(ref, b"0123456789")
        assert blobs.get_range(ref, offset, length) == expected

    def test_what_is_missing(self, blobs: BlobStore, container: str) -> None:
        """Reading or moving a blob that is not there is NotFound, with and without container."""
        ref = BlobRef(container=container, name="missing")
        for _ in ("no container", "container"):
            assert not blobs.exists(ref)
            with pytest.raises(NotFound):
                blobs.get(ref)
            with pytest.raises(NotFound):
                blobs.get_range(ref, 0, 5)
            with pytest.raises(NotFound):
                list(blobs.stream(ref))
            with pytest.raises(NotFound):
                blobs.size(ref)
            with pytest.raises(NotFound):
                blobs.set_tier(ref, StorageTier.HOT)
            blobs.put(BlobRef(container=container, name="other"), b"x")

    def test_names_in_order(self, blobs: BlobStore, container: str) -> None:
        """Names come in order, only those below the prefix; nothing where there is no container."""
        assert list(blobs.names(container, "")) == []
        for name in ("j/2", "j/10", "k/1", "j/1"):
            blobs.put(BlobRef(container=container, name=name), b"x")
        assert list(blobs.names(container, "j/")) == ["j/1", "j/10", "j/2"]

    def test_lengths(self, blobs: BlobStore, container: str) -> None:
        """Names come with the bytes of each; nothing where there is no container."""
        assert list(blobs.lengths(container, "")) == []
        for name, data in (("j/2", b"12"), ("k/1", b"1"), ("j/1", b"")):
            blobs.put(BlobRef(container=container, name=name), data)
        assert list(blobs.lengths(container, "j/")) == [("j/1", 0), ("j/2", 2)]

    def test_delete(self, blobs: BlobStore, container: str) -> None:
        """Removing is final, and removing what is not there is nothing."""
        ref = BlobRef(container=container, name="a")
        blobs.delete(ref)
        blobs.put(ref, b"x")
        blobs.delete(ref)
        blobs.delete(ref)
        assert not blobs.exists(ref)

    def test_delete_prefix(self, blobs: BlobStore, container: str) -> None:
        """Everything below a prefix goes, nothing else, and the count is told."""
        assert blobs.delete_prefix(container, "j/") == 0
        for name in ("j/1", "j/2", "jk"):
            blobs.put(BlobRef(container=container, name=name), b"x")
        assert blobs.delete_prefix(container, "j/") == 2
        assert list(blobs.names(container, "")) == ["jk"]

    def test_tiers(self, blobs: BlobStore, container: str) -> None:
        """Hot and warm blobs can be read, cold ones only after they were moved back."""
        ref = BlobRef(container=container, name="a")
        blobs.put(ref, b"x")
        blobs.set_tier(ref, StorageTier.WARM)
        assert blobs.get(ref) == b"x"
        blobs.set_tier(ref, StorageTier.COLD)
        with pytest.raises(Conflict):
            blobs.get(ref)
        blobs.set_tier(ref, StorageTier.HOT)
        assert blobs.get(ref) == b"x"

    def test_an_upload_link_says_when_it_ends(self, blobs: BlobStore, container: str) -> None:
        """A link to write with is for a blob that need not exist, and ends as was asked for."""
        ends = datetime(2030, 1, 1, tzinfo=UTC)
        link = blobs.upload_link(BlobRef(container=container, name="new"), ends)
        assert link.expires_at == ends
        assert link.url
        assert not blobs.exists(BlobRef(container=container, name="new"))

    def test_a_link_says_when_it_ends(self, blobs: BlobStore, container: str) -> None:
        """The link's end is the one asked for, and its address is not empty."""
        ref = BlobRef(container=container, name="a")
        blobs.put(ref, b"x")
        ends = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(seconds=1)
        link = blobs.link(ref, ends, "birds.zip")
        assert link.expires_at == ends
        assert link.url
