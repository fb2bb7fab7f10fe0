"""Settings that are families: one for each engine, by the engine's name."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pixcrawler.domain.engine import Quota
from pixcrawler.settings import Settings

NEEDED = {
    "AzureWebJobsStorage": "s",
    "DataStorage": "s",
    "DATABASE_API_URL": "d",
    "DATABASE_WORKER_URL": "d",
    "SUPABASE_URL": "u",
    "SUPABASE_PUBLISHABLE_KEY": "k",
}


def settings(**more):
    return Settings.from_environment({**NEEDED, **more})


def test_each_engine_has_its_own_address_key_and_quotas():
    """The name's ending, in lower case, is the engine; empty values are none."""
    found = settings(
        ENGINE_URL_OPENVERSE="http://127.0.0.1:1",
        ENGINE_KEY_FLICKR="secret",
        ENGINE_KEY_BRAVE="",
        ENGINE_QUOTA_OPENVERSE="100/60,10000/86400",
    )
    assert found.engine_urls == {"openverse": "http://127.0.0.1:1"}
    assert set(found.engine_keys) == {"flickr"}
    assert "secret" not in repr(found)
    assert found.engine_quotas == {
        "openverse": (Quota(requests=100, seconds=60), Quota(requests=10_000, seconds=86_400))
    }


@pytest.mark.parametrize("written", ["100", "a/60", "0/60", "5/0", "5/nan", "5/60,", "1/2/3"])
def test_a_quota_that_cannot_be_read_is_named(written):
    """The message says which engine's, the rule, and what was written."""
    with pytest.raises(ValidationError) as caught:
        settings(ENGINE_QUOTA_OPENVERSE=written)
    told = str(caught.value)
    assert "ENGINE_QUOTA_*.openverse" in told
    assert "requests/seconds such as 100/60" in told
