"""Places to send own lists and archives to, and jobs that use them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pixcrawler.bootstrap import world
from pixcrawler.domain.storage import upload_ref
from pixcrawler.domain.upload import begun_at, upload_id
from pixcrawler.functions import http_uploads
from tests.integration.http.conftest import Api, User

GIB = 1024**3


def sent(user: User, upload: str, data: bytes = b"https://p.example/1.jpg") -> str:
    """Put something where a user's upload belongs."""
    world().blobs.put(upload_ref(user.user_id, upload), data)
    return upload


def asked(api: Api, user: User) -> str:
    """Ask for a place; return the upload's id."""
    return str(api.call("POST", "/api/v1/uploads", user, {"bytes": 10}).json["id"])


def test_a_place_is_given(api: Api) -> None:
    """201 with id, address, end and headers; the address names the caller's own place."""
    user = api.sign_in()
    reply = api.call("POST", "/api/v1/uploads", user, {"bytes": 2 * GIB})
    body = reply.json

    assert reply.status == 201
    assert set(body) == {"id", "url", "expires_at", "headers", "kept_until"}
    assert upload_ref(user.user_id, body["id"]).name in body["url"]
    assert body["headers"] == {"x-ms-blob-type": "BlockBlob"}
    begun = begun_at(body["id"])
    assert begun is not None
    now = datetime.now(UTC)
    assert abs(now - begun) < timedelta(minutes=1)
    assert datetime.fromisoformat(body["expires_at"]) - now < timedelta(hours=2, seconds=2)
    assert datetime.fromisoformat(body["kept_until"]) - now > timedelta(days=6)


def test_uploads_of_one_user_have_a_greatest_number(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has sent too much waits until some of it is swept; others are not held up."""
    monkeypatch.setattr(http_uploads, "USER_MAX_BLOBS", 2)
    user, other = api.sign_in(), api.sign_in()
    for _ in range(2):
        sent(user, asked(api, user))
    reply = api.call("POST", "/api/v1/uploads", user, {"bytes": 10})

    assert (reply.status, reply.error["code"]) == (409, "conflict")
    assert asked(api, other)


def test_uploads_of_one_user_have_a_greatest_size(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent counts, not what was announced; another user has room of its own."""
    monkeypatch.setattr(http_uploads, "USER_MAX_UPLOADED_BYTES", 100)
    user, other = api.sign_in(), api.sign_in()
    sent(user, asked(api, user), b"x" * 90)

    assert api.call("POST", "/api/v1/uploads", user, {"bytes": 10}).status == 201
    reply = api.call("POST", "/api/v1/uploads", user, {"bytes": 11})
    assert (reply.status, reply.error["code"]) == (409, "conflict")
    assert asked(api, other)


@pytest.mark.parametrize(
    ("body", "violation"),
    [
        ({}, ("bytes", "missing")),
        ({"bytes": 0}, ("bytes", "greater_than_equal")),
        ({"bytes": 2 * GIB + 1}, ("bytes", "less_than_equal")),
        ({"bytes": "10"}, ("bytes", "int_type")),
        ({"bytes": 10, "path": "x"}, ("path", "extra_forbidden")),
    ],
    ids=["nothing", "empty", "too-large", "text", "unknown"],
)
def test_bad_requests_are_told(api: Api, body: dict[str, object], violation: object) -> None:
    """What is missing, too much or unknown is named."""
    reply = api.call("POST", "/api/v1/uploads", api.sign_in(), body)

    assert (reply.status, reply.violations) == (422, [violation])


def test_only_an_open_session_may_send(api: Api) -> None:
    """Without a token, or with one of a session that is over, no place is given."""
    user = api.sign_in()
    assert api.call("POST", "/api/v1/uploads", None, {"bytes": 10}).status == 401
    api.database.rows("delete from auth.sessions where id = %s", (user.session_id,))
    assert api.call("POST", "/api/v1/uploads", user, {"bytes": 10}).status == 401


def test_a_job_uses_what_was_sent(api: Api) -> None:
    """The engine of uploads is added; words are not needed."""
    user = api.sign_in()
    upload = sent(user, asked(api, user))
    reply = api.call("POST", "/api/v1/jobs", user, {"uploads": {"birds": [upload]}})

    assert reply.status == 202, reply.text
    assert reply.json["spec"]["uploads"] == {"birds": [upload]}
    assert reply.json["spec"]["engines"] == ["uploads"]


def test_uploads_that_cannot_be_used_are_named(api: Api) -> None:
    """What is unknown, not yet sent, empty, too old or somebody else's is told by its field."""
    user, other = api.sign_in(), api.sign_in()
    old = upload_id(datetime.now(UTC) - timedelta(days=7, minutes=1), bytes(10))
    uploads = [
        sent(user, asked(api, user)),
        asked(api, user),
        sent(user, asked(api, user), b""),
        sent(user, old),
        sent(other, asked(api, other)),
        "f" * 32,
    ]
    reply = api.call("POST", "/api/v1/jobs", user, {"uploads": {"birds": uploads}})

    assert reply.status == 422
    assert reply.violations == [
        ("uploads.birds.1", "unknown_upload"),
        ("uploads.birds.2", "empty"),
        ("uploads.birds.3", "unknown_upload"),
        ("uploads.birds.4", "unknown_upload"),
        ("uploads.birds.5", "unknown_upload"),
    ]
    assert api.database.counts()["crawl_jobs"] == 0


def test_an_upload_larger_than_announced_is_refused(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent counts, not what was announced."""
    monkeypatch.setattr(http_uploads, "UPLOAD_MAX_BYTES", 20)
    user = api.sign_in()
    upload = sent(user, asked(api, user), b"x" * 21)
    reply = api.call("POST", "/api/v1/jobs", user, {"uploads": [upload]})

    assert (reply.status, reply.violations) == (422, [("uploads.images.0", "max_bytes")])
