"""Who may call what, and what is told when something of ours is away or broken."""

from __future__ import annotations

import base64
import json
import logging
import time
import uuid

import pytest

from pixcrawler import __version__
from pixcrawler.bootstrap import world
from pixcrawler.domain.errors import InvariantBroken
from tests.fakes.issuer import Key
from tests.integration.http.conftest import Api, User, a_job

NOTHING = {"projects": 0, "datasets": 0, "dataset_versions": 0, "crawl_jobs": 0, "job_chunks": 0}


def an_unsigned_token(api: Api) -> str:
    """Return a token with algorithm none."""
    parts = ({"alg": "none", "typ": "JWT", "kid": api.issuer.keys[0].kid}, api.issuer.claims())
    texts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts)
    return ".".join(text.rstrip("=") for text in texts) + "."


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("missing", "missing_token"),
        ("basic", "missing_token"),
        ("empty", "malformed"),
        ("garbage", "malformed"),
        ("alg none", "algorithm_not_allowed"),
        ("expired", "expired"),
        ("stranger's key", "unknown_key"),
        ("publishable key", "malformed"),
    ],
)
@pytest.mark.parametrize("operation", ["POST /api/v1/jobs", "GET /api/v1/jobs"])
def test_no_valid_token(api: Api, operation: str, kind: str, reason: str) -> None:
    """Without a valid token nothing is read or created, and the answer says why."""
    credentials = {
        "missing": None,
        "basic": "Basic YTpi",
        "empty": "Bearer ",
        "garbage": "Bearer garbage",
        "alg none": f"Bearer {an_unsigned_token(api)}",
        "expired": f"Bearer {api.issuer.token(exp=int(time.time()) - 60)}",
        "stranger's key": f"Bearer {Key().sign(api.issuer.claims())}",
        "publishable key": "Bearer sb_publishable_test",
    }
    method, address = operation.split()
    body = a_job() if method == "POST" else None
    reply = api.call(method, address, credentials[kind], body)
    assert (reply.status, reply.error["code"]) == (401, "unauthenticated")
    assert reply.error["details"]["reason"] == reason
    assert reply.headers["www-authenticate"] == "Bearer"
    assert api.database.counts() == NOTHING
    assert api.stories.started == []


def test_the_token_decides_before_the_body(api: Api) -> None:
    """A stranger learns nothing about the rules of job files, and has nothing parsed."""
    reply = api.call("POST", "/api/v1/jobs", None, b"[" * 100, content_type="application/json")
    assert reply.status == 401


def test_bearer_in_any_case(api: Api) -> None:
    """The scheme's name is read as HTTP says: in any case."""
    token = api.sign_in().token
    assert api.call("GET", "/api/v1/jobs", f"bearer {token}").status == 200


@pytest.mark.parametrize(
    "ended",
    [
        "delete from auth.sessions",
        "update auth.sessions set not_after = now() - interval '1 second'",
        "update auth.users set banned_until = now() + interval '1 hour'",
        "update auth.users set deleted_at = now()",
        "delete from auth.users",
    ],
)
def test_an_ended_session_changes_nothing(api: Api, ended: str) -> None:
    """After sign-out, ban or deletion a token that is still valid cannot create, cancel or link."""
    user = api.sign_in()
    job = api.create(user).json
    api.database.rows(ended)
    before = api.database.counts()
    dataset = f"/api/v1/datasets/{job['dataset_id']}/versions/1/link"
    for address in ("/api/v1/jobs", f"/api/v1/jobs/{job['id']}/cancel", dataset):
        reply = api.call("POST", address, user, a_job())
        assert (reply.status, reply.error["details"]["reason"]) == (401, "session_ended")
    assert api.database.counts() == before


def test_a_session_of_somebody_else(api: Api) -> None:
    """A session id that belongs to another user opens nothing."""
    first, second = api.sign_in(), api.sign_in()
    mixed = api.issuer.token(sub=first.user_id, session_id=second.session_id)
    reply = api.call("POST", "/api/v1/jobs", f"Bearer {mixed}", a_job())
    assert reply.status == 401
    assert api.database.counts() == NOTHING


def test_a_token_for_nobody(api: Api) -> None:
    """A well-signed token of a user who does not exist reads empty lists and creates nothing."""
    nobody = User(str(uuid.uuid4()), "", api.issuer.token())
    assert api.call("GET", "/api/v1/jobs", nobody).json["items"] == []
    assert api.call("POST", "/api/v1/jobs", nobody, a_job()).status == 401


def test_keys_away(api: Api) -> None:
    """When tokens cannot be checked, the caller is told to wait, not that the token is bad."""
    api.issuer.status = 500
    reply = api.call("GET", "/api/v1/jobs", api.sign_in())
    assert (reply.status, reply.error["code"]) == (503, "keys_unavailable")
    assert int(reply.headers["retry-after"]) > 0


def test_the_database_away(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away is told as such, with nothing of its address."""
    world()._api_database.close()
    monkeypatch.setattr(world()._api_database, "_url", "postgresql://me:secret@127.0.0.1:1/x")
    monkeypatch.setattr("pixcrawler.adapters.postgres.pool.WAIT_S", 0.2)
    reply = api.call("GET", "/api/v1/jobs", api.sign_in())
    assert (reply.status, reply.error["code"]) == (503, "database_unavailable")
    assert "secret" not in reply.text
    assert "127.0.0.1" not in reply.text
    assert reply.headers["retry-after"]


@pytest.mark.parametrize("error", [RuntimeError("secret /etc/path"), InvariantBroken("secret")])
def test_a_bug_is_not_told(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """An unexpected error is 500 without its text, and is logged once under the request id."""

    def broken(*_: object) -> None:
        raise error

    user = api.sign_in()
    monkeypatch.setattr(world().catalogue, "list_jobs", broken)
    with caplog.at_level(logging.ERROR):
        reply = api.call("GET", "/api/v1/jobs", user)
    assert (reply.status, reply.error["code"]) == (500, "internal")
    assert "secret" not in reply.text
    (record,) = [r for r in caplog.records if r.name == "pixcrawler.http"]
    assert reply.error["request_id"] in record.getMessage()


def test_nothing_secret_is_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """Neither tokens nor mail addresses nor job files reach the log."""
    user = api.sign_in()
    with caplog.at_level(logging.DEBUG):
        api.create(user, keywords=["verysecretword"])
        api.call("GET", "/api/v1/jobs", f"Bearer x{user.token}")
    assert user.token not in caplog.text
    assert "verysecretword" not in caplog.text
    assert "example.org" not in caplog.text
    assert "operation=create_job status=202" in caplog.text


def test_health(api: Api) -> None:
    """Everybody may ask; every part is named with its time."""
    reply = api.call("GET", "/api/v1/health")
    assert reply.status == 200
    assert (reply.json["status"], reply.json["version"]) == ("ok", __version__)
    assert set(reply.json["parts"]) == {"database", "storage", "keys"}
    for part in reply.json["parts"].values():
        assert part["status"] == "ok"
        assert part["ms"] >= 0


def test_health_degraded(api: Api) -> None:
    """One part away makes it 503, in the same shape."""
    api.issuer.status = 500
    reply = api.call("GET", "/api/v1/health")
    assert (reply.status, reply.json["status"]) == (503, "degraded")
    assert reply.json["parts"]["keys"]["status"] == "keys_unavailable"
    assert reply.json["parts"]["database"]["status"] == "ok"
