"""Baidu: cookies first, JSON with faults, addresses in disguise."""

from __future__ import annotations

import json
import time

import pytest

from pixcrawler.adapters.engines.baidu import BaiduEngine
from pixcrawler.adapters.engines.baidu_text import loaded, undisguised
from pixcrawler.adapters.engines.shape import Ask
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.pipeline.engines.ports import Answer
from tests.contracts.answers import body_of, saying, stored
from tests.contracts.engine import EngineCase, EngineContract, searched

BASE = "https://image.baidu.example"
ENGINE = BaiduEngine(BASE)
FULL = body_of("baidu/full.json")
HOSTILE = body_of("baidu/hostile.json").replace(b"@LONG@", b"T" * 100_000)
COOKIES = (
    "BAIDUID=0123ABCD:FG=1; expires=Thu, 31-Dec-37 23:55:55 GMT; max-age=2147483647; path=/; "
    "domain=.baidu.com, BIDUPSID=0123ABCD; expires=Thu, 31-Dec-37 23:55:55 GMT; path=/"
)
WELCOME = stored("baidu/home.html", headers={"set-cookie": COOKIES})


def after_welcome(service):
    """A service with a front page that gives cookies."""
    return lambda request: (service if request.url.endswith("/acjson") else WELCOME)(request)


def item(number=1, **more):
    """One stored item, changed."""
    return {**json.loads(FULL)["data"][number - 1], **more}


def finds_of(*items):
    """What the engine reads from these."""
    body = json.dumps({"data": [*items, {}]}).encode()
    return ENGINE.read(body, Ask("x", Filters())).finds


def paging(request):
    """Seventy pictures for whoever sends the cookies back."""
    if not request.url.endswith("/acjson"):
        return WELCOME(request)
    if "BAIDUID=0123ABCD:FG=1" not in request.headers.get("Cookie", ""):
        return stored("baidu/no_spiders.json")(request)
    start, size = int(request.params["pn"]), int(request.params["rn"])
    numbers = range(start, min(start + size, 70))
    data = [item(objURL=f"https://p.example/{number}.jpg") for number in numbers]
    return Answer(200, json.dumps({"listNum": 70, "data": [*data, {}]}).encode())


class TestBaidu(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=after_welcome(stored("baidu/full.json")),
        full_finds=7,
        last=after_welcome(stored("baidu/last.json")),
        last_finds=4,
        last_cursor="30",
        empty=after_welcome(stored("baidu/empty.json")),
        changed=after_welcome(stored("other.json")),
        broken=after_welcome(stored("baidu/broken.json")),
        hostile=after_welcome(saying(HOSTILE)),
        hostile_finds=4,
        whole=paging,
        whole_finds=70,
        blocks={
            "no spiders": (after_welcome(stored("baidu/no_spiders.json")), BlockKind.DENIED),
            "redirect to a captcha": (
                after_welcome(
                    saying(
                        "",
                        302,
                        headers={"location": "https://wappass.baidu.com/static/captcha/tuxing"},
                    )
                ),
                BlockKind.CAPTCHA,
            ),
            "captcha at the front door": (stored("blocks/baidu_captcha.html"), BlockKind.CAPTCHA),
            "captcha instead of JSON": (
                after_welcome(stored("blocks/baidu_captcha.html")),
                BlockKind.CAPTCHA,
            ),
        },
        body=FULL,
    )


def test_an_item_is_read_whole():
    """The true original, its page, the plain title, size and number."""
    finds = ENGINE.read(FULL, Ask("x", Filters())).finds
    find = finds[0]
    assert find.url == "http://pictures.example/harbour/crane-1.jpeg"
    assert (find.width, find.height, find.format_hint) == (1601, 1201, "jpeg")
    assert find.thumbnail_url == "https://img0.baidu.com/it/u=1,200&fm=26&gp=0.jpg"
    assert find.provenance.page_url == "http://pictures.example/page/1.html"
    assert (find.provenance.title, find.provenance.provider_id) == ("港口起重机 1", "11001")
    assert find.provenance.published is None
    assert finds[6].provenance.published.isoformat() == "2021-03-05"


def test_broken_json_is_mended():
    r"""``\'`` and other unknown escapes, line ends inside strings, an empty last item."""
    page, _ = searched(ENGINE, after_welcome(stored("baidu/faults.txt")))
    assert [find.provenance.title for find in page.finds][1] == "港口起重机 2"
    assert page.finds[0].provenance.title == "Tom's cat \"q\" x u12 \\ ' x line two"


def test_what_cannot_be_mended_is_told():
    """Broken off, no object, nothing: each in words."""
    for body in (b'{"data":[', b"[]", b"", b"<html></html>", b"\\'" * 100):
        with pytest.raises(ValueError, match="answered with"):
            loaded(body)


def test_older_answers_are_in_chinas_own_encoding():
    """GB 18030 is read when it is no UTF-8."""
    assert loaded('{"queryExt": "港口\\\'"}'.encode("gb18030")) == {"queryExt": "港口'"}


