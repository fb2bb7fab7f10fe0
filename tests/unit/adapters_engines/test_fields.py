"""Single fields of hostile answers become plain text, addresses and numbers, or nothing."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.adapters.engines.fields import (
    MAX_ITEMS,
    TEXT_MAX_CHARS,
    address,
    count,
    day,
    format_name,
    items,
    license_code,
    pixels,
    plain,
    shortened,
    text,
)
from pixcrawler.domain.source import Provenance

# No time limits: a busy machine is not a broken promise.
STEADY = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text())
)


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ('<a href="x">Ann &amp; Bo</a>', "Ann & Bo"),
        ("one<br>two<p>three</p>", "one two three"),
        ("<script>alert(1)</script>safe<style>p{}</style>", "safe"),
        ("<b>unclosed", "unclosed"),
        ("   ", None),
        ("<p></p>", None),
        (5, None),
    ],
)
def test_markup_becomes_text(markup, expected):
    """Tags, scripts and styles go; what a person reads stays."""
    assert plain(markup) == expected


@pytest.mark.parametrize(
    ("given_code", "expected"),
    [
        ("cc-by-sa-4.0", "by-sa"),
        ("CC BY 2.0", "by"),
        ("cc-by-nc-nd-3.0-de", "by-nc-nd"),
        ("CC0", "cc0"),
        ("by-nc", "by-nc"),
        ("cc-zero", "cc0"),
        ("CC_BY_4_0", "by"),
        ("Public domain", "pdm"),
        ("PD-old-70", "pdm"),
        ("GFDL", "gfdl"),
        ("http://creativecommons.org/licenses/by-nc/4.0/legalcode", "by-nc"),
        ("//creativecommons.org/publicdomain/zero/1.0/", "cc0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "pdm"),
        ("http://rightsstatements.org/vocab/InC/1.0/", "inc"),
        ("https://museum.example/terms", None),
        ("İ" * 2000, "i\u0307" * 500),
        ("", None),
        (None, None),
    ],
)
def test_licences_have_one_short_code(given_code, expected):
    """The same licence has the same code, whichever engine names it."""
    assert license_code(given_code) == expected


@pytest.mark.parametrize(
    ("value", "base", "expected"),
    [
        ("https://a.example/x.jpg", "", "https://a.example/x.jpg"),
        ("//a.example/x.jpg", "https:", "https://a.example/x.jpg"),
        ("/x.jpg", "http://a.example", "http://a.example/x.jpg"),
        (" https://a.example/x.jpg\n", "", "https://a.example/x.jpg"),
        ("javascript:alert(1)", "", None),
        ("data:image/png;base64,AAAA", "https:", None),
        ("http://[bad", "", None),
        ("https://a.example/\ud800.jpg", "", None),
        ("https://a.example/\x1b[31m.jpg", "", None),
        ("https://a.ex\r\nample/x.jpg", "", None),
        ("https://user:secret@a.example/x.jpg", "", None),
        ("https://a.example/" + "x" * 5000, "", None),
        ("", "http://a.example", None),
        (7, "", None),
    ],
)
def test_only_web_addresses_are_addresses(value, base, expected):
    """Relative ones are completed; other schemes and endless ones are none."""
    assert address(value, base) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (640, 640),
        ("480", 480),
        (0, None),
        (-1, None),
        (True, None),
        (10**9, None),
        ("9" * 40, None),
    ],
)
def test_sizes_make_sense_or_are_none(value, expected):
    """Strings of digits count; zero, negative and absurd sizes do not."""
    assert pixels(value) == expected


@STEADY
@given(ANYTHING)
def test_no_value_breaks_a_field(value):
    """Whatever an engine sends, the fields fit a provenance."""
    Provenance(
        engine="local",
        page_url=address(value),
        title=text(value),
        creator=plain(value),
        license=license_code(value),
    )
    assert pixels(value) is None or pixels(value) > 0
    assert count(value) is None or count(value) >= 0
    assert day(value) is None or day(value).year > 0
    assert format_name(value) is None or format_name(value).isalnum()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-07-19T10:00:00Z", date(2024, 7, 19)),
        ("2024-07-19/2024-07-21", date(2024, 7, 19)),
        ("2024-07", None),
        ("2024-13-01", None),
        ("yesterday", None),
        (20240719, None),
    ],
)
def test_days_are_read_from_the_start_of_a_text(value, expected):
    """A full date counts, alone or before a time; anything else is none."""
    assert day(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0), ("345", 345), (-1, None), (True, None), (1.5, None), ("9" * 400, None), ("२", None)],
    ids=["zero", "digits", "negative", "truth", "part", "endless", "other digits"],
)
def test_counts_make_sense_or_are_none(value, expected):
    """Whole numbers and their digits count; what is negative or absurd does not."""
    assert count(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("image/jpeg", "jpeg"),
        ("JPG", "jpeg"),
        (".png", "png"),
        ("", None),
        ("a b", None),
        ("x" * 30, None),
        (3, None),
    ],
)
def test_formats_have_one_name(value, expected):
    """Media type, extension and name of a format give the same word."""
    assert format_name(value) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("red fox", "red fox"),
        ("red fox cubs", "red fox"),
        ('red "fox cubs"', "red"),
        ('"red fox" -cub', '"red fox"'),
        ("x" * 40, "x" * 10),
    ],
)
def test_a_query_is_shortened_by_words(words, expected):
    """What does not fit goes from the end; no word or phrase is cut, unless it stands alone."""
    assert shortened(words, 10) == expected


def test_long_text_is_cut():
    """A book of a title keeps its first thousand characters."""
    assert len(text("word " * 10_000)) <= TEXT_MAX_CHARS


def test_what_stands_far_behind_blanks_is_not_looked_for():
    """A title may be as long as an answer."""
    assert text(f"{' ' * 5000}x") is None


def test_more_results_than_anyone_asked_for_are_left_out():
    """An answer of 200,000 results fills neither memory nor the job's state."""
    assert len(items([{}] * 200_000)) == MAX_ITEMS


def test_markup_that_never_ends_is_given_up(monkeypatch):
    """The parser, which looks through all the rest for each open tag, sees few of them."""
    fed = []
    monkeypatch.setattr(
        "pixcrawler.adapters.engines.fields._TextReader.feed", lambda _, data: fed.append(data)
    )
    plain("<a " * 100_000)
    assert fed[0].count("<") < 100
    assert len(fed[0]) <= 8000
