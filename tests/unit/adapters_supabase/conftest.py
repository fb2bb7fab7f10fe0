"""A stand-in for Supabase Auth: keys that sign, and a real HTTP server that publishes them."""

from __future__ import annotations

import pytest

from tests.fakes.issuer import Issuer


@pytest.fixture
def issuer():
    with Issuer() as issuer:
        yield issuer
