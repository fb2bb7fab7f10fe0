"""HTTP requests into Datums and Datums into responses."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request
from azure.functions.meta import Datum
from multidict import CIMultiDict

from pixcrawler.host.front import is_local_name
from pixcrawler.host.messages import decoded_path, request_datum, response, route_parameters


def text(value: str) -> Datum:
    return Datum(value, "string")


def http(status: str = "200", body: object = b"", cookies=(), **headers: str) -> Datum:
    value = {
        "status_code": text(status),
        "headers": {name.replace("_", "-"): text(value) for name, value in headers.items()},
        "cookies": list(cookies),
        "body": Datum(body, "bytes"),
    }
    return Datum(value, "http")


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("/a%20b/%C3%A4", "/a b/ä"),
        ("/a%2Fb/c%2f", "/a%2Fb/c%2F"),
        ("/%2525", "/%25"),
        ("/%ff", "/\ufffd"),
    ],
)
def test_path_is_decoded_once(raw, wanted):
    """A path is decoded once, and an encoded slash does not make a new segment."""
    assert decoded_path(raw) == wanted


def test_request():
    """Header names are lower case, repeated values joined, empty query parameters left out."""
    headers = CIMultiDict([("Host", "localhost"), ("X-Two", "1"), ("X-Two", "2")])
    request = make_mocked_request("PUT", "/api/x?a=1&a=2&empty=&B=3", headers=headers)
    value = request_datum(request, b"\0body", {"id": "7"}).value
    assert value["method"] == text("PUT")
    assert value["headers"]["x-two"] == text("1,2")
    assert value["query"] == {"a": text("1,2"), "B": text("3")}
    assert value["params"] == {"id": text("7")}
    assert value["body"] == Datum(b"\0body", "bytes")
    assert value["url"].value.endswith("/api/x?a=1&a=2&empty=&B=3")


def test_response():
    """Status, headers, cookies and bytes leave as the function gave them."""
    made = response(http("202", b"\0\xff", ["a=b", "c=d"], X_A="1", content_type="image/png"))
    assert made.status == 202
    assert made.body == b"\0\xff"
    assert made.headers["X-A"] == "1"
    assert made.headers["Content-Type"] == "image/png"
    assert made.headers.getall("Set-Cookie") == ["a=b", "c=d"]


def test_framing_is_the_servers():
    """Lengths and encodings of the message itself are not the function's to set."""
    made = response(http("200", b"four", Content_Length="99", Transfer_Encoding="chunked"))
    assert made.headers.get("Content-Length") != "99"
    assert "Transfer-Encoding" not in made.headers


@pytest.mark.parametrize(
    "datum",
    [
        http("abc"),
        http("99"),
        http("100"),
        http("700"),
        http(X="a\r\nSet-Cookie: b"),
        http(cookies=["a\nb"]),
    ],
)
def test_unsendable_response(datum):
    """A response that would break HTTP is refused."""
    with pytest.raises(ValueError):
        response(datum)


def test_plain_values():
    """A text is text/plain in UTF-8; no value is 204."""
    made = response(text("ä"))
    assert (made.status, made.body, made.content_type) == (200, "ä".encode(), "text/plain")
    assert response(None).status == 204


@pytest.mark.parametrize("body", [b"", b"[1]", b"{broken", b"[" * 100_000, b'{"a":' * 100_000])
def test_bodies_that_are_no_object(body):
    """Path parameters come from the route alone when the body is no JSON object."""
    assert route_parameters({"id": "7"}, body) == {"id": "7"}


def test_route_wins_over_body():
    """Fields of a JSON body may be named in paths; the route's values come first."""
    assert route_parameters({"id": "7"}, b' {"id": 8, "n": 1}') == {"id": "7", "n": 1}


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost:7071", True),
        ("LOCALHOST", True),
        ("127.0.0.1:80", True),
        ("[::1]:80", True),
        ("[::1]", True),
        ("app.localhost:1", True),
        ("evil.example", False),
        ("localhost.evil.example:7071", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_local_names(host, local):
    """Only names of this machine are answered: a page cannot reach us under its own name."""
    assert is_local_name(host) is local
