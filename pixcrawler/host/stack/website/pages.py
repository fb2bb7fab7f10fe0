"""The website's pages for people, as plain HTML."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from urllib.parse import urlencode

from pixcrawler.host.stack.website.catalogue import Catalogue, Picture
from pixcrawler.host.stack.website.search import Found

CREATOR = "the picture machine of PixCrawler"
LICENSE_URL = "https://creativecommons.org/publicdomain/zero/1.0/"
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 66rem; margin: 2rem auto; padding: 0 1rem;
       color: #222; background: #fcfcfa }
h1 { font-size: 1.5rem } a { color: #1a5fb4 } .note { color: #666; font-size: .9rem }
.grid { display: flex; flex-wrap: wrap; gap: 1rem; padding: 0; list-style: none }
.grid li { width: 180px } .grid img { max-width: 180px; height: 135px; object-fit: contain }
.grid span { display: block; font-size: .85rem } input { font: inherit; padding: .3rem .5rem }
"""


def home(catalogue: Catalogue) -> str:
    """Return the front page: what this is, a search field, the categories."""
    faults = sum(picture.fault is not None for picture in catalogue)
    total = len(catalogue.by_id)
    cards = "".join(
        _card(f"/search?{urlencode({'q': category})}", _first_good(ranked), category)
        for category, ranked in catalogue.categories.items()
    )
    return _page(
        "The picture machine",
        f"<p>A small website on your own machine. Its {total - faults} pictures are drawn by a "
        "program and belong to nobody, so that PixCrawler can be tried without the Internet.</p>"
        f'{_form("")}<ul class="grid">{cards}</ul>'
        f'<p class="note">Among the results are {faults} planted faults, such as broken files, '
        "duplicates and servers that never finish, because the real web has them too: "
        '<a href="/planted.json">planted.json</a> lists them, '
        '<a href="/awkward.json">awkward.json</a> the good pictures that are hard to get. '
        'Programs ask <a href="/api/search?q=apple">/api/search?q=apple</a>.</p>',
    )


def results(found: Found) -> str:
    """Return one page of search results with small pictures."""
    cards = "".join(
        _card(f"/pictures/{picture.id}", picture, picture.title) for picture in found.pictures
    )
    steps = [
        f'<a href="/search?{escape(urlencode({"q": found.query, "page": number}))}">{word}</a>'
        for word, number in (("Previous", found.page - 1), ("Next", found.page + 1))
        if 1 <= number <= found.pages
    ]
    where = f"page {found.page} of {found.pages}" if found.total else "nothing found"
    return _page(
        f"{found.query or 'Search'} - The picture machine",
        f'{_form(found.query)}<p>{found.total} pictures, {where}.</p><ul class="grid">{cards}</ul>'
        f"<p>{' &middot; '.join(steps)}</p>",
    )


def one_picture(picture: Picture) -> str:
    """Return the page of one picture: title, creator, licence, file, and its fault if any."""
    planted = ""
    if picture.fault:
        planted = f'<p class="note">Planted fault: {picture.fault.replace("_", " ")}.</p>'
    elif picture.awkward:
        planted = f'<p class="note">Served awkwardly: {picture.awkward.replace("_", " ")}.</p>'
    return _page(
        picture.title,
        f'<p><a href="{escape(picture.path)}"><img src="/thumbnails/{picture.id}.jpg" '
        f'alt="A drawn {picture.category}"></a></p>'
        f'<p>By {CREATOR}. <a rel="license" href="{LICENSE_URL}">CC0</a>: use it as you like. '
        f'{picture.width} x {picture.height} px, <a href="{escape(picture.path)}">the file</a>. '
        f'<a href="/search?{urlencode({"q": picture.category})}">More of these</a>.</p>{planted}',
    )


def missing() -> str:
    """Return the page for an address that does not exist."""
    return _page("Not here", "<p>There is no such page.</p>")


def _first_good(ranked: Iterable[Picture]) -> Picture:
    pictures = list(ranked)
    return next((picture for picture in pictures if picture.fault is None), pictures[0])


def _card(link: str, picture: Picture, caption: str) -> str:
    return (
        f'<li><a href="{escape(link)}"><img loading="lazy" src="/thumbnails/{picture.id}.jpg" '
        f'alt="A drawn {picture.category}"><span>{escape(caption)}</span></a></li>'
    )


def _form(query: str) -> str:
    return (
        f'<form action="/search"><input name="q" aria-label="Search" value="{escape(query)}" '
        'placeholder="apple, red car, ..."> <input type="submit" value="Search"></form>'
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        f'<p><a href="/">The picture machine</a></p><h1>{escape(title)}</h1>{body}</html>'
    )
