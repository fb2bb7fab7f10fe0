"""X-Robots-Tag: which of its words are for us."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pixcrawler.domain.purpose import Purpose
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.optout.gate import Gate
from pixcrawler.pipeline.optout.x_robots import XRobotsTag

STEADY = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


def refusing(*values: str) -> list[str]:
    """What refuses in an answer with these headers."""
    signal = XRobotsTag(lambda: NOW)
    headers = [("X-Robots-Tag", value) for value in values]
    return [saying.rule for saying in signal.of_answer("https://a.example/1.jpg", headers)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param((), [], id="no-header"),
        pytest.param(("",), [], id="empty"),
        pytest.param((" , ,; ,",), [], id="empty-parts"),
        pytest.param(("noai",), ["noai"], id="noai"),
        pytest.param(("noimageai",), ["noimageai"], id="noimageai"),
        pytest.param(("noindex",), ["noindex"], id="noindex"),
        pytest.param(("noimageindex",), ["noimageindex"], id="noimageindex"),
        pytest.param(("none",), ["none"], id="none"),
        pytest.param(("all",), [], id="all"),
        pytest.param(("nofollow, noarchive, nosnippet, notranslate",), [], id="other-words"),
        pytest.param(("NoAI , NOINDEX",), ["NoAI", "NOINDEX"], id="case-and-spaces"),
        pytest.param(("noai,noimageai",), ["noai", "noimageai"], id="list"),
        pytest.param(("noindex nofollow",), ["noindex"], id="spaces-for-commas"),
        pytest.param(("noindex; nofollow",), ["noindex"], id="semicolons-for-commas"),
        pytest.param(("nofollow", "noai"), ["noai"], id="several-headers"),
        pytest.param(("noai", "noai"), ["noai"], id="told-once"),
        pytest.param(("noindexer, xnoai, no-ai, noai2",), [], id="words-that-only-look-alike"),
        pytest.param(("googlebot: noindex",), [], id="for-another-bot"),
        pytest.param(("otherbot: noindex, noai",), [], id="for-another-bot-to-the-end"),
        pytest.param(("googlebot:, noai",), [], id="for-another-bot-oddly"),
        pytest.param(("noindex, googlebot: nofollow",), ["noindex"], id="general-then-a-bot"),
        pytest.param(
            ("googlebot: nofollow", "noindex"), ["noindex"], id="a-bot-ends-with-its-header"
        ),
        pytest.param(
            ("googlebot: nofollow, pixcrawler: noai, bingbot: noindex",),
            ["pixcrawler: noai"],
            id="ours-between-others",
        ),
        pytest.param(("PixCrawler: NOINDEX",), ["pixcrawler: NOINDEX"], id="ours-in-any-case"),
        pytest.param(("pixcrawler/1.0 : noai",), ["pixcrawler: noai"], id="ours-with-version"),
        pytest.param(("pixcrawler: all", "noai"), ["noai"], id="ours-does-not-lift-the-general"),
        pytest.param(("*: noai",), ["*: noai"], id="star-is-everybody"),
        pytest.param(("max-snippet:-1, noai",), ["noai"], id="max-snippet-is-no-bot"),
        pytest.param(("max-image-preview: large,noai",), ["noai"], id="preview-is-no-bot"),
        pytest.param(("max-video-preview:-1, max-new-thing: 3, none",), ["none"], id="no-bots"),
        pytest.param(("googlebot: max-snippet: 3, noai",), [], id="a-value-ends-no-scope"),
        pytest.param(("noai: yes",), ["noai"], id="a-word-with-a-value"),
        pytest.param((": noai",), ["noai"], id="nothing-before-the-colon"),
        pytest.param(("googlebot: otherbot: noai",), [], id="bots-in-bots"),
        pytest.param(
            ("googlebot: pixcrawler: noai",), ["pixcrawler: noai"], id="the-last-bot-counts"
        ),
    ],
)
def test_the_words_for_us_are_heard(values, expected):
    """A bot's name is for the rest of its header, and for nothing else."""
    assert refusing(*values) == expected


