"""Placeholders are told by how they are given; what comes from one address alone never is one."""

from __future__ import annotations

import pytest

from pixcrawler.pipeline.pictures.placeholders import find_placeholders
from tests.unit.pipeline_images import given as pictures
from tests.unit.pipeline_images.given import (
    GONE,
    SHOP,
    at,
    is_found,
    numbers,
    same,
    spread,
)

LOOK = {"phash": "f0f0a5a50f0f3c3c"}

# ------------------------------------------------------------------ redirects


@pytest.mark.parametrize(
    ("urls", "final", "expected"),
    [
        (at("/p/{}.jpg", 3), GONE, True),
        (at("/p/{}.jpg", 2), GONE, False),
        (at("/image.php?id={}", 3), GONE, True),
        ([f"https://s{n}.example/{n}.jpg" for n in range(3)], "https://sso.example/in.png", True),
        (at("/p/cat.jpg?size={}", 9), GONE, False),
        (at("/w{}/cat.jpg", 9), f"{SHOP}/files/cat.jpg", False),
        (at("/w{}/cat.jpg", 9), GONE, False),
        (["http://shop.example/cat.jpg", f"{SHOP}/cat.jpg", f"{SHOP}/l/cat.jpg"], GONE, False),
        (at("/it/gatto-{}55555.jpg", 3), GONE, True),
        ([f"{SHOP}/{word}-55555.jpg" for word in ("gatto", "cat", "katze")], GONE, False),
        (at("/image.php?id={}", 9), None, False),
        ([f"https://s{n}.example/cat.jpg" for n in range(9)], "https://cdn.example/cat.jpg", False),
        (
            [f"https://s{n}.example/cat.jpg" for n in range(9)],
            "https://cdn.example/p/cat.jpg",
            False,
        ),
        (at("/p/{}.jpg", 2), f"{SHOP}/static/removed.png", True),
        (at("/p/{}.jpg", 1), f"{SHOP}/static/removed.png", False),
        (at("/p/{}.jpg", 3), "https://i.imgur.com/7xYb.png", True),
    ],
    ids=[
        "three",
        "two",
        "scripts",
        "many-sites-to-a-sign-in",
        "sizes-of-one",
        "one-that-moved",
        "folders-of-one",
        "schemes-and-hosts-of-one",
        "three-ids",
        "languages-of-one",
        "scripts-without-redirects",
        "sites-that-moved-to-one",
        "sites-that-moved-to-a-folder-of-one",
        "two-to-removed",
        "one-to-removed",
        "at-a-platform",
    ],
)
def test_redirects_to_one_picture(urls, final, expected):
    """Three different pictures whose addresses lead to one: that one stands in for them."""
    assert is_found(same(*urls, final=final)) is expected


def test_the_query_of_the_final_address_says_nothing():
    """A redirect that tells the stand-in what it stands for leads to the same one."""
    verdicts = [
        pictures.given(n, f"{SHOP}/p/{n}.jpg", f"{GONE}?for={n}", picture=1) for n in range(3)
    ]
    assert is_found(verdicts)


def test_one_final_address_may_give_many_pictures():
    """A script that redirects end at gives each its own picture: bytes decide."""
    verdicts = [
        pictures.given(n, f"{SHOP}/p/{n}.jpg", f"{SHOP}/serve?id={n}") for n in range(101, 131)
    ]
    assert not is_found(verdicts)


def test_a_picture_that_others_were_merged_into():
    """What is also asked for where it is was found for what it shows."""
    merged = same(*at("/p/{}.jpg", 3), final=f"{SHOP}/p/cat.jpg")
    merged.append(pictures.given(9, f"{SHOP}/p/cat.jpg", picture=1000))
    assert not is_found(merged[:3] + merged[3:])
    called_so = same(*at("/p/{}.jpg", 2), final=f"{SHOP}/noimage.jpg")
    called_so.append(pictures.given(9, f"{SHOP}/noimage.jpg", picture=1000))
    assert is_found(called_so)


