"""The voices of the undocumented routes: pages with cards, tokens, cookies and odd escapes."""

from __future__ import annotations

import html
import json
from urllib.parse import quote

from tests.fakes.town.open_voices import part, said
from tests.fakes.town.pictures import Picture
from tests.fakes.town.server import Said, Visit

_OBFUSCATED = {
    "w": "a", "k": "b", "v": "c", "1": "d", "j": "e", "u": "f", "2": "g", "i": "h", "t": "i",
    "3": "j", "h": "k", "s": "l", "4": "m", "g": "n", "5": "o", "r": "p", "q": "q", "6": "r",
    "f": "s", "p": "t", "7": "u", "e": "v", "o": "w", "8": "1", "d": "2", "n": "3", "9": "4",
    "c": "5", "m": "6", "0": "7", "b": "8", "l": "9", "a": "0",
}  # fmt: skip
_HIDDEN = {plain: letter for letter, plain in _OBFUSCATED.items()}


def bing(visit: Visit) -> Said:
    """Cards whose attribute holds escaped JSON; after the end it repeats its tail."""
    first, size = int(visit.query.get("first", 1)), int(visit.query.get("count", 35))
    found = visit.found(visit.query.get("q", ""), "qft")
    start = min(first - 1, max(0, len(found) - size))
    cards = "".join(_bing_card(visit, shown) for shown in part(found, start, size))
    body = f'<div class="dgControl"><ul class="dgControl_list ">{cards}</ul></div>'
    return Said(body.encode(), 200, "text/html; charset=utf-8")


def _bing_card(visit: Visit, shown: Picture) -> str:
    width, height = visit.size(shown)
    mark = f"{shown.number:08X}"
    told = {
        "purl": visit.page(shown),
        "murl": visit.address(shown),
        "turl": f"https://tse1.mm.bing.example/th?id=OIP.{mark}&pid=15.1",
        "md5": mark * 4,
        "mid": mark * 5,
        "t": shown.title,
        "desc": "",
    }
    card = html.escape(json.dumps(told), quote=True)
    details = f"/images/search?view=detailV2&amp;expw={width}&amp;exph={height}"
    return (
        f'<li data-idx="{shown.number}"><div class="iuscp varh">'
        f'<a class="iusc" m="{card}" href="{details}"></a>'
        f'<div class="img_info hon"><span class="nowrap">{width} x {height} &#183; jpeg</span>'
        "</div></div></li>"
    )


def duckduckgo(visit: Visit) -> Said:
    """A token that belongs to the query and the User-Agent, then a hundred a page."""
    agent = visit.headers.get("user-agent", "")
    if not visit.path.startswith("/i.js"):
        token = _vqd(visit.query.get("q", ""), agent)
        page = f'<!DOCTYPE html><html><script>DDG.x=1;vqd="{token}";</script></html>'
        return Said(page.encode(), 200, "text/html; charset=utf-8")
    if visit.query.get("vqd") != _vqd(visit.query.get("q", ""), agent):
        return Said(b"", 403, "text/html")
    start = int(visit.query.get("s", 0))
    found = visit.found(visit.query.get("q", ""), "f")[:500]
    results = []
    for shown in part(found, start, 100):
        width, height = visit.size(shown)
        mark = f"{shown.number:08X}"
        results.append(
            {
                "title": shown.title,
                "image": visit.address(shown),
                "thumbnail": f"https://tse4.mm.bing.example/th?id=OIP.{mark}&pid=Api",
                "url": visit.page(shown),
                "width": width,
                "height": height,
                "source": "Bing",
            }
        )
    answer = {"ads": None, "query": visit.query.get("q"), "response_type": "images"}
    answer["results"] = results
    if start + 100 < len(found):
        answer["next"] = (
            f"i.js?q={quote(visit.query.get('q', ''))}&o=json&p=1&s={start + 100}&u=bing"
        )
    return said(answer)


def _vqd(query: str, agent: str) -> str:
    return f"4-{sum(map(ord, query + agent)):039d}"


def baidu(visit: Visit) -> Said:
    """Cookies first; then JSON with broken escapes, hidden addresses and an empty last item."""
    if not visit.path.startswith("/search/acjson"):
        cookie = {"Set-Cookie": "BAIDUID=town; Path=/"}
        return Said(b"<html><body>welcome</body></html>", 200, "text/html", cookie)
    if "BAIDUID" not in visit.headers.get("cookie", ""):
        return said({"antiFlag": 1, "message": "Forbid spider access"})
    start, size = int(visit.query.get("pn", 0)), int(visit.query.get("rn", 10))
    found = visit.found(visit.query.get("word", ""), "z", "ic", "face", "st", "lm")
    items = [_baidu_item(visit, shown) for shown in part(found, start, size)]
    body = ",".join([*items, "{}"])
    text = f'{{"queryExt":"x","listNum":{len(found)},"displayNum":{len(found)},"data":[{body}]}}'
    return Said(text.encode(), 200, "application/json")


def _baidu_item(visit: Visit, shown: Picture) -> str:
    width, height = visit.size(shown)
    item = {
        "thumbURL": f"https://img0.baidu.example/it/u={shown.number},1&fm=26",
        "objURL": _hidden(visit.address(shown)),
        "fromURL": _hidden(visit.page(shown)),
        "width": width,
        "height": height,
        "type": "jpg",
        "filesize": "",
        "fromPageTitle": f"APOSTROPHE {shown.title} <strong>town</strong>",
        "replaceUrl": [],
    }
    return json.dumps(item).replace("APOSTROPHE", r"It\'s" + "\n")


def _hidden(address: str) -> str:
    """An address as Baidu writes it."""
    marked = address.replace(":", "\0").replace(".", "\1").replace("/", "\2")
    letters = "".join(_HIDDEN.get(char, char) for char in marked)
    return letters.replace("\0", "_z2C$q").replace("\1", "_z&e3B").replace("\2", "AzdH3F")


def google_html(visit: Visit) -> Said:
    """Ten links a page, escaped or not."""
    start = int(visit.query.get("start", 0))
    found = visit.found(visit.query.get("q", ""), "tbs")[:500]
    links = []
    for shown in part(found, start, 10):
        width, height = visit.size(shown)
        address, page = quote(visit.address(shown), safe=""), quote(visit.page(shown), safe="")
        link = (
            f"/imgres?imgurl={address}&imgrefurl={page}&h={height}&w={width}&tbnid=T{shown.number}"
        )
        links.append(f'<a href="{html.escape(link) if shown.number % 2 else link}"><img/></a>')
    shown_links = "".join(links) or "<p>Your search did not match any image results.</p>"
    body = f'<?xml version="1.0" encoding="UTF-8"?><html><body>{shown_links}</body></html>'
    return Said(body.encode(), 200, "text/html; charset=utf-8")
