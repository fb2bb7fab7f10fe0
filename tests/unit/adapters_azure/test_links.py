"""Links signed by user delegation, and the words for tiers and file names."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient, StandardBlobTier, UserDelegationKey

from pixcrawler.adapters.azure.blobs import AzureBlobs
from pixcrawler.adapters.azure.links import LinkSigner
from pixcrawler.adapters.azure.tiers import AZURE_TIERS
from pixcrawler.domain.storage import BlobRef, StorageTier

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
REF = BlobRef(container="archives", name="d/1/birds-v1.zip")


class Delegating(BlobServiceClient):
    """An account that gives delegation keys without being asked over the network."""

    def __init__(self) -> None:
        super().__init__("https://account.blob.core.windows.net", DefaultAzureCredential())
        self.asked: list[tuple[datetime, datetime]] = []

    def get_user_delegation_key(
        self, key_start_time: datetime, key_expiry_time: datetime, **_: object
    ) -> UserDelegationKey:
        """Give a key as the service would."""
        self.asked.append((key_start_time, key_expiry_time))
        key = UserDelegationKey()
        key.signed_oid = key.signed_tid = "00000000-0000-0000-0000-000000000000"
        key.signed_start = key_start_time.isoformat()
        key.signed_expiry = key_expiry_time.isoformat()
        key.signed_service, key.signed_version = "b", "2025-01-05"
        key.value = b64encode(b"key").decode()
        return key


@pytest.fixture
def service() -> Delegating:
    """An account without key."""
    return Delegating()


def test_a_delegated_link(service: Delegating) -> None:
    """It reads one blob, only over https, until the end asked for."""
    link = LinkSigner(service, lambda: NOW).link(REF, NOW + timedelta(hours=1), "birds.zip")
    address, terms = urlsplit(link.url), parse_qs(urlsplit(link.url).query)
    assert (address.scheme, address.path) == ("https", "/archives/d/1/birds-v1.zip")
    assert (terms["sp"], terms["sr"], terms["spr"]) == (["r"], ["b"], ["https"])
    assert terms["se"] == ["2026-05-01T13:00:00Z"]
    assert "skoid" in terms


def test_a_link_is_no_shorter_than_asked(service: Delegating) -> None:
    """Signatures know whole seconds: the link says the second in which it really ends."""
    asked = NOW + timedelta(seconds=2, microseconds=1)
    link = LinkSigner(service, lambda: NOW).link(REF, asked, "birds.zip")
    assert link.expires_at == NOW + timedelta(seconds=3)
    assert parse_qs(urlsplit(link.url).query)["se"] == ["2026-05-01T12:00:03Z"]


def test_the_key_begins_in_the_past_and_lasts(service: Delegating) -> None:
    """One key serves many links; it begins before now, because clocks differ."""
    signer = LinkSigner(service, lambda: NOW)
    for minutes in (5, 50):
        signer.link(REF, NOW + timedelta(minutes=minutes), "birds.zip")
    [(start, end)] = service.asked
    assert start < NOW
    assert end - start <= timedelta(days=7)


def test_no_link_outlives_its_key(service: Delegating) -> None:
    """A link that would outlive the longest key ends with the key, and says so."""
    link = LinkSigner(service, lambda: NOW).link(REF, NOW + timedelta(days=30), "birds.zip")
    assert link.expires_at == service.asked[0][1]


def test_an_ended_key_is_renewed(service: Delegating) -> None:
    """A link that the key at hand does not cover gets a new key."""
    times = iter([NOW, NOW + timedelta(days=6)])
    signer = LinkSigner(service, lambda: next(times))
    signer.link(REF, NOW + timedelta(hours=1), "birds.zip")
    link = signer.link(REF, NOW + timedelta(days=8), "birds.zip")
    assert len(service.asked) == 2
    assert link.expires_at == NOW + timedelta(days=8)


@pytest.mark.parametrize(
    ("filename", "plain"),
    [
        ('a".exe\r\nSet-Cookie: x', "a_.exe__Set-Cookie_ x"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("паук.zip", ".zip"),
    ],
    ids=["header-injection", "path", "other-script"],
)
def test_hostile_file_names(service: Delegating, filename: str, plain: str) -> None:
    """No file name breaks out of the header or names a folder."""
    link = LinkSigner(service, lambda: NOW).link(REF, NOW + timedelta(hours=1), filename)
    [disposition] = parse_qs(urlsplit(link.url).query)["rscd"]
    assert disposition.startswith(f'attachment; filename="{plain}"; filename*=UTF-8')
    assert not set(disposition) & set("\r\n/")


def test_an_address_connects_lazily() -> None:
    """With an https address nothing is asked of anybody before the first use."""
    assert AzureBlobs.connect("https://account.blob.core.windows.net")


def test_tiers() -> None:
    """Hot, warm and cold are Azure's Hot, Cool and Archive."""
    assert AZURE_TIERS == {
        StorageTier.HOT: StandardBlobTier.HOT,
        StorageTier.WARM: StandardBlobTier.COOL,
        StorageTier.COLD: StandardBlobTier.ARCHIVE,
    }
