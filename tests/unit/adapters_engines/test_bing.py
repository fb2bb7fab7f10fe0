"""Bing: cards with escaped JSON, sizes in three places, a tail that repeats."""

from __future__ import annotations

import html
import json
from datetime import date

import pytest

from pixcrawler.adapters.engines.bing import BingEngine
from pixcrawler.adapters.engines.shape import Ask
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.pipeline.engines.ports import Answer
from tests.contracts.answers import body_of, saying, stored
from tests.contracts.engine import EngineCase, EngineContract, searched

BASE = "https://www.bing.example"
ENGINE = BingEngine(BASE)
FULL = body_of("bing/full.html")
HOSTILE = body_of("bing/hostile.html").replace(b"@LONG@", b"T" * 100_000)


def card(number, **more):
    """One card."""
    facts = {"murl": f"https://p.example/{number}.jpg", "mid": f"{number:08X}", **more}
    return f'<a class="iusc" m="{html.escape(json.dumps(facts))}" href="/x"></a>'


def paging(request):
    """Eighty pictures; past the end the last ones come again."""
    start = min(int(request.params["first"]), 71)
    cards = "".join(card(number) for number in range(start, min(start + 35, 81)))
    return Answer(200, f'<ul class="dgControl_list">{cards}</ul>'.encode())


class TestBing(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=stored("bing/full.html"),
        full_finds=35,
        last=stored("bing/last.html"),
        last_finds=4,
        last_cursor="981 0123456789ab",
        empty=stored("bing/empty.html"),
        changed=stored("changed.html"),
        broken=stored("bing/broken.html"),
        hostile=saying(HOSTILE),
        hostile_finds=3,
        whole=paging,
        whole_finds=80,
        blocks={
            "captcha": (stored("bing/captcha.html"), BlockKind.CAPTCHA),
            "robot check in words": (stored("bing/robot.html"), BlockKind.CAPTCHA),
            "consent": (stored("bing/consent.html"), BlockKind.DENIED),
            "throttled": (saying("", 429), BlockKind.THROTTLED),
        },
        body=FULL,
    )


def test_a_card_is_read_whole():
    """Address without extension, page, title without marks, thumbnail, id, size and format."""
    page = ENGINE.read(FULL, Ask("harbour crane", Filters()))
    find = page.finds[0]
    assert find.url == "https://pictures.example/harbour/crane-1/0"
    assert (find.width, find.height, find.format_hint) == (1601, 1201, "png")
    assert find.thumbnail_url.startswith("https://tse1.mm.bing.net/th?id=OIP.")
    assert find.provenance.title == 'Harbour crane 1 in "Århus" & beyond'
    assert find.provenance.page_url == "https://pictures.example/page/1"
    assert find.provenance.provider_id == f"{1:040X}"
    assert page.next_cursor.split()[0] == "36"


def test_sizes_come_from_whichever_place_has_them():
    """From the link, else from the words below the card, whose sign is not always an x."""
    page = ENGINE.read(FULL, Ask("harbour crane", Filters()))
    sizes = {number: page.finds[number - 1] for number in (4, 5, 7)}
    for number, find in sizes.items():
        assert (find.width, find.height) == (1600 + number, 1200 + number)
    assert [find.format_hint for find in sizes.values()] == ["jpeg", "png", None]


def test_a_card_takes_no_size_from_its_neighbour():
    """What stands below the next card is the next card's."""
    body = f"<li>{card(1)}</li><li>{card(2)}" + '<span class="nowrap">640 x 480 &#183; png</span>'
    page = ENGINE.read(body.encode(), Ask("x", Filters()))
    assert [(find.width, find.format_hint) for find in page.finds] == [(None, None), (640, "png")]


def test_a_page_with_cards_is_no_refusal():
    """Whatever else stands in it: the class of a box, or the button of a consent."""
    page = f'<div class="captcha"></div><a id="bnp_btn_accept"></a>{card(1)}'
    found, _ = searched(ENGINE, saying(page))
    assert (found.status, len(found.finds)) == (EngineStatus.OK, 1)


def test_one_broken_card_costs_only_itself():
    """The others count."""
    body = card(1) + '<a class="iusc" m="{&quot;murl&quot;:"></a>' + card(3)
    page = ENGINE.read(body.encode(), Ask("x", Filters()))
    assert [find.url[-5:] for find in page.finds] == ["1.jpg", "3.jpg"]


def test_paging_stops_at_the_repeated_tail():
    """The page that comes twice is the end, and says so without finds."""
    seen, _ = searched(ENGINE, paging, "71 x")
    again, _ = searched(ENGINE, paging, seen.next_cursor)
    assert (again.status, again.next_cursor) == (EngineStatus.EMPTY, None)


@pytest.mark.parametrize(
    ("told", "following"), [(70, "70"), (36, "71"), (1, "71"), (100_000, "71"), ("x", "71")]
)
def test_the_next_page_is_always_further_on(told, following):
    """Where it starts is what Bing says, unless that leads back or far away."""
    body = f'<div data-nextUrl="/images/async?q=x&amp;first={told}">{card(1)}</div>'
    page = ENGINE.read(body.encode(), Ask("x", Filters(), "36 x"))
    assert page.next_cursor.split()[0] == following


def test_nothing_is_asked_past_the_cap():
    """A thousand results are the most that a query gives."""
    page, _ = searched(ENGINE, stored("bing/full.html"), "971 x")
    assert page.next_cursor is None


@pytest.mark.parametrize(
    ("wish", "asked"),
    [
        ({}, None),
        ({"size": "huge"}, "+filterui:imagesize-wallpaper"),
        ({"color": "gray"}, "+filterui:color2-bw"),
        ({"color": "transparent"}, "+filterui:photo-transparent"),
        ({"color": "teal", "type": "face"}, "+filterui:color2-FGcls_TEAL+filterui:face-face"),
        ({"type": "drawing"}, "+filterui:photo-linedrawing"),
        ({"aspect": "tall"}, "+filterui:aspect-tall"),
        ({"license": "open"}, "+filterui:licenseType-Any"),
        ({"license": "commercial"}, "+filterui:license-L2_L3_L4"),
        ({"license": "modification"}, "+filterui:license-L2_L3_L5_L6"),
        ({"license": "free"}, "+filterui:license-L2_L3"),
        ({"license": "public_domain"}, "+filterui:license-L1"),
        ({"since": date(2026, 11, 1)}, None),
    ],
)
def test_filters_are_asked_for_in_bings_words(wish, asked):
    """Each value has its word; dates are not asked for: Bing knows only days back from now."""
    request = ENGINE.request(Ask("x", Filters(**wish)))
    assert request.params.get("qft") == asked


def test_a_region_is_a_market():
    """With the language that most there write; without one, Bing chooses."""
    plain = ENGINE.request(Ask("x", Filters(safe_search=False)))
    assert ("mkt" in plain.params, dict(plain.headers), plain.params["adlt"]) == (False, {}, "off")
    danish = ENGINE.request(Ask("x", Filters(region="dk")))
    assert (danish.params["mkt"], danish.params["adlt"]) == ("da-DK", "strict")
    assert danish.headers["Accept-Language"] == "da-DK,da;q=0.9"
