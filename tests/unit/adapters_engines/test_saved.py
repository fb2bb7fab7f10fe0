"""Saved answers: an operator sees what the reader makes of a file, whatever it is."""

from __future__ import annotations

import pytest
from typing_extensions import override

from pixcrawler.adapters.engines.duckduckgo import DuckDuckGoEngine
from pixcrawler.adapters.engines.flickr import FlickrEngine
from pixcrawler.adapters.engines.openverse import OpenverseEngine
from pixcrawler.adapters.engines.saved import read_saved
from pixcrawler.domain.engine import BlockKind, EngineStatus
from tests.contracts.answers import body_of


@pytest.mark.parametrize(
    ("engine", "name", "kind"),
    [
        (OpenverseEngine, "blocks/google_captcha.html", BlockKind.CAPTCHA),
        (DuckDuckGoEngine, "duckduckgo/anomaly.html", BlockKind.CAPTCHA),
        (FlickrEngine, "flickr/bad_key.json", BlockKind.DENIED),
    ],
)
def test_a_refusal_is_told_as_one(engine, name, kind):
    """As it would have been in a search: by page, by the engine's own signs, by its words."""
    page = read_saved(engine("https://engine.example", "key-of-engine"), body_of(name))
    assert (page.status, page.kind) == (EngineStatus.BLOCKED, kind)


def test_results_are_read():
    """Nothing is asked, so there is nothing to wait for and no key to show."""
    page = read_saved(OpenverseEngine("https://engine.example"), body_of("openverse/full.json"))
    assert (page.status, len(page.finds)) == (EngineStatus.OK, 2)


def test_what_cannot_be_read_is_named():
    """By the engine and what came instead."""
    page = read_saved(OpenverseEngine("https://engine.example"), body_of("changed.html"))
    assert page.status is EngineStatus.CHANGED
    assert page.detail == "Openverse: answered with a web page instead of results"


def test_a_reader_that_breaks_is_told_and_logged(caplog):
    """The engine of another package may have faults of its own."""

    class Faulty(OpenverseEngine):
        @override
        def read(self, body, ask):
            raise KeyError("results")

    page = read_saved(Faulty("https://engine.example"), b"{}")
    assert (page.status, page.detail) == (
        EngineStatus.CHANGED,
        "Openverse: this answer broke our reader",
    )
    assert [record.message for record in caplog.records] == ["engine.broke"]
