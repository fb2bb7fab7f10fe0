"""A misbehaving server for each test of this folder."""

from __future__ import annotations

import pytest

from tests.fakes.web import FakeWeb


@pytest.fixture
def web():
    """A fresh misbehaving server."""
    server = FakeWeb()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    """Between two tries, and after a refusal that names no time, wait hardly at all."""
    monkeypatch.setattr("pixcrawler.pipeline.visits.host_rules.BACK_OFF_S", 0.01)
    monkeypatch.setattr("pixcrawler.adapters.web.visiting.visits.back_off_s", lambda tries: 0.01)
