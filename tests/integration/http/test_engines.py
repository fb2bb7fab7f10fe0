"""Engines over HTTP: who sees what, who may switch, and what a job's choice is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from pixcrawler.bootstrap import world
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.functions.http_engines import ANSWER_MAX_BYTES
from pixcrawler.pipeline.engines.ports import Page
from tests.contracts.answers import body_of
from tests.integration.http.conftest import Api, User, a_job

SET_UP = ("local", "urls", "uploads", "openverse", "commons", "bing", "baidu", "inaturalist")


@pytest.fixture
def user(api: Api) -> User:
    vars(world())["engines"] = dict.fromkeys(SET_UP)
    return api.sign_in()


@pytest.fixture
def operator(api: Api, user: User) -> User:
    found = api.sign_in()
    api.database.rows("update profiles set role = 'admin' where id = %s", (found.user_id,))
    return found


def entry(api: Api, user: User, name: str) -> dict:
    """One engine of the list."""
    items = api.call("GET", "/api/v1/engines", user).json["items"]
    [found] = [item for item in items if item["name"] == name]
    return found


def switched(api: Api, operator: User, name: str, *, on: bool = True):
    """Switch an engine as an operator who has read the terms."""
    digest = entry(api, operator, name)["terms_digest"]
    body = {"on": on, "terms_digest": digest} if on else {"on": on}
    return api.call("POST", f"/api/v1/engines/{name}/switch", operator, body)


def test_every_engine_is_listed(api: Api, user: User) -> None:
    """Each engine that is known, with its state; what cannot be asked says why."""
    items = api.call("GET", "/api/v1/engines", user).json["items"]
    assert {item["name"] for item in items} == set(world().engine_cards)
    states = {item["name"]: item["state"] for item in items}
    assert (states["openverse"], states["bing"]) == ("ready", "switched_off")
    for item in items:
        assert item["reason"] or item["state"] == "ready", item
        assert isinstance(item["filters"], dict)
        assert len(item["terms_digest"]) == 64
    assert items[0]["state"] == "ready"
    found = entry(api, user, "openverse")
    assert [quota["used"] for quota in found["quotas"]] == [0, 0]
    assert (found["licensed"], found["filters"]["license"]) == (True, "searched")


def test_an_engine_without_its_key_names_the_setting(api: Api, user: User) -> None:
    """Whoever lacks a key is told which setting takes it."""
    keyed = [card for card in world().engine_cards.values() if card.access == "key"]
    for card in keyed:
        found = entry(api, user, card.name)
        assert found["state"] == "needs_key"
        assert f"ENGINE_KEY_{card.name.upper()}" in found["reason"]
        assert found["key_setting"].startswith(f"ENGINE_KEY_{card.name.upper()}")


def test_a_suspended_engine_says_until_when_and_why(api: Api, user: User) -> None:
    """After a refusal the list shows the suspension, the cause, and what is used."""
    card = world().engine_cards["openverse"]
    ticket = world().desk.admit(card, 0)
    refused = Page(EngineStatus.BLOCKED, detail="Openverse shows a captcha", kind=BlockKind.CAPTCHA)
    world().desk.settle(card, ticket, refused)
    found = entry(api, user, "openverse")
    assert (found["state"], found["reason"]) == ("suspended", "Openverse shows a captcha")
    until = datetime.fromisoformat(found["suspended_until"])
    assert 3000 < (until - datetime.now(UTC)).total_seconds() <= 3600
    assert (found["last_status"], found["last_kind"], found["failures"]) == (
        "blocked",
        "captcha",
        1,
    )
    assert [quota["used"] for quota in found["quotas"]] == [1, 1]


def test_an_operator_reopens_an_engine(api: Api, user: User, operator: User) -> None:
    """A suspension ends when an operator says so, and only then."""
    card = world().engine_cards["openverse"]
    failed = Page(EngineStatus.BLOCKED, detail="no", kind=BlockKind.RECAPTCHA)
    world().desk.settle(card, world().desk.admit(card, 0), failed)
    address = "/api/v1/engines/openverse/reopen"
    refused = api.call("POST", address, user, {})
    assert (refused.status, refused.error["code"]) == (403, "forbidden")
    assert entry(api, user, "openverse")["state"] == "suspended"
    assert api.call("POST", address, operator, {}).json["state"] == "ready"


def test_an_operator_switches_engines(api: Api, user: User, operator: User) -> None:
    """Terms are accepted by their digest, by an operator; who and when is kept, and not shown."""
    assert entry(api, user, "bing")["state"] == "switched_off"
    reply = switched(api, operator, "bing")
    assert (reply.status, reply.json["state"]) == (200, "ready")
    assert entry(api, user, "bing")["accepted_at"]
    assert operator.user_id not in api.call("GET", "/api/v1/engines", user).text
    accepted = world().desk.opt_ins()["bing"]
    assert accepted.terms_digest == world().engine_cards["bing"].terms_digest
    assert switched(api, operator, "bing", on=False).json["state"] == "switched_off"
    assert world().desk.opt_ins() == {}


@pytest.mark.parametrize("operation", ["switch", "reopen"])
def test_others_may_not_operate(api: Api, user: User, operation: str) -> None:
    """A user who is no operator is refused with 403, whatever the token claims."""
    address = f"/api/v1/engines/bing/{operation}"
    claims = {"app_metadata": {"role": "admin"}, "user_metadata": {"role": "admin"}}
    token = api.issuer.token(sub=user.user_id, session_id=user.session_id, **claims)
    for caller in (user, User(user.user_id, user.session_id, token)):
        reply = api.call("POST", address, caller, {"on": True, "terms_digest": "ab" * 32})
        assert (reply.status, reply.error["code"]) == (403, "forbidden")
    assert api.call("POST", address, None, {}).status == 401
    assert world().desk.opt_ins() == {}


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "on"),
        ([], 422, "on"),
        ({"on": "yes"}, 422, "on"),
        ({"on": True}, 422, "terms_digest"),
        ({"on": True, "terms_digest": "ab" * 32}, 409, None),
        ({"on": True, "terms_digest": 5}, 409, None),
    ],
    ids=str,
)
def test_a_switch_must_make_sense(api: Api, operator: User, body, status: int, field) -> None:
    """Nothing is switched by a body that says nothing, or accepts other terms."""
    sent = json.dumps(body)
    headers = {"content_type": "application/json"}
    reply = api.call("POST", "/api/v1/engines/bing/switch", operator, sent, **headers)
    assert reply.status == status
    if field:
        assert [named for named, _ in reply.violations] == [field]
    assert world().desk.opt_ins() == {}


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "parse"), ("POST", "switch"), ("POST", "reopen")]
)
def test_unknown_engines_are_not_found(api: Api, operator: User, method: str, path: str) -> None:
    """A name that is no engine is 404."""
    reply = api.call(method, f"/api/v1/engines/nosuch/{path}", operator, {"on": False})
    assert reply.status == 404


def test_a_saved_answer_is_read(api: Api, user: User) -> None:
    """What an answer yields is told, find by find; no address is visited."""
    reply = api.call(
        "POST", "/api/v1/engines/openverse/parse", user, body_of("openverse/full.json")
    )
    found = reply.json
    assert (reply.status, found["status"], len(found["finds"])) == (200, "ok", 2)
    assert found["next_cursor"] == "2"
    assert found["finds"][0]["url"].startswith("https://")
    assert "license" in found["finds"][0]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"<html><title>Welcome</title></html>", "changed", None),
        (b"", "changed", None),
        (b"\xff\xfe\x00" * 50, "changed", None),
        (body_of("blocks/google_captcha.html"), "blocked", "captcha"),
        (body_of("openverse/empty.json"), "empty", None),
    ],
    ids=["changed", "nothing", "bytes", "blocked", "empty"],
)
def test_a_saved_answer_may_be_anything(api: Api, user: User, body, status, kind) -> None:
    """A page that changed, a block and an empty answer are told apart."""
    found = api.call("POST", "/api/v1/engines/openverse/parse", user, body).json
    assert (found["status"], found["kind"], found["finds"]) == (status, kind, [])
    assert found["detail"] or status == "empty"


def test_a_saved_answer_has_its_limit(api: Api, user: User) -> None:
    """More than is read of a live answer is refused; engines that ask nobody have no parser."""
    big = b"x" * (ANSWER_MAX_BYTES + 1)
    assert api.call("POST", "/api/v1/engines/openverse/parse", user, big).status == 413
    assert api.call("POST", "/api/v1/engines/urls/parse", user, b"").status == 404
    assert api.call("POST", "/api/v1/engines/openverse/parse", None, b"").status == 401


def test_a_job_cannot_choose_what_cannot_be_asked(api: Api, user: User) -> None:
    """Unknown, not set up and switched off are told one by one, each with what helps."""
    engines = ["local", "nosuch", "flickr", "bing"]
    if "flickr" not in world().engine_cards:
        engines.remove("flickr")
    reply = api.create(user, engines=engines)
    rules = dict(reply.violations)
    assert reply.status == 422
    assert rules["engines.1"] == "unknown_engine"
    assert rules[f"engines.{len(engines) - 1}"] == "engine_switched_off"
    text = reply.text
    assert "pixcrawler engines enable bing" in text
    if "flickr" in engines:
        assert rules["engines.2"] == "engine_not_set_up"
        assert "ENGINE_KEY_FLICKR" in text


def test_an_accepted_engine_can_be_chosen(api: Api, user: User, operator: User) -> None:
    """Once its terms are accepted, everybody's jobs may use it; switched off, none may."""
    switched(api, operator, "bing")
    assert api.create(user, engines=["bing"]).status == 202
    switched(api, operator, "bing", on=False)
    assert api.create(user, engines=["bing"], name="other").status == 422


