"""Registration: an archive was written; record it, and ask for packaging when none was."""

from __future__ import annotations

from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.domain.storage import Archive, StorageTier, archive_ref, version_ref
from pixcrawler.pipeline.payloads import PackageCheck, PackageState
from pixcrawler.pipeline.ports import BlobStore, DatasetStore

CHECKSUM_SUFFIX = ".sha256"


def register(
    dataset_id: str, version: int, checksum_name: str, *, blobs: BlobStore, datasets: DatasetStore
) -> str:
    """Put the archive beside the checksum file on the hot shelf and record it.

    Returns the id of the job that built the version. Safe to repeat.

    Raises:
        InvariantBroken: the checksum file is not ours.
    """
    name = checksum_name.removesuffix(CHECKSUM_SUFFIX)
    line = blobs.get(archive_ref(dataset_id, version, checksum_name)).decode()
    sha256, _, named = line.strip().partition("  ")
    if named != name:
        raise InvariantBroken(f"{checksum_name} names {named!r}")
    blob = archive_ref(dataset_id, version, name)
    archive = Archive(blob=blob, bytes=blobs.size(blob), sha256=sha256)
    blobs.set_tier(blob, StorageTier.HOT)
    return datasets.register_archive(dataset_id, version, archive, StorageTier.HOT)


def find_archive(check: PackageCheck, *, blobs: BlobStore, datasets: DatasetStore) -> PackageState:
    """Return the registered archive of a version, if there is one.

    When there is none and the check says so, the manifest is written again: the same bytes,
    but a new event for the packaging trigger.
    """
    version = check.assembled
    archive = datasets.archive(version.dataset_id, version.version)
    if archive is None and check.again:
        manifest = version_ref(version.dataset_id, version.version, "manifest.json")
        blobs.put(manifest, blobs.get(manifest), "application/json")
    return PackageState(archive=archive)