# ------------------------------------------------------------------ one host, many names


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        (at("/p/{}.jpg", 4), True),
        (at("/p/{}.jpg", 3), False),
        (at("/photos/{}/medium.jpg", 4), True),
        (at("/p{}/cat.jpg", 4), False),
        (at("/cat.jpg?v={}", 9), False),
        (at("/cat-{}x100.jpg", 9), False),
        (at("/cat.jpg/{}", 9), False),
        ([f"{SHOP}/{word}-55555.jpg" for word in "abcdef"], False),
        ([f"https://i{n}.shop.example/p/10{n}.jpg" for n in range(7)], False),
        ([*at("/p/{}.jpg", 3), f"{SHOP}/img/placeholder.png"], True),
        ([*at("/p/{}.jpg", 2), f"{SHOP}/img/placeholder.png"], True),
        ([*at("/p/{}.jpg", 1), f"{SHOP}/img/placeholder.png"], False),
        (at("/5/{}_a.jpg", 7, "https://live.staticflickr.com"), False),
        (at("/p/{}.jpg", 7, "https://bucket.s3.amazonaws.com"), False),
    ],
    ids=[
        "four",
        "three",
        "folders-name-them",
        "one-name",
        "queries",
        "sizes",
        "what-follows-a-file",
        "one-id",
        "hosts-of-a-site",
        "four-and-a-word",
        "three-and-a-word",
        "two-and-a-word",
        "platform",
        "shared-storage",
    ],
)
def test_one_picture_under_many_names(urls, expected):
    """A host that gives equal bytes under four names does not give what they ask for."""
    assert is_found(same(*urls)) is expected


def test_a_platform_shows_one_picture_for_many_things():
    """Where anybody shows pictures, eight names for keywords of two categories are needed."""
    urls = at("/5/{}_a.jpg", 8, "https://live.staticflickr.com")
    mixed = [
        pictures.given(n, url, picture=1, keyword=f"word {n % 3}", category=f"kind {n % 2}")
        for n, url in enumerate(urls)
    ]
    assert is_found(mixed)
    assert not is_found(mixed[:7])
    assert not is_found(same(*urls))


@pytest.mark.parametrize(
    ("facts", "count", "expected"),
    [
        ([{}] * 4, 4, True),
        ([{}] * 4, 3, False),
        ([{}, {}, {}, {"width": 641}], 4, False),
        ([{}, {}, {}, {"phash": "f0f0a5a50f0f3c3d"}], 4, False),
        ([{}, {}, {}, {"bytes": 60_000}], 4, False),
        ([{}, {}, {}, {"bytes": 54_000}], 4, True),
        ([{"phash": "0000000000000003"}] * 4, 4, False),
    ],
    ids=["four", "three", "size", "one-bit", "longer", "a-little-longer", "no-structure"],
)
def test_one_picture_written_anew_for_each(facts, count, expected):
    """Files that look exactly the same count as one picture at one host, if they say enough."""
    verdicts = [
        pictures.given(n, url, facts=LOOK | facts[n])
        for n, url in enumerate(at("/p/{}.jpg", count))
    ]
    assert is_found(verdicts) is expected


def test_looks_do_not_count_across_hosts():
    """Files that look the same at many sites are copies of a picture, not of a stand-in."""
    verdicts = [
        pictures.given(
            n, f"https://s{n}.example/{n}.jpg", facts=LOOK, keyword=f"{n}", category=f"{n}"
        )
        for n in range(20)
    ]
    assert not is_found(verdicts)


# ------------------------------------------------------------------ many sites


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (spread(8), True),
        (spread(7), False),
        (spread(30, keywords=2), False),
        (spread(30, keywords=1, categories=1), False),
        (spread(30, keywords=9, categories=1), False),
        (spread(7, path="/{}/no-image.png"), True),
        (spread(6, path="/{}/no-image.png"), False),
        (spread(7, keywords=2, categories=1, path="/{}/no-image.png"), True),
        (spread(7, keywords=1, categories=1, path="/{}/no-image.png"), False),
        (spread(20, host="w{}.one.example"), False),
    ],
    ids=[
        "eight",
        "seven",
        "two-keywords",
        "popular",
        "words-for-one-thing",
        "seven-and-a-word",
        "six-and-a-word",
        "two-keywords-and-a-word",
        "popular-and-a-word",
        "hosts-of-one-site",
    ],
)
def test_one_picture_at_many_sites(verdicts, expected):
    """Eight sites that give the same bytes for keywords that have nothing in common."""
    assert is_found(verdicts) is expected


def test_copies_elsewhere_go_too():
    """What a host gives as a stand-in is left out wherever it came from once."""
    verdicts = same(*at("/p/{}.jpg", 4), "https://cdn.example/x.jpg", "https://b.example/y.jpg")
    assert is_found(verdicts)
    details = {one.detail for one in find_placeholders(verdicts).stand_ins}
    assert details == {"given for 4 addresses at img.shop.example"}


def test_a_popular_picture_survives_a_host_that_fills_gaps_with_it():
    """Where more addresses are those of others, the picture stays theirs, as copies do."""
    others = [f"https://blog{n}.example/cat.jpg" for n in range(4)]
    verdicts = same(*at("/p/{}.jpg", 4), *others)
    assert numbers(find_placeholders(verdicts), verdicts) == [1, 2, 3, 4]