def test_filters_that_an_engine_ignores_are_noted(api: Api, user: User) -> None:
    """What an engine cannot look for, and bytes cannot show, is a note of the created job."""
    filters = {"region": "fr", "size": "large", "color": "red"}
    reply = api.create(user, engines=["openverse", "local"], filters=filters)
    assert reply.status == 202
    notes = {note["subject"]: note for note in reply.json["notes"]}
    assert notes["local"]["code"] == "filter_not_honoured"
    assert "region" in notes["openverse"]["message"]
    assert "size" not in notes["local"]["message"]
    assert "color" not in notes["local"]["message"]
    job = api.call("GET", f"/api/v1/jobs/{reply.json['id']}", user).json
    assert job["notes"] == reply.json["notes"]


def test_safe_search_is_noted_where_it_matters(api: Api, user: User, operator: User) -> None:
    """The default wish for safe search is a note only for engines that list anything."""
    switched(api, operator, "baidu")
    reply = api.create(user, engines=["inaturalist", "commons", "baidu"])
    assert [(note["subject"], note["code"]) for note in reply.json["notes"]] == [
        ("baidu", "filter_not_honoured")
    ]
    assert "safe_search" in reply.json["notes"][0]["message"]


def test_a_licence_needs_evidence(api: Api, user: User, operator: User) -> None:
    """A wished licence and an engine that tells none do not go together."""
    switched(api, operator, "baidu")
    filters = {"license": "commercial"}
    reply = api.create(user, engines=["openverse", "baidu"], filters=filters)
    assert reply.violations == [("engines.1", "no_licence_evidence")]
    assert api.create(user, engines=["openverse", "commons"], filters=filters).status == 202


def test_own_pictures_are_noted_when_a_licence_is_wished(api: Api, user: User) -> None:
    """The user's own list is taken although nothing is known of licences, and that is said."""
    job = a_job(
        engines=["openverse"], filters={"license": "free"}, urls=["https://e.example/a.jpg"]
    )
    reply = api.call("POST", "/api/v1/jobs", user, job)
    assert reply.status == 202
    assert [note["subject"] for note in reply.json["notes"]] == ["urls"]
