"""A dataset version becomes one archive and its checksum."""

from __future__ import annotations

import errno
import hashlib
import tempfile
import zipfile
from itertools import groupby

from pixcrawler.domain.dataset import Manifest
from pixcrawler.domain.errors import ArchiveTooLarge, InvariantBroken
from pixcrawler.domain.keyword import folder_name
from pixcrawler.domain.receipt import RECEIPTS
from pixcrawler.domain.storage import Archive, BlobRef, archive_ref, version_ref
from pixcrawler.pipeline.assemble import LOG, MANIFEST, STATISTICS
from pixcrawler.pipeline.papers.hosts import HOSTS
from pixcrawler.pipeline.papers.labels import LABEL_FILES
from pixcrawler.pipeline.papers.readme import readme
from pixcrawler.pipeline.pictures.members import members
from pixcrawler.pipeline.ports import BlobStore

_MOMENT = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the archive: the same manifest gives the same archive."""
_UNIX = 3
_READABLE = 0o100644 << 16
_DEFLATE_LEVEL = 6


def package(dataset_id: str, version: int, *, blobs: BlobStore) -> Archive:
    """Write the ZIP of an assembled version and, last, its SHA-256 in a file beside it.

    The same manifest gives the same archive, bit for bit. When the checksum is there already,
    only it is written again: a new event for whoever waits for it. Takes scratch disk for one
    archive, and memory for one image and one piece of a shard.

    Raises:
        NotFound: there is no manifest.
        ArchiveTooLarge: the scratch disk is full.
        InvariantBroken: an image is missing, or its bytes are not those of the manifest.
    """
    written = blobs.get(version_ref(dataset_id, version, MANIFEST))
    manifest = Manifest.model_validate_json(written)
    name = f"{folder_name(manifest.name)}-v{version}.zip"
    place = archive_ref(dataset_id, version, name)
    checksum_place = archive_ref(dataset_id, version, f"{name}.sha256")
    if blobs.exists(checksum_place) and blobs.exists(place):
        sha256, _, _ = blobs.get(checksum_place).decode().partition(" ")
    else:
        sha256 = _zipped(manifest, written, place, blobs)
    blobs.put(checksum_place, f"{sha256}  {name}\n".encode(), "text/plain; charset=utf-8")
    return Archive(blob=place, bytes=blobs.size(place), sha256=sha256)


def _zipped(manifest: Manifest, written: bytes, place: BlobRef, blobs: BlobStore) -> str:
    try:
        with tempfile.TemporaryFile() as file:
            with zipfile.ZipFile(file, "w") as archive:
                _add_texts(archive, manifest, written, blobs)
                _add_images(archive, manifest, blobs)
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            blobs.put_file(place, file, "application/zip")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise ArchiveTooLarge("The scratch disk has no room for the archive") from error
        raise
    return sha256


def _add_texts(
    archive: zipfile.ZipFile, manifest: Manifest, written: bytes, blobs: BlobStore
) -> None:
    texts = {"README.txt": readme(manifest).encode(), MANIFEST: written}
    receipts = (RECEIPTS, HOSTS) if manifest.receipts else ()
    for name in (STATISTICS, *LABEL_FILES, LOG, *receipts):
        texts[name] = blobs.get(version_ref(manifest.dataset_id, manifest.version, name))
    for name, data in texts.items():
        archive.writestr(_entry(name), data, zipfile.ZIP_DEFLATED, _DEFLATE_LEVEL)


def _add_images(archive: zipfile.ZipFile, manifest: Manifest, blobs: BlobStore) -> None:
    """Copy shard by shard, so that each is read once; pictures are compressed already."""
    stored = sorted(manifest.images, key=lambda image: (image.shard, image.offset))
    for shard, images in groupby(stored, key=lambda image: image.shard):
        listed = list(images)
        pieces = blobs.stream(version_ref(manifest.dataset_id, manifest.version, shard))
        places = [(image.offset, image.length) for image in listed]
        for image, data in zip(listed, members(pieces, places), strict=True):
            if data is None:
                raise InvariantBroken(f"{image.path} is not in its shard {shard}")
            if hashlib.sha256(data).hexdigest() != image.facts.sha256:
                raise InvariantBroken(f"{image.path} is not the image of the manifest")
            archive.writestr(_entry(image.path), data, zipfile.ZIP_STORED)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _MOMENT)
    entry.create_system = _UNIX
    entry.external_attr = _READABLE
    return entry
