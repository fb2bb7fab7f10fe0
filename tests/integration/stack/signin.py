"""The unmodified client of Supabase, as the tests of the issuer use it."""

import pytest
from supabase.lib.client_options import SyncClientOptions
from supabase_auth.errors import AuthApiError

from supabase import create_client

ANN = {"email": "Ann@x.io", "password": "correct horse"}
PUBLISHABLE, SECRET = "sb_publishable_test", "sb_secret_test"


def client(auth, key=PUBLISHABLE):
    """Return the unmodified client of Supabase."""
    options = SyncClientOptions(
        auto_refresh_token=False, persist_session=False, httpx_client=auth.http
    )
    return create_client(auth.url, key, options)


def token(signed_in):
    """Return the access token of a client."""
    return signed_in.auth.get_session().access_token


def refusal(act):
    """Return status and code of the refusal that ``act`` meets."""
    with pytest.raises(AuthApiError) as refused:
        act()
    return refused.value.status, refused.value.code
