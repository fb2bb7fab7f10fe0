"""Engines with a key keep it to themselves, whatever the service makes of it."""

from __future__ import annotations

import json
import random

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
from pixcrawler.pipeline.engines.ports import Answer
from tests.contracts.engine import BROKE, FIXTURES, body_of, saying, searched
from tests.contracts.mutations import mutated

KEYED = [
    BraveEngine, EuropeanaEngine, FlickrEngine, GoogleEngine, PexelsEngine, PixabayEngine,
    SerpApiEngine, SmithsonianEngine,
]  # fmt: skip
SECRET = "s3cret/of+engine"
ESCAPED = "s3cret%2Fof%2Bengine"


NEEDED = ("ok", "CC0", "Images", "Success", "High-resolution JPEG")
"""Words without which an answer is another one."""


def _with_key(value, spelling, spared=()):
    """The answer with the key in every text but those; in addresses as a part of them."""
    if isinstance(value, dict):
        return {name: _with_key(below, spelling, spared) for name, below in value.items()}
    if isinstance(value, list):
        return [_with_key(below, spelling, spared) for below in value]
    if not isinstance(value, str) or value in NEEDED or value in spared:
        return value
    return f"{value}?by={spelling}"


def _full(engine):
    """The answer of the engine's full page, and its finds when there is no key to hide."""
    body = body_of(f"{engine.card.name}/full.json")
    page, _ = searched(engine("https://engine.example", "another:engine-of-mine"), saying(body))
    return json.loads(body), page.finds


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
def test_a_service_that_echoes_the_key_gives_nothing_of_it_on(engine, spelling):
    """Fields and cursors with the key are left out, as it is and escaped; the finds are not."""
    answer, finds = _full(engine)
    addresses = [find.url for find in finds]
    echoing = saying(json.dumps(_with_key(answer, spelling, addresses)))
    page, _ = searched(engine("https://engine.example", f"{SECRET}:cx-of-engine"), echoing)
    assert [find.url for find in page.finds] == addresses
    assert spelling not in repr(page)
    # With another key to hide, the same answer gives more.
    other, _ = searched(engine("https://engine.example", "another:engine-of-mine"), echoing)
    assert spelling in repr(other)


@pytest.mark.parametrize("spelling", [SECRET, ESCAPED])
@pytest.mark.parametrize("engine", KEYED, ids=lambda engine: engine.card.name)
def test_a_picture_whose_address_holds_the_key_is_no_find(engine, spelling):
    """An address is kept with the dataset: nobody may read the operator's key in it."""
    answer, _ = _full(engine)
    echoing = saying(json.dumps(_with_key(answer, spelling)))
    page, _ = searched(engine("https://engine.example", f"{SECRET}:cx-of-engine"), echoing)
    assert (page.status, page.finds) == (EngineStatus.OK, ())


@pytest.mark.parametrize("spelling", [SECRET, ESCAPED])
@pytest.mark.parametrize("status", [200, 400, 401, 403, 422, 429, 500])
@pytest.mark.parametrize("engine", KEYED, ids=lambda engine: engine.card.name)
def test_no_message_holds_the_key(engine, status, spelling):
    """Also when a service quotes it in an error, and when that is too long to be told whole."""
    told = " ".join([f"broken: {spelling}"] * 200)
    errors = {"stat": "fail", "code": 3, "message": told, "success": False, "error": told}
    asked = engine("https://engine.example", f"{SECRET}:cx-of-engine")
    for body in (json.dumps(errors), told, json.dumps({"error": {"message": told, "code": told}})):
        page, _ = searched(asked, saying(body, status))
        assert page.status is not EngineStatus.OK
        assert page.detail
        assert "s3cret" not in page.detail


@pytest.mark.parametrize("engine", KEYED, ids=lambda engine: engine.card.name)
def test_odd_errors_never_break_a_search(engine):
    """A refusal with any value replaced, with any status, is still told by what it is."""
    asked = engine("https://engine.example", f"{SECRET}:cx-of-engine")
    chance = random.Random(engine.card.name)
    stored = sorted((FIXTURES / engine.card.name).glob("*"))
    errors = [path.read_bytes() for path in stored if path.stem not in ("full", "last", "empty")]
    errors += [b'{"stat": "fail", "code": [], "message": {}}', b'{"error": {"code": {}}}']
    for body in errors:
        for status in (200, 400, 403, 429):
            for _ in range(12):
                page, _ = searched(asked, saying(mutated(body, chance), status))
                assert BROKE not in (page.detail or "")


def test_a_word_of_a_few_letters_is_no_secret():
    """A short key, as of a test, must not empty the answers."""
    _, finds = _full(PexelsEngine)
    body = body_of("pexels/full.json")
    page, _ = searched(PexelsEngine("https://engine.example", "photo"), saying(body))
    assert page.finds == finds


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
    page = asked.block(Answer(429, b"{}", headers))
    assert page is not None
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
