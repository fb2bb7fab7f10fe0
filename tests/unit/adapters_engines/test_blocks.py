"""Refusals are told by their kind, and good answers are never taken for one."""

from __future__ import annotations

import json
import time

import pytest

from pixcrawler.adapters.engines.blocks import block_of
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.pipeline.engines.ports import Answer
from tests.contracts.answers import body_of


def seen(status=200, body=b"", headers=None, url="https://engine.example/search"):
    """Status and kind of what the detector says; None for a good answer."""
    content = body.encode() if isinstance(body, str) else body
    page = block_of("Engine", Answer(status, content, headers or {}, url))
    return page and (page.status, page.kind)


CHALLENGE = "<html><head><title>Just a moment...</title></head><body></body></html>"
ROBOT = (EngineStatus.BLOCKED, BlockKind.CAPTCHA)
CLOUDFLARE = (EngineStatus.BLOCKED, BlockKind.CLOUDFLARE_CAPTCHA)
WALL = (EngineStatus.BLOCKED, BlockKind.CLOUDFLARE_DENIED)
DENIED = (EngineStatus.BLOCKED, BlockKind.DENIED)


@pytest.mark.parametrize("status", [401, 402, 403, 451])
def test_a_refusing_status_is_denied(status):
    """Whatever the page says, the status alone is a refusal."""
    assert seen(status, '{"error": "no"}') == DENIED


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, None),
        (204, (EngineStatus.CHANGED, None)),
        (302, (EngineStatus.CHANGED, None)),
        (400, (EngineStatus.CHANGED, None)),
        (404, (EngineStatus.CHANGED, None)),
        (429, (EngineStatus.BLOCKED, BlockKind.THROTTLED)),
        (500, (EngineStatus.FAILED, None)),
        (522, (EngineStatus.FAILED, None)),
    ],
)
def test_other_statuses_are_told_apart(status, expected):
    """Asked to slow down, faults of the service, and requests that it does not know."""
    assert seen(status, "{}") == expected


@pytest.mark.parametrize("name", ["google_captcha", "baidu_captcha", "anubis", "ddos_guard"])
def test_captcha_pages_with_status_200_are_recognised(name):
    """Pages that want to know whether we are a robot, by their markup or title."""
    assert seen(body=body_of(f"blocks/{name}.html")) == ROBOT


def test_cloudflare_challenges_are_recognised():
    """By header, by title, by its form, by its script, and by its folder in a refusal."""
    turnstile = body_of("blocks/cloudflare_turnstile.html")
    assert seen(body=turnstile) == CLOUDFLARE
    assert seen(403, turnstile) == CLOUDFLARE
    assert seen(body="{}", headers={"cf-mitigated": "challenge"}) == CLOUDFLARE
    assert seen(503, CHALLENGE) == CLOUDFLARE
    assert seen(200, CHALLENGE) == CLOUDFLARE
    script = "<html><script>window._cf_chl_opt={cvId:'3'};</script></html>"
    assert seen(200, script) == CLOUDFLARE
    folder = '<html><script src="/cdn-cgi/challenge-platform/h/b/orchestrate/x"></script></html>'
    assert seen(429, folder) == CLOUDFLARE
    assert seen(403, "<a href='?__cf_chl_captcha_tk__=x'>") == CLOUDFLARE


def test_cloudflare_firewalls_are_recognised():
    """Error 1020 and its like, as a page and as plain text, with a status that refuses."""
    assert seen(403, body_of("blocks/cloudflare_1020.html")) == WALL
    assert seen(403, "error code: 1020") == WALL
    assert seen(429, "error code: 1015") == (EngineStatus.BLOCKED, BlockKind.THROTTLED)


def test_a_cloudflare_page_about_a_dead_server_is_no_refusal():
    """Its error 522 has the same frame as its refusals."""
    page = '<html><body><div id="cf-error-details">Connection timed out</div></body></html>'
    assert seen(522, page) == (EngineStatus.FAILED, None)


