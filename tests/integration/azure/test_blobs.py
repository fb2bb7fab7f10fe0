"""Blobs in Azurite keep the contract; links are good for one blob, reading, and a while."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
import requests

from pixcrawler.adapters.azure.blobs import AzureBlobs
from pixcrawler.domain.errors import InvariantBroken, StorageUnavailable
from pixcrawler.domain.storage import BlobRef, StorageTier
from pixcrawler.host.stack.azurite import Azurite
from tests.contracts.blob_store import BlobStoreContract

REF = BlobRef(container="archives", name="data-1/1/garden birds-v1.zip")
OTHER = BlobRef(container="archives", name="data-1/2/garden birds-v2.zip")


@pytest.fixture(scope="module")
def blobs(azurite: Azurite) -> AzureBlobs:
    """The adapter, connected as the app connects it."""
    connected = AzureBlobs.connect(azurite.connection_string)
    connected.put(REF, b"the archive", "application/zip")
    connected.put(OTHER, b"another archive", "application/zip")
    return connected


class TestAzureBlobs(BlobStoreContract):
    """The contract, over HTTP."""

    @pytest.fixture
    def blobs(self, azurite: Azurite) -> AzureBlobs:
        """The adapter, connected as the app connects it."""
        return AzureBlobs.connect(azurite.connection_string)


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_a_link_downloads(blobs: AzureBlobs) -> None:
    """Anyone who has the link gets the bytes, to be saved under the name given."""
    answer = requests.get(blobs.link(REF, _in(60), "Käfer & «birds».zip").url, timeout=10)
    assert (answer.status_code, answer.content) == (200, b"the archive")
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="Kafer _ birds.zip"; '
        "filename*=UTF-8''K%C3%A4fer%20%26%20%C2%ABbirds%C2%BB.zip"
    )


def test_a_link_ends(blobs: AzureBlobs) -> None:
    """After its end the same link is refused."""
    link = blobs.link(REF, _in(4), "a.zip")
    assert requests.get(link.url, timeout=10).status_code == 200
    deadline = time.monotonic() + 20
    while requests.get(link.url, timeout=10).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert requests.get(link.url, timeout=10).status_code == 403
    assert datetime.now(UTC) >= link.expires_at


def test_a_changed_link_is_refused(blobs: AzureBlobs) -> None:
    """Neither its end nor its signature can be changed."""
    url = blobs.link(REF, _in(60), "a.zip").url
    signature = url.split("sig=")[1].split("&")[0]
    forged = url.replace(signature, ("A" if signature[0] != "A" else "B") + signature[1:])
    later = url.replace(f"se={_in(60).year}", f"se={_in(60).year + 1}")
    assert [requests.get(bad, timeout=10).status_code for bad in (forged, later)] == [403, 403]


def test_a_link_is_for_one_blob(blobs: AzureBlobs) -> None:
    """The signature opens no other blob, and not the container's listing."""
    url = blobs.link(REF, _in(60), "a.zip").url
    other = url.replace("data-1/1/", "data-1/2/").replace("v1.zip", "v2.zip")
    base, query = url.split("?")
    listing = base.split("/archives/")[0] + f"/archives?restype=container&comp=list&{query}"
    assert other != url
    assert requests.get(other, timeout=10).status_code == 403
    assert requests.get(listing, timeout=10).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_link_only_reads(blobs: AzureBlobs, method: str) -> None:
    """Writing or deleting with the link is refused, and the blob stays."""
    url = blobs.link(REF, _in(60), "a.zip").url
    headers = {"x-ms-blob-type": "BlockBlob"}
    answer = requests.request(method, url, data=b"mine", headers=headers, timeout=10)
    assert answer.status_code == 403
    assert blobs.get(REF) == b"the archive"


def test_without_a_signature(blobs: AzureBlobs) -> None:
    """Nothing can be read without a link."""
    url = blobs.link(REF, _in(60), "a.zip").url.split("?")[0]
    assert requests.get(url, timeout=10).status_code in (401, 403, 404)


def test_a_link_needs_a_time_zone(blobs: AzureBlobs) -> None:
    """An end without time zone would mean another moment on another machine."""
    with pytest.raises(InvariantBroken):
        blobs.link(REF, _in(60).replace(tzinfo=None), "a.zip")


def test_a_wrong_key(azurite: Azurite) -> None:
    """A wrong account key is our mistake: it is not tried again for ever."""
    wrong = azurite.connection_string.replace("AccountKey=Eby8", "AccountKey=AAAA")
    with pytest.raises(InvariantBroken):
        AzureBlobs.connect(wrong).get(REF)


def test_a_store_that_is_away(unused_port: int) -> None:
    """A store that does not answer is StorageUnavailable, which the steps try again."""
    address = f"http://127.0.0.1:{unused_port}/devstoreaccount1"
    away = AzureBlobs.connect(
        f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=AAAA;"
        f"BlobEndpoint={address};"
    )
    with pytest.raises(StorageUnavailable):
        away.exists(REF)


def test_many_blobs_are_deleted(blobs: AzureBlobs) -> None:
    """More blobs than one batch holds are all deleted."""
    for number in range(300):
        blobs.put(BlobRef(container="work", name=f"job-9/{number:03d}"), b"")
    assert blobs.delete_prefix("work", "job-9/") == 300
    assert list(blobs.names("work", "job-9/")) == []


def test_the_tier_is_azures(blobs: AzureBlobs) -> None:
    """Warm means Azure's Cool: it is read at once and stored as such."""
    ref = BlobRef(container="archives", name="tier")
    blobs.put(ref, b"x")
    blobs.set_tier(ref, StorageTier.WARM)
    assert blobs._blob(ref).get_blob_properties().blob_tier == "Cool"
