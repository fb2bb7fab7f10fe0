"""Bad input: each gets the standard error with field, rule and value, and nothing is created."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from pixcrawler.host.stack.postgres import Postgres
from pixcrawler.pipeline.limits import SPEC_MAX_BYTES
from tests.fakes.issuer import Issuer
from tests.integration.conftest import cloned
from tests.integration.http.conftest import Api, Reply, a_job, served

NOTHING = {
    "projects": 0,
    "datasets": 0,
    "dataset_versions": 0,
    "crawl_jobs": 0,
    "job_chunks": 0,
}
ERROR_FIELDS = {"code", "message", "details", "request_id", "timestamp", "documentation_url"}
YAML = "application/yaml"
LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.fixture(scope="module")
def api(postgres: Postgres) -> Iterator[Api]:
    """One database for all of them: it stays empty."""
    with cloned(postgres) as database, Issuer() as issuer, served(database, issuer) as api:
        yield api


def refused(api: Api, reply: Reply, status: int, code: str) -> None:
    """The error has the one shape, and the database is as empty as before."""
    assert (reply.status, reply.error["code"]) == (status, code), reply.text
    assert set(reply.error) == ERROR_FIELDS
    assert reply.error["message"]
    assert reply.error["request_id"] == reply.headers["x-request-id"]
    assert datetime.fromisoformat(reply.error["timestamp"]).tzinfo
    assert reply.error["documentation_url"].startswith("https://")
    assert api.database.counts() == NOTHING
    assert api.stories.started == []


@pytest.mark.parametrize(
    ("changes", "violation", "value"),
    [
        ({"max_imagse": 5}, ("max_imagse", "extra_forbidden"), 5),
        ({"max_images": -1}, ("max_images", "greater_than_equal"), -1),
        ({"max_images": 0}, ("max_images", "greater_than_equal"), 0),
        ({"max_images": 10_001}, ("max_images", "less_than_equal"), 10_001),
        ({"max_images": "many"}, ("max_images", "int_parsing"), "many"),
        ({"keywords": ["robin", ""]}, ("keywords.1", "string_too_short"), ""),
        ({"keywords": ["   "]}, ("keywords.0", "value_error"), "   "),
        ({"keywords": []}, ("keywords", "too_short"), "list []"),
        ({"keywords": "robin"}, ("keywords", "list_type"), "robin"),
        ({"engines": ["nosuch"]}, ("engines.0", "unknown_engine"), "nosuch"),
        ({"engines": ["local", "nope"]}, ("engines.1", "unknown_engine"), "nope"),
        ({"engines": []}, ("engines", "value_error"), "list []"),
        ({"filters": {"min_width": -3}}, ("filters.min_width", "greater_than_equal"), -3),
        ({"archive": "exe"}, ("archive", "literal_error"), "exe"),
        ({"name": "\u0000"}, ("name", "value_error"), "\u0000"),
    ],
)
def test_a_field_that_is_wrong(
    api: Api, changes: dict[str, Any], violation: tuple[str, str], value: object
) -> None:
    """The answer names the field, the rule and the value."""
    reply = api.create(api.sign_in(), **changes)
    refused(api, reply, 422, "invalid_request")
    assert violation in reply.violations
    shown = [v["value"] for v in reply.error["details"]["violations"]]
    assert value in shown


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "ftp://example.org/a.jpg",
        "data:image/png;base64,AAAA",
        "http://user:secret@example.org/a.jpg",
        "http:///a.jpg",
        "javascript:alert(1)",
    ],
)
def test_an_address_that_is_not_http(api: Api, address: str) -> None:
    """Only http and https addresses are taken, and none with a password."""
    body = {"name": "birds", "urls": {"robin": [address]}}
    reply = api.call("POST", "/api/v1/jobs", api.sign_in(), body)
    refused(api, reply, 422, "invalid_request")
    assert reply.error["details"]["violations"][0]["field"] == "urls.robin.0"
    assert reply.error["details"]["violations"][0]["value"] == address


def test_every_mistake_is_told_but_not_endlessly(api: Api) -> None:
    """Several mistakes come in one answer, and thousands do not make a huge one."""
    reply = api.create(api.sign_in(), max_images=-1, colour="red")
    assert {field for field, _ in reply.violations} == {"max_images", "colour"}
    body = {"name": "birds", "urls": {"robin": [f"file:///{n}" for n in range(9000)]}}
    reply = api.call("POST", "/api/v1/jobs", api.sign_in(), body)
    refused(api, reply, 422, "invalid_request")
    assert len(reply.violations) + reply.error["details"]["violations_left_out"] == 9000
    assert len(reply.text) < 50_000


@pytest.mark.parametrize("size", [5 * 1024 * 1024, SPEC_MAX_BYTES + 1])
def test_a_job_file_that_is_too_large(api: Api, size: int) -> None:
    """A job file of 5 MB is refused by its size, before it is read."""
    head = b'{"keywords": ["robin"], "x": "'
    body = head + b"a" * (size - len(head) - 2) + b'"}'
    reply = api.call("POST", "/api/v1/jobs", api.sign_in(), body, content_type="application/json")
    refused(api, reply, 413, "payload_too_large")
    (violation,) = reply.error["details"]["violations"]
    assert (violation["rule"], violation["value"]) == ("max_bytes", size)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "json"),
        (b"{", "json"),
        (b'{"name": NaN}', "json"),
        (b"keywords: [robin]", "json"),
        (b'{"keywords": ["robin"],}', "json"),
        (b'{"keywords": ["a"], "keywords": ["b"]}', "repeated"),
        (b"[" * 200_000, "depth"),
        (b'{"name": "\xff"}', "utf8"),
        (b'{"name": "\\ud800"}', "unicode"),
        (b'{"max_images": ' + b"9" * 5000 + b"}", "json"),
        (b"[]", "object_type"),
        (b'"robin"', "object_type"),
        (b"null", "object_type"),
    ],
)
def test_malformed_json(api: Api, body: bytes, rule: str) -> None:
    """What is no JSON object of unique, finite, whole values is refused."""
    reply = api.call("POST", "/api/v1/jobs", api.sign_in(), body, content_type="application/json")
    refused(api, reply, 422, "invalid_request")
    assert reply.violations[0][1] == rule


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("", "object_type"),
        ("keywords: [robin", "yaml"),
        ("a: b: c", "yaml"),
        ("\tkeywords: x", "yaml"),
        ("keywords: [robin]\nkeywords: [wren]", "repeated"),
        ("? [a]\n: b", "yaml"),
        (LAUGHS, "alias"),
        ("a: &a [*a]", "alias"),
        ("<<: &x {name: a}\nkeywords: *x", "alias"),
        ("name: !!python/object/apply:os.system [ls]", "tag"),
        ("name: !!int '1:1:1'", "tag"),
        ("name: !mine x", "tag"),
        ("max_images: " + "1:" * 5000 + "1", "string_too_long"),
        ("max_images: 0x" + "f" * 8000, "plain"),
        ("max_images: .inf", "plain"),
        ("[" * 2000 + "]" * 2000, "depth"),
        ("- " * 3000 + "x", "depth"),
        ("keywords: [" + "a," * 150_000 + "a]", "too_long"),
        ("name: 2026-99-99", "yaml"),
        ('name: "\\ud800"', "yaml"),
        ("keywords: [a]\n---\nkeywords: [b]", "yaml"),
    ],
)
def test_malformed_or_hostile_yaml(api: Api, body: str, rule: str) -> None:
    """Bombs, tags, endless numbers and broken documents are refused before they are built."""
    reply = api.call("POST", "/api/v1/jobs", api.sign_in(), body, content_type=YAML)
    refused(api, reply, 422, "invalid_request")
    assert reply.violations[0][1] == rule


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/xml",
        "multipart/form-data",
        "application/json; charset=utf-16",
    ],
)
def test_wrong_content_type(api: Api, content_type: str) -> None:
    """Only JSON and YAML in UTF-8 are read; the answer says which are."""
    headers = {"content_type": content_type} if content_type else {}
    reply = api.call("POST", "/api/v1/jobs", api.sign_in(), b'{"keywords": ["robin"]}', **headers)
    refused(api, reply, 415, "unsupported_media_type")
    assert reply.violations == [("Content-Type", "media_type")]
    assert "application/yaml" in reply.error["message"]


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 129, "\u00e9"])
def test_a_bad_idempotency_key(api: Api, key: str) -> None:
    """A key that could not be kept is refused, not ignored."""
    user = api.sign_in()
    reply = api.call("POST", "/api/v1/jobs", user, a_job(), idempotency_key=key)
    refused(api, reply, 422, "invalid_request")
    assert reply.violations == [("Idempotency-Key", "pattern")]


def test_unknown_engines_are_told_with_those_that_exist(api: Api) -> None:
    """The answer lists the engines that this service has."""
    reply = api.create(api.sign_in(), engines=["nosuch"])
    assert "commons, local, openverse, uploads, urls" in reply.error["message"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=abc", "limit"),
        ("limit=", "limit"),
        ("limit=1e1", "limit"),
        ("limit=%C2%B2", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("cursor=", "cursor"),
        ("cursor=abc", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=%C3%A9", "cursor"),
        ("cursor=MjAyNi0xMS0yMCB4", "cursor"),
        # A time without a zone, and an id.
        ("cursor=MjAyNi0xMS0yMCAwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDA", "cursor"),
        ("cursor=" + "A" * 5000, "cursor"),
    ],
)
@pytest.mark.parametrize("collection", ["jobs", "datasets"])
def test_bad_paging(api: Api, collection: str, query: str, field: str) -> None:
    """A limit out of range or a made-up cursor is refused by its field."""
    reply = api.call("GET", f"/api/v1/{collection}?{query}", api.sign_in())
    refused(api, reply, 422, "invalid_request")
    assert [name for name, _ in reply.violations] == [field]