PAST = "unavailable_after: 2010-06-25T15:00:00+00:00"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("unavailable_after: 25 Jun 2010 15:00:00 GMT", [PAST], id="as-in-the-manual"),
        pytest.param("unavailable_after: Fri, 25 Jun 2010 15:00:00 GMT", [PAST], id="rfc-822"),
        pytest.param("unavailable_after: Friday, 25-Jun-10 15:00:00 GMT", [PAST], id="rfc-850"),
        pytest.param("unavailable_after: 2010-06-25T15:00:00Z", [PAST], id="iso"),
        pytest.param(
            "unavailable_after: 2010-06-25T17:00:00+02:00",
            ["unavailable_after: 2010-06-25T17:00:00+02:00"],
            id="iso-zone",
        ),
        pytest.param("unavailable_after: 2010-06-25 15:00:00", [PAST], id="iso-without-zone"),
        pytest.param(
            "unavailable_after: 2010-06-25",
            ["unavailable_after: 2010-06-25T00:00:00+00:00"],
            id="day",
        ),
        pytest.param("unavailable_after:25 Jun 2010 15:00:00 GMT, noai", [PAST, "noai"], id="more"),
        pytest.param(
            "unavailable_after: Fri, 25 Jun 2010 15:00:00 GMT, noai",
            [PAST, "noai"],
            id="comma-and-more",
        ),
        pytest.param("UNAVAILABLE_AFTER: 25 Jun 2010 15:00:00 GMT", [PAST], id="case"),
        pytest.param(
            "unavailable_after: 20 Nov 2026 12:00:00 GMT",
            ["unavailable_after: 2026-11-20T12:00:00+00:00"],
            id="this-second",
        ),
        pytest.param("unavailable_after: 20 Nov 2026 12:00:01 GMT", [], id="next-second"),
        pytest.param("unavailable_after: Sun, 25 Jun 2090 15:00:00 GMT", [], id="future"),
        pytest.param(
            "unavailable_after: Sun, 25 Jun 2090 15:00:00 GMT, none", ["none"], id="future-and-more"
        ),
        pytest.param(
            "unavailable_after: 25 Jun 2010",
            ["unavailable_after: 2010-06-25T00:00:00+00:00"],
            id="rfc-822-day",
        ),
        pytest.param("unavailable_after: whenever", [], id="no-date"),
        pytest.param("unavailable_after:", [], id="nothing"),
        pytest.param(
            "googlebot: unavailable_after: 25 Jun 2010 15:00:00 GMT", [], id="for-another"
        ),
        pytest.param(
            "pixcrawler: unavailable_after: 25 Jun 2010 15:00:00 GMT",
            [f"pixcrawler: {PAST}"],
            id="for-us",
        ),
        pytest.param(
            "unavailable_after: 99 Foo 99999 99:99:99 GMT, noai", ["noai"], id="broken-date"
        ),
    ],
)
def test_a_date_refuses_once_it_has_passed(value, expected):
    """In the three forms that search engines accept, with their commas and colons."""
    assert refusing(value) == expected


@pytest.mark.parametrize("purpose", list(Purpose), ids=str)
@pytest.mark.parametrize("word", ["noai", "noimageai", "noindex", "noimageindex", "none"])
def test_every_word_refuses_every_purpose(word, purpose):
    """All datasets are made for training, or may be."""
    ruling = Gate(purpose).of_answer("https://a.example/1", [("x-robots-tag", word)])

    assert (ruling.reason, ruling.refusal.rule, ruling.refusal.source) == (
        RejectReason.OPTED_OUT,
        word,
        "header",
    )


def test_other_headers_say_nothing():
    """Only the header of that name, in any case."""
    gate = Gate(Purpose.GENERATIVE)

    assert gate.of_answer("u", [("Robots", "noai"), ("X-Robots", "noai")]).reason is None
    assert gate.of_answer("u", [("X-ROBOTS-TAG", "noai")]).reason is RejectReason.OPTED_OUT


WORDS = st.sampled_from(
    [
        "noai",
        "none",
        ":",
        ",",
        " ",
        "googlebot",
        "unavailable_after",
        "Fri",
        "25 Jun 2010",
        "-",
        "é",
    ]
)


@STEADY
@given(st.lists(st.text(max_size=60) | st.lists(WORDS, max_size=20).map("".join), max_size=4))
@example(["unavailable_after: 0001-01-01T00:00:00+23:59"])
@example(["unavailable_after: 9999-12-31T23:59:59-23:59"])
@example(["unavailable_after: 25 Jun 2010 15:00:00 +99999999999999"])
def test_no_header_breaks_the_reader(values):
    """Whatever strangers send."""
    refusing(*values)


@pytest.mark.parametrize(
    "value",
    ["a:" * 100_000, "," * 200_000, "unavailable_after: Fri, " * 10_000, "noai " * 50_000],
    ids=["bots", "commas", "dates", "words"],
)
def test_long_headers_take_no_time(value):
    """Only so much of them is read, of all together."""
    began = time.perf_counter()
    assert "none" not in refusing(value, value, value, "none")

    assert time.perf_counter() - began < 2.0
