"""The archive holds what the manifest says, bit for bit the same every time."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import zipfile

import pytest

from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.domain.errors import ArchiveTooLarge, InvariantBroken, NotFound
from pixcrawler.domain.source import Provenance
from pixcrawler.domain.storage import BlobRef, version_ref
from pixcrawler.pipeline.package import package
from pixcrawler.pipeline.pictures.imaging import examine
from tests.factories import a_candidate, an_image

NAME = "data-1/1/garden_birds-v1.zip"
ZIP = BlobRef(container="archives", name=NAME)
CHECKSUM = BlobRef(container="archives", name=f"{NAME}.sha256")
CATEGORIES = ["birds", "train", "test", "con", "Zürich", "красная панда", "../../etc", "=1+1"]

FILES = [an_image(n, file_format=("JPEG", "PNG", "WEBP")[n % 3]) for n in range(10)]


@pytest.fixture
def assembled(workshop):
    """A version of ten images in eight categories with awkward names."""
    workshop.job(categories={name: [name] for name in CATEGORIES})
    hostile = Provenance(
        engine="openverse", title="</script>\0\n{braces}", creator="=cmd|'/C calc'"
    )
    workshop.download(
        [
            (
                a_candidate(n, category=name, keyword=name, provenance=hostile),
                FILES[n],
            )
            for n, name in enumerate([*CATEGORIES, "birds", "test"])
        ]
    )
    workshop.validate()
    workshop.deduplicate()
    workshop.assemble()
    return workshop


@pytest.fixture
def archive(assembled):
    """The opened archive."""
    package("data-1", 1, blobs=assembled.blobs)
    return zipfile.ZipFile(io.BytesIO(assembled.blobs.get(ZIP)))


def test_what_is_inside(archive):
    """First the page to read and the lists, then the images."""
    names = archive.namelist()
    assert names[:10] == [
        "README.txt",
        "manifest.json",
        "statistics.json",
        "labels/labels.csv",
        "labels/labels.json",
        "labels/labels.txt",
        "labels/labels.yaml",
        "metadata/processing_log.txt",
        "receipts.jsonl",
        "metadata/hosts.csv",
    ]
    assert len(names) == len(set(names)) == 20
    assert archive.testzip() is None


def test_files_and_manifest_agree_both_ways(archive):
    """Every image of the manifest is in the archive with these facts, and no other is."""
    listed = {image["path"]: image for image in json.loads(archive.read("manifest.json"))["images"]}
    assert set(listed) == {name for name in archive.namelist() if name.startswith("images/")}
    for path, image in listed.items():
        assert examine(archive.read(path)).model_dump(mode="json") == image["facts"]


def test_paths_are_safe_everywhere(archive):
    """No path leaves its folder or has a name that an operating system refuses."""
    folders = {name.split("/")[1] for name in archive.namelist() if name.startswith("images/")}
    assert folders == {
        "birds",
        "train",
        "test",
        "con_",
        "zürich",
        "красная_панда",
        "etc",
        "1_1",
    }


def test_images_are_stored_and_texts_compressed(archive):
    """Pictures are compressed already; lists are worth compressing."""
    ways = {info.filename.split("/")[0]: info.compress_type for info in archive.infolist()}
    assert ways["images"] == zipfile.ZIP_STORED
    assert ways["manifest.json"] == ways["labels"] == zipfile.ZIP_DEFLATED


def test_the_same_manifest_gives_the_same_archive(assembled):
    """Built again from nothing, the archive is the same bit for bit."""
    first = package("data-1", 1, blobs=assembled.blobs)
    data = assembled.blobs.get(ZIP)
    assembled.blobs.delete(ZIP)
    assembled.blobs.delete(CHECKSUM)
    assert package("data-1", 1, blobs=assembled.blobs) == first
    assert assembled.blobs.get(ZIP) == data
    assert {info.date_time for info in zipfile.ZipFile(io.BytesIO(data)).infolist()} == {
        (1980, 1, 1, 0, 0, 0)
    }


def test_the_checksum_file(assembled):
    """Beside the archive lies what `sha256sum --check` reads; the answer says the same."""
    archive = package("data-1", 1, blobs=assembled.blobs)
    data = assembled.blobs.get(ZIP)
    assert archive.sha256 == hashlib.sha256(data).hexdigest()
    assert (archive.bytes, archive.blob) == (len(data), ZIP)
    line = f"{archive.sha256}  garden_birds-v1.zip\n"
    assert assembled.blobs.get(CHECKSUM).decode() == line


class Counting(MemoryBlobs):
    """Blobs that note what is written."""

    def __init__(self, blobs: MemoryBlobs) -> None:
        super().__init__()
        self._blobs = blobs._blobs
        self.written: list[str] = []

    def put(self, ref: BlobRef, data: bytes, media_type: str = "") -> None:
        """Write and note."""
        self.written.append(ref.name)
        super().put(ref, data, media_type)


def test_a_repeat_only_tells_again(assembled):
    """Asked again, the archive is left alone and its checksum written once more: a new event."""
    first = package("data-1", 1, blobs=assembled.blobs)
    blobs = Counting(assembled.blobs)
    assert package("data-1", 1, blobs=blobs) == first
    assert blobs.written == [CHECKSUM.name]


def test_the_checksum_comes_last(assembled):
    """Whoever sees the checksum can read the archive."""
    blobs = Counting(assembled.blobs)
    package("data-1", 1, blobs=blobs)
    assert blobs.written == [ZIP.name, CHECKSUM.name]


def test_a_changed_image_is_named(assembled):
    """An image whose bytes changed in storage stops packaging, and is named."""
    shard = version_ref("data-1", 1, "images/000-00000.tar")
    data = bytearray(assembled.blobs.get(shard))
    image = assembled.manifest()["images"][0]
    data[image["offset"] + 100] ^= 1
    assembled.blobs.put(shard, bytes(data))
    with pytest.raises(InvariantBroken, match=image["path"]):
        package("data-1", 1, blobs=assembled.blobs)
    assert not assembled.blobs.exists(CHECKSUM)


def test_a_short_shard_is_named(assembled):
    """An image that its shard does not hold stops packaging."""
    shard = version_ref("data-1", 1, "images/000-00000.tar")
    assembled.blobs.put(shard, assembled.blobs.get(shard)[:5000])
    with pytest.raises(InvariantBroken, match="is not in its shard"):
        package("data-1", 1, blobs=assembled.blobs)


def test_no_manifest(assembled):
    """Without a manifest there is nothing to package."""
    with pytest.raises(NotFound):
        package("data-1", 2, blobs=assembled.blobs)


class InPieces(MemoryBlobs):
    """Blobs that come in tiny pieces."""

    def stream(self, ref: BlobRef):
        """Yield 700 bytes at a time."""
        data = self.get(ref)
        yield from (data[at : at + 700] for at in range(0, len(data), 700))


def test_pieces_do_not_matter(assembled):
    """Images that lie across pieces of a stream come out whole."""
    first = package("data-1", 1, blobs=assembled.blobs)
    blobs = InPieces()
    blobs._blobs = assembled.blobs._blobs
    for ref in (ZIP, CHECKSUM):
        blobs.delete(ref)
    assert package("data-1", 1, blobs=blobs) == first


class FullDisk(MemoryBlobs):
    """Blobs whose reader finds the scratch disk full."""

    def stream(self, ref: BlobRef):
        """Fail as a full disk does."""
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_scratch_disk(assembled):
    """A scratch disk without room is told as such: trying again cannot help."""
    blobs = FullDisk()
    blobs._blobs = assembled.blobs._blobs
    with pytest.raises(ArchiveTooLarge):
        package("data-1", 1, blobs=blobs)


def test_the_first_page(archive):
    """The README names the dataset, how to load it, and the licences inside."""
    page = archive.read("README.txt").decode()
    assert page.startswith("Garden birds, version 1\nImages: 10, in categories: 8.\n")
    assert "labels/labels.csv" in page
    assert "     10  unknown" in page


class BrokenDisk(MemoryBlobs):
    """Blobs whose reader finds the scratch disk broken."""

    def stream(self, ref: BlobRef):
        """Fail as a broken disk does."""
        raise OSError(errno.EIO, "Input/output error")


def test_a_broken_scratch_disk(assembled):
    """Any other trouble of the disk is told as it is."""
    blobs = BrokenDisk()
    blobs._blobs = assembled.blobs._blobs
    with pytest.raises(OSError, match="Input/output"):
        package("data-1", 1, blobs=blobs)