def test_cloudflares_script_in_a_good_page_is_no_challenge():
    """It is put into every page of many sites."""
    script = '<script src="/cdn-cgi/challenge-platform/scripts/jsd/main.js"></script>'
    assert seen(200, f"<html><body><p>results</p>{script}</body></html>") is None


def test_a_recaptcha_with_503_is_its_own_kind():
    """It shuts the engine for much longer than a captcha."""
    page = '<html><script src="https://www.google.com/recaptcha/api.js"></script></html>'
    assert seen(503, page) == (EngineStatus.BLOCKED, BlockKind.RECAPTCHA)
    assert seen(503, "<html>busy</html>") == (EngineStatus.FAILED, None)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://www.google.com/sorry/index?continue=x", ROBOT),
        ("https://sorry.google.com/x", ROBOT),
        ("https://wappass.baidu.com/static/captcha/tuxing.html", ROBOT),
        ("https://engine.example/showcaptcha?cc=1", ROBOT),
        ("https://consent.google.com/ml?continue=x", DENIED),
        ("https://engine.example/search?q=sorry/captcha", None),
        ("http://[", None),
    ],
)
def test_where_the_answer_came_from_may_be_a_refusal(address, expected):
    """Robot checks and consent pages have addresses of their own; the query does not count."""
    assert seen(200, "<html></html>", url=address) == expected
    led = seen(302, "", headers={"location": address})
    assert led == (expected or (EngineStatus.CHANGED, None))


def test_only_a_redirect_leads_somewhere():
    """An answer that is there may name a place for other reasons."""
    location = {"location": "https://www.google.com/sorry/index"}
    assert seen(200, "{}", headers=location) is None


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_page_that_is_not_there_may_show_a_robot_check_to_others(status):
    """The request was wrong: its page has a form with a captcha for people to complain."""
    page = '<html><form><div class="g-recaptcha"></div></form></html>'
    assert seen(status, page) == (EngineStatus.CHANGED, None)


@pytest.mark.parametrize(("before", "expected"), [(20_000, ROBOT), (40_000, None)])
def test_signs_are_looked_for_near_the_start(before, expected):
    """Scripts may stand before them; what stands far behind is of the results."""
    page = f"<html><script>{'x' * before}</script><form id='captcha-form'></form></html>"
    assert seen(200, page) == expected


def test_headers_of_other_guards_are_recognised():
    """AWS and Yandex say it in a header."""
    assert seen(202, "", headers={"x-amzn-waf-action": "challenge"}) == ROBOT
    assert seen(200, "<html></html>", headers={"x-yandex-captcha": "captcha"}) == ROBOT


def test_what_results_talk_about_is_no_refusal():
    """Titles about captchas, in JSON and in a page, are strangers' words."""
    words = "g-recaptcha cf-turnstile-response captcha-form __cf_chl_opt verify you are human"
    assert seen(body=json.dumps({"results": [{"title": f"<html> {words}"}]})) is None
    title = f"&lt;input name=&quot;cf-turnstile-response&quot;&gt; {words}"
    cards = f'<a class="iusc" m="{{&quot;t&quot;:&quot;{title}&quot;}}">{words}</a>' * 100
    assert seen(body=f"<html><title>captcha - Engine</title>{cards}</html>") is None


def test_sentences_count_in_short_pages_only():
    """A long page holds results, whose words are not the engine's."""
    sentence = "<html><p>Our systems have detected unusual traffic from your network.</p>"
    assert seen(body=sentence) == ROBOT
    assert seen(body=sentence + "<p>result</p>" * 2000) is None


@pytest.mark.parametrize(
    "body",
    [b"{}" + b" " * 4_000_000, b"<html>" + b"<title>" * 600_000, b"<title>" + b" " * 4_000_000,
     b"<p>g-recaptcha" + b" id = '" * 600_000, b"\xff<" * 2_000_000],
)  # fmt: skip
def test_large_bodies_cost_next_to_nothing(body):
    """Only the start is looked at, and no page makes the patterns run wild."""
    started = time.process_time()
    block_of("Engine", Answer(200, body))
    assert time.process_time() - started < 2