def test_disguised_addresses_are_read():
    """The table of letters, the three marks; what is plain stays plain."""
    hidden = "ippr_z2C$qAzdH3FAzdH3Fv1g_z&e3Bf5i7_z&e3Bv54AzdH3FwkAzdH3F8a-xyz_z&e3B3r2"
    assert undisguised(hidden) == "http://cdn.sohu.com/ab/10-xyz.jpg"
    assert undisguised("https://p.example/a.jpg") == "https://p.example/a.jpg"
    for odd in (None, 7, "", "_z2C$q", "javascript:alert(1)", hidden * 500):
        assert undisguised(odd) is None


def test_the_original_comes_before_every_copy():
    """Decoded address, another host's copy, Baidu's own from large to small."""
    own = item(objURL=None)
    other = item(objURL=None, replaceUrl=[{"ObjURL": "https://p.example/o.jpg"}])
    large = item(objURL=None, largeTnImageUrl="https://img0.baidu.com/large")
    thumb = item(objURL=None, hoverURL="", middleURL="")
    finds = finds_of(item(), other, large, own, thumb)
    assert [find.url for find in finds] == [
        "http://pictures.example/harbour/crane-1.jpeg",
        "https://p.example/o.jpg",
        "https://img0.baidu.com/large",
        "https://img0.baidu.com/it/u=1,400&fm=26&gp=0.jpg",
        "https://img0.baidu.com/it/u=1,200&fm=26&gp=0.jpg",
    ]
    assert [find.width for find in finds] == [1601, 1601, None, None, None]


def test_what_is_marked_as_protected_is_left_out():
    """Baidu says itself of which pictures the rights are claimed."""
    assert len(finds_of(item(), item(2, isCopyright=1), item(3, isCopyright="1"))) == 1


@pytest.mark.parametrize(
    ("start", "listed", "following"),
    [(960, 10**6, "990"), (970, 10**6, None), (0, 31, "30"), (0, 30, None), (0, "0", "30")],
)
def test_pages_end_where_the_results_do(start, listed, following):
    """By the service's own count, as far as there is one, and never after a thousand."""
    body = json.dumps({"listNum": listed, "data": [item(), {}]}).encode()
    page = ENGINE.read(body, Ask("x", Filters(), str(start)))
    assert page.next_cursor == following


def test_cookies_go_along_in_the_cursor():
    """The front page is asked once: any worker can go on with what it gave."""
    first, asked = searched(ENGINE, paging)
    assert [request.url for request in asked] == [f"{BASE}/", f"{BASE}/search/acjson"]
    assert not any(request.follow for request in asked)
    assert asked[1].headers["Cookie"] == "BAIDUID=0123ABCD:FG=1; BIDUPSID=0123ABCD"
    second, asked = searched(BaiduEngine(BASE), paging, first.next_cursor)
    assert (second.status, [request.params["pn"] for request in asked]) == (EngineStatus.OK, ["30"])


def test_old_cookies_are_renewed():
    """A page that is asked for an hour later begins at the front page again."""
    for minutes, requests in ((40, 1), (50, 2)):
        cursor = f"30 {int(time.time()) - 60 * minutes} BAIDUID=0123ABCD:FG=1"
        page, asked = searched(ENGINE, paging, cursor)
        assert (page.status, len(asked)) == (EngineStatus.OK, requests)


def test_a_front_page_without_cookies_is_no_obstacle():
    """Mirrors and tests have none."""
    page, asked = searched(ENGINE, stored("baidu/full.json"))
    assert (page.status, "Cookie" in asked[1].headers) == (EngineStatus.OK, False)


def test_hostile_cookies_are_not_sent():
    """Only what a cookie may be made of goes back."""
    odd = "A=1\r\nX-Evil: 2; path=/, B=ok; path=/, C=" + "x" * 9000

    def play(request):
        if request.url.endswith("/acjson"):
            assert request.headers["Cookie"] == "B=ok"
            return stored("baidu/full.json")(request)
        return Answer(200, b"<html></html>", {"set-cookie": odd})

    page, _ = searched(ENGINE, play)
    assert page.status is EngineStatus.OK


@pytest.mark.parametrize(
    ("wish", "asked"),
    [
        ({}, {}),
        ({"size": "huge"}, {"z": "9"}),
        ({"color": "brown"}, {"ic": "12"}),
        ({"color": "gray"}, {"ic": "2048"}),
        ({"type": "face"}, {"face": "1"}),
        ({"type": "drawing"}, {"st": "2"}),
        ({"type": "photo", "color": "transparent"}, {}),
    ],
)
def test_filters_are_asked_for_in_baidus_words(wish, asked):
    """Each value that Baidu knows has its parameter."""
    params = ENGINE.request(Ask("x", Filters(**wish))).params
    assert {name: params[name] for name in ("z", "ic", "face", "st") if name in params} == asked
