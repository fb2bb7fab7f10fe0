"""Registration of archives, and asking for packaging again."""

from __future__ import annotations

import pytest

from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.adapters.memory.datasets import MemoryDatasets
from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.domain.storage import archive_ref, version_ref
from pixcrawler.pipeline.payloads import Assembled, PackageCheck
from pixcrawler.pipeline.register import find_archive, register

SHA = "ab" * 32


@pytest.fixture
def world() -> tuple[MemoryBlobs, MemoryDatasets]:
    blobs, datasets = MemoryBlobs(), MemoryDatasets()
    datasets.add("d", 1, "job-1")
    datasets.version_assembled("d", 1, 3, 30, version_ref("d", 1, "manifest.json"))
    blobs.put(version_ref("d", 1, "manifest.json"), b"{}")
    blobs.put(archive_ref("d", 1, "owls-v1.zip"), b"12345")
    blobs.put(archive_ref("d", 1, "owls-v1.zip.sha256"), f"{SHA}  owls-v1.zip\n".encode())
    return blobs, datasets


def check(*, again: bool = False) -> PackageCheck:
    manifest = version_ref("d", 1, "manifest.json")
    version = Assembled(job_id="job-1", dataset_id="d", version=1, images=3, manifest=manifest)
    return PackageCheck(assembled=version, again=again)


def test_an_archive_is_found_after_registration(world):
    """What the checksum file says is recorded, and the waiting story finds it."""
    blobs, datasets = world

    job_id = register("d", 1, "owls-v1.zip.sha256", blobs=blobs, datasets=datasets)

    archive = find_archive(check(), blobs=blobs, datasets=datasets).archive
    assert job_id == "job-1"
    assert (archive.bytes, archive.sha256) == (5, SHA)


def test_registration_may_be_repeated(world):
    """A trigger that fires twice changes nothing."""
    blobs, datasets = world

    first = register("d", 1, "owls-v1.zip.sha256", blobs=blobs, datasets=datasets)

    assert register("d", 1, "owls-v1.zip.sha256", blobs=blobs, datasets=datasets) == first


def test_a_checksum_of_something_else_is_refused(world):
    """A checksum file that names another archive is not believed."""
    blobs, datasets = world
    blobs.put(archive_ref("d", 1, "owls-v1.zip.sha256"), f"{SHA}  other.zip\n".encode())

    with pytest.raises(InvariantBroken):
        register("d", 1, "owls-v1.zip.sha256", blobs=blobs, datasets=datasets)


def test_packaging_is_asked_for_again(world):
    """When no archive is there and it is time, the manifest is written anew, same bytes."""
    blobs, datasets = world
    before = blobs.get(version_ref("d", 1, "manifest.json"))

    state = find_archive(check(again=True), blobs=blobs, datasets=datasets)

    assert state.archive is None
    assert blobs.get(version_ref("d", 1, "manifest.json")) == before
