"""Start tags are found however they are written, in bounded time whatever the page is."""

from __future__ import annotations

import time

import pytest

from pixcrawler.adapters.engines.markup import page_text, start_tags


def attributes(page, name="a", mark=""):
    """The attributes of every tag."""
    return [tag.attributes() for tag in start_tags(page, name, mark)]


def test_attributes_are_read_however_they_are_quoted():
    """Double, single or no quotes, spaces, capitals, escapes, and none at all."""
    page = """<A HREF = "/x?a=1&amp;b=2" title='say "hi" > now' id=plain hidden>text</A>"""
    assert attributes(page) == [
        {"href": "/x?a=1&b=2", "title": 'say "hi" > now', "id": "plain", "hidden": ""}
    ]


def test_only_the_asked_tags_are_given():
    """By name and by mark; the first of two attributes counts, as in browsers."""
    page = '<abbr k="m"><a k="n"><a k="m" k="z"><b><a/>'
    assert attributes(page, mark='"m"') == [{"k": "m"}]


def test_a_tag_that_does_not_end_is_left_out():
    """The next one still counts."""
    assert attributes('<a k="1" <a k="2"><a k="3') == [{"k": "2"}]


def test_the_end_of_a_tag_is_told():
    """What follows it can be looked at."""
    page = "<a x=1>after"
    assert [page[tag.end :] for tag in start_tags(page, "a", "")] == ["after"]


def test_a_page_of_nothing_but_tags_is_not_read_to_its_end():
    """The largest that is known has a few hundred."""
    page = "<a x>" * 2000 + "<a mark>"
    assert attributes(page, mark="mark") == []
    assert attributes(page[len("<a x>") :], mark="mark") == [{"mark": ""}]


def test_bytes_of_any_kind_become_text():
    """A mark at the start goes, what is no UTF-8 is replaced."""
    assert page_text(b"\xef\xbb\xbf<a>\xff") == "<a>\ufffd"


@pytest.mark.parametrize(
    "piece",
    ["<a ", '<a class="iusc', "<a m='\"", "= = a ", "<a '\"'", "<a x", "<a " + "x" * 120_000 + ">",
     "<a " + " " * 120_000 + "=", "<a " + "x=" * 60_000 + ">", "<a " + "x " * 60_000 + "=>",
     "<a " + "\"'" * 60_000, '<a x="' + "&" * 100_000 + '">'],
)  # fmt: skip
def test_no_page_costs_minutes(piece):
    """Pages of nothing but openings, quotes, names or spaces are read in bounded time."""
    page = piece * (4_000_000 // len(piece))
    started = time.process_time()
    attributes(page)
    assert time.process_time() - started < 10
