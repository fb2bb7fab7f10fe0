"""Names of pictures: what of an address says which picture is meant."""

from __future__ import annotations

import time

import pytest

from pixcrawler.pipeline.discovery.addresses.form import form_of
from pixcrawler.pipeline.pictures.names import (
    gives_itself_away,
    is_platform,
    picture_name,
    site_of,
    wish,
)


def named(path: str) -> str:
    """Name the picture at a path."""
    form = form_of(f"https://pictures.example{path}")
    return picture_name(form)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/cat.jpg", "cat"),
        ("/CAT.JPEG", "cat"),
        ("/2026/05/cat.jpg?w=640", "cat"),
        ("/large/cat.jpg", "cat"),
        ("/cat-300x200.jpg", "cat"),
        ("/cat_1024w.webp", "cat"),
        ("/cat@2x.png", "cat"),
        ("/photos/17/medium.jpg", "photos/17"),
        ("/photos/123456/original.jpeg", "123456"),
        ("/photos/17.jpg", "photos/17"),
        ("/17.jpg", "17"),
        ("/red-panda-123456.jpg", "123456"),
        ("/it/panda-rosso-123456.jpg", "123456"),
        ("/red-panda-picture-id123456?s=612", "123456"),
        ("/IMG_20260501_101112.jpg", "img_20260501_101112"),
        ("/thumb/a/ab/Foo.jpg/200px-Foo.jpg", "foo"),
        ("/iiif/ms-12/full/max/0/default.jpg", "ms-12"),
        ("/iiif/ms-12/full/843,/0/default.jpg", "ms-12"),
        ("/a.jpg/2", "a"),
        ("/%63at.jpg", "cat"),
        ("/render", "render"),
        ("/", ""),
        ("/large/original.jpg", ""),
    ],
)
def test_the_name_of_a_picture(path, name):
    """Sizes, folders, queries, languages and what follows a file do not change the name."""
    assert named(path) == name


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("https://a.example/x.jpg?v=1", "http://www.a.example/x.jpg?v=2", True),
        ("https://a.example/image.php?id=1", "https://a.example/image.php?id=2", False),
        ("https://a.example/image.php?id=1&t=2", "https://a.example/image.php?t=2&id=1", True),
        ("https://a.example/1.jpg", "https://b.example/1.jpg", False),
        ("https://a.example/small/x.jpg", "https://a.example/large/x.jpg", True),
    ],
    ids=["version", "script", "order-of-fields", "sites", "sizes"],
)
def test_what_an_address_asks_for(one, other, is_same):
    """Fields say which picture a script is to give, and nothing that matters of a file."""
    first, second = form_of(one), form_of(other)
    same = wish(first, picture_name(first)) == wish(second, picture_name(second))
    assert same is is_same


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/images/removed.png", True),
        ("/image_removed.png", True),
        ("/photo-unavailable.gif", True),
        ("/No-Image.png", True),
        ("/noimage.png", True),
        ("/no%20image.png", True),
        ("/not_found.jpg", True),
        ("/placeholder.jpg", True),
        ("/hotlink/1.jpg", True),
        ("/default-image.jpg", True),
        ("/404.png", True),
        ("/errors/404/a.png", True),
        ("/img-404.png", True),
        ("/1404.png", False),
        ("/404a.png", False),
        ("/unremoved.png", False),
        ("/removedness.png", False),
        ("/placeholders.jpg", False),
        ("/default/image.jpg", False),
        ("/cat.jpg?error=404", False),
    ],
)
def test_words_that_give_a_stand_in_away(path, expected):
    """Whole words of the path count, in any case and however they are joined; parts do not."""
    assert gives_itself_away(form_of(f"https://pictures.example{path}")) is expected


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("example.org", "example.org"),
        ("i7.img.example.org", "example.org"),
        ("www.shop.co.uk", "shop.co.uk"),
        ("a.b.shop.com.br", "shop.com.br"),
        ("ab.de", "ab.de"),
        ("img.ab.de", "ab.de"),
        ("x.t.co", "t.co"),
        ("192.0.2.7", "192.0.2.7"),
        ("localhost", "localhost"),
    ],
)
def test_the_site_of_a_host(host, site):
    """Hosts of one owner have one site, also below the shared names of a country."""
    assert site_of(form_of(f"https://{host}:8443/x")) == site


def test_platforms():
    """Where many people show pictures, at whatever host of it, is a platform; a site is none."""
    hosts = ["live.staticflickr.com", "i.imgur.com", "flickr.com", "notflickr.com", "a.example"]
    shown = [is_platform(form_of(f"https://{host}/1.jpg")) for host in hosts]
    assert shown == [True, True, True, False, False]


@pytest.mark.parametrize("unit", ["a/", "1-", ".jpg", "-1x", "404", "no-", "%41"])
def test_hostile_paths_cost_little(unit):
    """The longest path of any repeated piece is named within a moment."""
    form = form_of("https://pictures.example/" + unit * (4000 // len(unit)))
    started = time.perf_counter()
    for _ in range(20):
        picture_name(form)
        gives_itself_away(form)
    assert time.perf_counter() - started < 5
