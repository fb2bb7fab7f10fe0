"""The wire: every error has one shape and tells nothing of our insides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pixcrawler.domain import errors
from pixcrawler.domain.errors import InvalidRequest, PixCrawlerError, Transient, Violation
from pixcrawler.functions.wire import (
    DOCUMENTATION_URL,
    MAX_MESSAGE_CHARS,
    MAX_VIOLATIONS,
    Answer,
    error_answer,
    response,
)


def tree(root: type[PixCrawlerError]) -> list[type[PixCrawlerError]]:
    """Every error below ``root``, and itself."""
    return [root, *(deeper for child in root.__subclasses__() for deeper in tree(child))]


@pytest.mark.parametrize("kind", tree(PixCrawlerError), ids=lambda kind: kind.__name__)
def test_every_error_has_the_one_shape(kind: type[PixCrawlerError]) -> None:
    """Whatever is raised, the same six fields come out, with a fitting status."""
    answer = error_answer(kind("for people"), "r-1")
    sent = json.loads(response(answer, "r-1").get_body())["error"]
    assert list(sent) == [
        *("code", "message", "details", "request_id", "timestamp", "documentation_url")
    ]
    assert sent["request_id"] == "r-1"
    if issubclass(kind, errors.Rejected):
        assert 400 <= answer.status < 500
        assert (sent["code"], sent["message"]) == (kind.code, "for people")
    elif issubclass(kind, Transient):
        assert (answer.status, sent["code"]) == (503, kind.code)
        assert "for people" not in sent["message"]
        assert int(answer.headers["Retry-After"]) > 0
    else:
        assert (answer.status, sent["code"]) == (500, "internal")
        assert "for people" not in sent["message"]


def test_many_violations_are_cut() -> None:
    """Thousands of mistakes are counted, not listed, and the sentence stays short."""
    broken = tuple(
        Violation(field=f"urls.{n}", rule="x", value="v" * 100, message="bad") for n in range(5000)
    )
    body = error_answer(InvalidRequest(violations=broken), "r").body
    error = json.loads(json.dumps(body))["error"]
    assert len(error["details"]["violations"]) == MAX_VIOLATIONS
    assert error["details"]["violations_left_out"] == 5000 - MAX_VIOLATIONS
    assert len(error["message"]) == MAX_MESSAGE_CHARS


def test_answers_are_not_kept() -> None:
    """No cache may keep what belongs to a user; every answer carries its request id."""
    sent = response(Answer({"a": 1}, 202, {"Location": "/x"}), "r-2")
    assert sent.status_code == 202
    assert sent.mimetype == "application/json"
    assert sent.headers["Cache-Control"] == "no-store"
    assert (sent.headers["Location"], sent.headers["X-Request-Id"]) == ("/x", "r-2")


def test_the_documentation_is_there() -> None:
    """The address told with every error leads to a heading that exists."""
    _, _, anchor = DOCUMENTATION_URL.partition("README.md#")
    readme = Path(__file__).parents[3] / "README.md"
    headings = [line for line in readme.read_text("utf-8").splitlines() if line.startswith("## ")]
    assert anchor in [heading[3:].lower().replace(" ", "-") for heading in headings]
