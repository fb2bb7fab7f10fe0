"""Upload links on real storage: good for writing one blob, for a while, and for nothing else."""

from __future__ import annotations

import base64
import gzip
import time
from datetime import UTC, datetime, timedelta

import pytest
import requests

from pixcrawler.adapters.azure.blobs import AzureBlobs
from pixcrawler.adapters.engines.uploads.blob_file import BlobFile
from pixcrawler.adapters.engines.uploads.engine import UploadsEngine
from pixcrawler.adapters.engines.uploads.shelf import Shelf
from pixcrawler.adapters.engines.uploads.tars import unpacked
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import SearchQuery
from pixcrawler.domain.storage import WORK, BlobRef, upload_ref
from pixcrawler.host.stack.azurite import Azurite
from tests.unit.adapters_uploads.test_archives import FILES, a_tar, a_zip

REF = upload_ref("user-1", "0" * 31 + "1")
OTHER = upload_ref("user-1", "0" * 31 + "2")
HEADERS = {"x-ms-blob-type": "BlockBlob"}
WAIT_S = 30


@pytest.fixture
def blobs(azurite: Azurite) -> AzureBlobs:
    """The adapter, connected as the app connects it."""
    return AzureBlobs.connect(azurite.connection_string)


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def put(url: str, data: bytes) -> int:
    """Send everything at once; return the status."""
    return requests.put(url, data=data, headers=HEADERS, timeout=WAIT_S).status_code


def test_a_blob_is_written_at_once(blobs: AzureBlobs) -> None:
    """A single PUT with the headers that the API names makes the blob, again if need be."""
    url = blobs.upload_link(REF, _in(60)).url

    assert [put(url, b"first"), put(url, b"second")] == [201, 201]
    assert blobs.get(REF) == b"second"


def test_a_blob_is_written_in_blocks(blobs: AzureBlobs) -> None:
    """Large uploads come in blocks and are there when the list of blocks is."""
    url, ref = blobs.upload_link(OTHER, _in(60)).url, OTHER
    ids = [base64.b64encode(f"{n:06d}".encode()).decode() for n in range(3)]
    for number, block in enumerate(ids):
        address = f"{url}&comp=block&blockid={block}"
        assert requests.put(address, data=b"%d" % number * 9, timeout=WAIT_S).status_code == 201
    assert not blobs.exists(ref)
    listed = "".join(f"<Latest>{block}</Latest>" for block in ids)
    document = f"<?xml version='1.0' encoding='utf-8'?><BlockList>{listed}</BlockList>"
    answer = requests.put(f"{url}&comp=blocklist", data=document, timeout=WAIT_S)

    assert (answer.status_code, blobs.get(ref)) == (201, b"0" * 9 + b"1" * 9 + b"2" * 9)


def test_an_upload_link_cannot_read(blobs: AzureBlobs) -> None:
    """Whoever may write may not read, list or delete."""
    url = blobs.upload_link(REF, _in(60)).url
    assert put(url, b"mine") == 201
    base, query = url.split("?")
    listing = base.split(f"/{WORK}/")[0] + f"/{WORK}?restype=container&comp=list&{query}"

    assert requests.get(url, timeout=WAIT_S).status_code == 403
    assert requests.head(url, timeout=WAIT_S).status_code == 403
    assert requests.delete(url, timeout=WAIT_S).status_code == 403
    assert requests.get(listing, timeout=WAIT_S).status_code == 403
    assert blobs.get(REF) == b"mine"


def test_an_upload_link_is_for_one_blob(blobs: AzureBlobs) -> None:
    """Neither another upload, nor another user's, nor a job's files can be written with it."""
    url = blobs.upload_link(REF, _in(60)).url
    others = [
        url.replace(REF.name, OTHER.name),
        url.replace("user-1", "user-2"),
        url.replace(REF.name, f"{REF.name}.contents.json"),
        url.replace(REF.name, "job-1/queries.json"),
        url.replace(f"/{WORK}/", "/archives/"),
    ]

    assert url not in others
    assert {put(other, b"x") for other in others} <= {403, 404}


def test_an_upload_link_ends(blobs: AzureBlobs) -> None:
    """After its end nothing more is written."""
    url = blobs.upload_link(REF, _in(3)).url
    assert put(url, b"in time") == 201
    deadline = time.monotonic() + 20
    while put(url, b"late") == 201:
        assert time.monotonic() < deadline
        time.sleep(0.2)

    assert put(url, b"too late") == 403


def test_a_lease_or_a_snapshot_keeps_no_upload(blobs: AzureBlobs) -> None:
    """Who may write may also lease for ever and take snapshots: all of it can be removed."""
    url = blobs.upload_link(REF, _in(60)).url
    assert put(url, b"mine") == 201
    lease = {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1"}
    assert requests.put(f"{url}&comp=snapshot", timeout=WAIT_S).status_code == 201
    assert requests.put(f"{url}&comp=lease", headers=lease, timeout=WAIT_S).status_code == 201
    blobs.delete(REF)

    assert not blobs.exists(REF)


def test_a_blob_that_claims_to_be_packed_is_read_as_it_is(blobs: AzureBlobs) -> None:
    """What a sender says of a blob's encoding never makes more bytes of it than there are."""
    bomb = gzip.compress(bytes(10_000_000))
    url = blobs.upload_link(REF, _in(60)).url
    headers = {**HEADERS, "x-ms-blob-content-encoding": "gzip"}
    assert requests.put(url, data=bomb, headers=headers, timeout=WAIT_S).status_code == 201

    assert blobs.get(REF) == bomb
    assert blobs.get_range(REF, 0, 2**30) == bomb
    assert blobs.get_range(REF, 100, 50) == bomb[100:150]
    assert b"".join(blobs.stream(REF)) == bomb


def test_archives_are_read_by_ranges(blobs: AzureBlobs) -> None:
    """From real storage, every member of each kind of archive is what was sent."""
    shelf = Shelf(blobs)
    for number, data in enumerate((a_zip(FILES), a_tar(FILES), gzip.compress(a_tar(FILES)))):
        upload = f"{number + 16:032x}"
        blobs.put(upload_ref("user-3", upload), data)
        own = shelf.of("user-3")
        query = SearchQuery(text="b", keyword="b", category="b", uploads=(upload,))
        page = UploadsEngine(own).search(query, None, Filters())
        bodies = {
            find.provenance.title: own.read(upload, place) for place, find in enumerate(page.finds)
        }

        assert bodies == FILES


def test_an_unpacked_copy_of_many_pieces(blobs: AzureBlobs) -> None:
    """A stream that can be read only once is written whole, in blocks, without a scratch file."""
    data = bytes(range(256)) * (300 * 1024)
    packed, plain = BlobRef(container="work", name="p"), BlobRef(container="work", name="q")
    blobs.put(packed, gzip.compress(data, 1))
    blobs.put_file(plain, unpacked(BlobFile(blobs, packed, 4 * 1024 * 1024)))

    assert blobs.get(plain) == data
