"""Storage connections by name."""

from __future__ import annotations

import pytest

from pixcrawler.host.connections import connection_string
from pixcrawler.host.errors import HostError

FULL = "AccountName=a;AccountKey=aaaa;BlobEndpoint=http://127.0.0.1:1/a;"


def test_by_name():
    """A connection is the setting of its name."""
    assert connection_string("Data", {"Data": FULL}) == FULL


def test_with_prefix():
    """AzureWebJobs may stand before the name; the bare name wins."""
    assert connection_string("Data", {"AzureWebJobsData": FULL}) == FULL
    assert connection_string("Data", {"AzureWebJobsData": "x=1", "Data": FULL}) == FULL


@pytest.mark.parametrize("text", ["UseDevelopmentStorage=true", "usedevelopmentstorage=TRUE;"])
def test_development_storage(text):
    """The short form means Azurite on its usual ports."""
    value = connection_string("S", {"S": text})
    assert "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;" in value
    assert "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;" in value


def test_missing():
    """A connection that is not set is named."""
    with pytest.raises(HostError, match="'Data' is not set"):
        connection_string("Data", {"Data": " "})


@pytest.mark.parametrize("setting", ["Data__blobServiceUri", "AzureWebJobsData__accountName"])
def test_identity_based(setting):
    """An identity-based connection is refused by name, for there is no identity here."""
    with pytest.raises(HostError, match=f"identity-based \\({setting}\\)"):
        connection_string("Data", {setting: "https://x"})
