"""Engines with a key keep it to themselves, whatever the service makes of it."""

from __future__ import annotations

import json

import pytest

from pixcrawler.adapters.engines.brave import BraveEngine
from pixcrawler.adapters.engines.europeana import EuropeanaEngine
from pixcrawler.adapters.engines.flickr import FlickrEngine
from pixcrawler.adapters.engines.google import GoogleEngine
from pixcrawler.adapters.engines.keyed import KeyedEngine, limit_page
from pixcrawler.adapters.engines.pexels import PexelsEngine
from pixcrawler.adapters.engines.pixabay import PixabayEngine
from pixcrawler.adapters.engines.registry import BUILT_IN
from pixcrawler.adapters.engines.serpapi import SerpApiEngine
from pixcrawler.adapters.engines.smithsonian import SmithsonianEngine
from pixcrawler.domain.engine import Access, BlockKind, EngineStatus
from tests.contracts.engine import body_of, saying, searched

KEYED = [
    BraveEngine, EuropeanaEngine, FlickrEngine, GoogleEngine, PexelsEngine, PixabayEngine,
    SerpApiEngine, SmithsonianEngine,
]  # fmt: skip
SECRET = "s3cret/of+engine"
ESCAPED = "s3cret%2Fof%2Bengine"


def _with_key(value, spelling):
    """The answer with the key in every text; in addresses as a part of them."""
    if isinstance(value, dict):
        return {name: _with_key(below, spelling) for name, below in value.items()}
    if isinstance(value, list):
        return [_with_key(below, spelling) for below in value]
    if not isinstance(value, str) or value in ("ok", "CC0", "Images", "Success"):
        return value
    return f"{value}?by={spelling}"


def test_all_of_them_are_known_and_want_a_key():
    """Whoever has a key can use them, and nobody else."""
    assert {engine for engine in BUILT_IN if issubclass(engine, KeyedEngine)} == set(KEYED)
    assert {engine.card.access for engine in KEYED} == {Access.KEY}


@pytest.mark.parametrize("engine", KEYED, ids=lambda engine: engine.card.name)
def test_the_operator_is_told_the_terms(engine):
    """Every card says where the terms are, and in plain words what matters of them."""
    card = engine.card
    assert card.terms_url.startswith("https://")
    assert card.homepage.startswith("https://")
    assert 40 < len(card.terms) < 400
    assert card.quotas


@pytest.mark.parametrize("spelling", [SECRET, ESCAPED])
@pytest.mark.parametrize("engine", KEYED, ids=lambda engine: engine.card.name)
def test_a_service_that_echoes_the_key_everywhere_gives_nothing_of_it_on(engine, spelling):
    """Finds, fields, cursors and messages with the key are left out, as it is and escaped."""
    key = f"{SECRET}:cx-of-engine" if engine is GoogleEngine else SECRET
    answer = json.loads(body_of(f"{engine.card.name}/full.json"))
    echoing = json.dumps(_with_key(answer, spelling))
    asked = engine("https://engine.example", key)
    page, _ = searched(asked, saying(echoing))
    assert page.status is EngineStatus.OK
    for status in (200, 400, 401, 403, 422, 429):
        refused, _ = searched(asked, saying(json.dumps(_errors(spelling)), status))
        assert spelling not in repr(refused)
    assert spelling not in repr(page)
    # Without a key to hide, the same answer gives everything.
    other, _ = searched(engine("https://engine.example", "another:engine-of-mine"), saying(echoing))
    assert spelling in repr(other)


def _errors(spelling):
    """An error in the words of every service at once."""
    told = f"broken: {spelling}"
    return {"stat": "fail", "code": 3, "message": told, "success": False, "error": told}


@pytest.mark.parametrize("engine", KEYED, ids=lambda engine: engine.card.name)
def test_redirects_get_no_key(engine):
    """A redirect is an answer to look at, not an order to send the key elsewhere."""
    asked = engine("https://engine.example", "key-of-engine:cx-of-engine")
    away = saying(b"", 302, headers={"location": "https://elsewhere.example/"})
    page, requests = searched(asked, away)
    assert [request.follow for request in requests] == [False]
    assert page.status is EngineStatus.CHANGED


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, "<!DOCTYPE html><title>Welcome</title>", (EngineStatus.CHANGED, None)),
        (502, "<html><title>Bad gateway</title></html>", (EngineStatus.FAILED, None)),
        (404, "<html><title>Not here</title></html>", (EngineStatus.CHANGED, None)),
        (
            403,
            "<!DOCTYPE html><title>Just a moment...</title>",
            (EngineStatus.BLOCKED, BlockKind.CLOUDFLARE_CAPTCHA),
        ),
    ],
)
@pytest.mark.parametrize("engine", KEYED, ids=lambda engine: engine.card.name)
def test_pages_for_people_are_told_by_what_they_are(engine, status, body, expected):
    """A proxy or a firewall in front of a service answers in HTML."""
    asked = engine("https://engine.example", "key-of-engine:cx-of-engine")
    page, _ = searched(asked, saying(body, status))
    assert (page.status, page.kind) == expected
    assert page.detail.startswith(asked.card.title)


@pytest.mark.parametrize("engine", KEYED, ids=lambda engine: engine.card.name)
def test_a_stated_limit_is_waited_for(engine):
    """Any of them may say how many seconds it takes until there are requests again."""
    asked = engine("https://engine.example", "key-of-engine:cx-of-engine")
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "59"}
    page, _ = searched(asked, saying("{}", 429, headers=headers))
    assert (page.kind, page.retry_after_s) == (BlockKind.THROTTLED, 59.0)


@pytest.mark.parametrize(
    ("left", "reset", "kind", "wait_s"),
    [
        ("0", "30", BlockKind.THROTTLED, 30.0),
        ("0", "3600", BlockKind.QUOTA, 3600.0),
        ("0", "1796083200", BlockKind.QUOTA, None),
        ("0,0", "1,90000", BlockKind.QUOTA, 90_000.0),
        ("0,5", "1,90000", BlockKind.THROTTLED, 1.0),
    ],
)
def test_the_limit_that_is_used_up_says_how_long_to_wait(left, reset, kind, wait_s):
    """A long way to go is a quota; a point in time says nothing without a clock."""
    page = limit_page("It", {"x-ratelimit-remaining": left, "x-ratelimit-reset": reset})
    assert page is not None
    assert (page.status, page.kind, page.retry_after_s) == (EngineStatus.BLOCKED, kind, wait_s)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ratelimit-remaining": "5", "x-ratelimit-reset": "30"},
        {"x-ratelimit-remaining": "0"},
        {"x-ratelimit-remaining": "", "x-ratelimit-reset": ""},
        {"x-ratelimit-remaining": "\u0660", "x-ratelimit-reset": "30"},
        {"x-ratelimit-remaining": "x" * 10_000, "x-ratelimit-reset": "9" * 10_000},
    ],
)
def test_headers_that_name_no_limit_say_nothing(headers):
    """Odd numbers and half a statement are none."""
    assert limit_page("It", headers) is None
