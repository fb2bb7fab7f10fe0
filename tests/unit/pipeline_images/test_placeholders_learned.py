"""Whose pictures may be placeholders, and what other jobs learn from a job."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pixcrawler.pipeline.pictures.placeholders import find_placeholders
from pixcrawler.pipeline.visits.ports import Placeholder
from tests.factories import some_facts
from tests.unit.pipeline_images import given as pictures
from tests.unit.pipeline_images.given import (
    GONE,
    SEEN_AT,
    SHOP,
    at,
    is_found,
    known,
    numbers,
    same,
    spread,
)


def test_uploads_are_never_placeholders():
    """A user's own pictures stay, equal as they may be, also to what a host gives as one."""
    own = [
        pictures.given(
            50 + n, f"upload://{'a' * 32}/{n}/{n}.jpg", picture=1000, engines=("uploads",)
        )
        for n in range(9)
    ]
    banner = same(*at("/p/{}.jpg", 5))
    assert not is_found(own)
    assert numbers(find_placeholders(own + banner), own + banner) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("engine", ["urls", "uploads"])
def test_an_own_list_is_judged_by_single_hosts(engine):
    """Redirects and many names at a host count in a user's own list; copies elsewhere do not."""
    assert is_found(same(*at("/p/{}.jpg", 4), engines=(engine,)))
    assert is_found(same(*at("/p/{}.jpg", 3), final=GONE, engines=(engine,)))
    listed = [
        pictures.given(n, one.outcome.candidate.url, picture=1, engines=(engine,), keyword=f"{n}")
        for n, one in enumerate(spread(20))
    ]
    assert not is_found(listed)
    mixed = same(*at("/p/{}.jpg", 4))
    mixed.append(pictures.given(9, "https://b.example/x.jpg", picture=1000, engines=(engine,)))
    assert numbers(find_placeholders(mixed), mixed) == [1, 2, 3, 4]


# ------------------------------------------------------------------ what others learn


@pytest.mark.parametrize(
    ("verdicts", "learned"),
    [
        (same(*at("/p/{}.jpg", 4)), [("img.shop.example", 4)]),
        (same(*at("/p/{}.jpg", 4, f"{SHOP}:8443")), [("img.shop.example:8443", 4)]),
        (same(*at("/p/{}.jpg", 3), final=GONE), [("img.shop.example", 3)]),
        (same(*at("/p/{}.jpg", 3, "https://shop.example"), final=GONE), [("img.shop.example", 3)]),
        (same(*at("/p/{}.jpg", 5, "https://evil.test"), final=f"{SHOP}/cat.jpg"), []),
        (same(*at("/p/{}.jpg", 4), engines=("urls",)), []),
        (same(*at("/p/{}.jpg", 4), engines=("uploads",)), []),
        (same(*at("/p/{}.jpg", 4), engines=("urls", "openverse")), [("img.shop.example", 4)]),
        (same(*at("/p/{}.jpg", 4), "https://b.example/1.jpg"), [("img.shop.example", 4)]),
        (spread(20), []),
        (
            same(*at("/5/{}.jpg", 3, "https://i.imgur.com"), final="https://i.imgur.com/r.png"),
            [("i.imgur.com", 3)],
        ),
    ],
    ids=[
        "a-host",
        "a-port",
        "redirects",
        "redirects-within-a-site",
        "redirects-to-somebody-else",
        "own-list",
        "uploaded-list",
        "also-found",
        "copies",
        "many-sites",
        "platform-by-redirects",
    ],
)
def test_what_other_jobs_learn(verdicts, learned):
    """A host's own doing, at addresses that search engines gave: nobody can make it up."""
    found = find_placeholders(verdicts).learned
    assert [(one.host, one.addresses) for one in found] == learned


def test_a_platform_teaches_nothing_by_names():
    """Anybody can put a picture at a platform many times: other jobs do not learn of it."""
    urls = at("/5/{}_a.jpg", 12, "https://live.staticflickr.com")
    verdicts = [
        pictures.given(n, url, picture=1, keyword=f"word {n % 3}", category=f"kind {n % 2}")
        for n, url in enumerate(urls)
    ]
    assert is_found(verdicts)
    assert find_placeholders(verdicts).learned == ()


def test_a_platform_teaches_nothing_by_what_was_merged():
    """Redirects to a picture that is also asked for there say nothing of the platform."""
    urls = at("/5/{}_a.jpg", 12, "https://live.staticflickr.com")
    verdicts = [
        pictures.given(
            n, url, urls[0] if n > 8 else None, picture=1, keyword=f"{n % 3}", category=f"{n % 2}"
        )
        for n, url in enumerate(urls)
    ]
    assert is_found(verdicts)
    assert find_placeholders(verdicts).learned == ()


def test_an_own_list_adds_nothing_to_what_others_learn():
    """Three addresses that engines gave do not become four by one that a user wrote."""
    verdicts = same(*at("/p/{}.jpg", 3))
    verdicts.append(pictures.given(9, f"{SHOP}/p/999.jpg", picture=1000, engines=("urls",)))
    assert is_found(verdicts)
    assert find_placeholders(verdicts).learned == ()


def test_what_is_known_is_confirmed():
    """Bodies refused as known count as seen, with the last time; they are left out already."""
    verdicts = [known(one) for one in same(*at("/p/{}.jpg", 4))]
    late = verdicts[2].outcome.visit.model_copy(update={"at": SEEN_AT + timedelta(hours=1)})
    outcome = verdicts[2].outcome.model_copy(update={"visit": late})
    verdicts[2] = verdicts[2].model_copy(update={"outcome": outcome})
    found = find_placeholders(verdicts)
    sha256 = some_facts(1000).sha256
    assert found.stand_ins == ()
    assert found.learned == (Placeholder("img.shop.example", sha256, 4, late.at),)
    assert find_placeholders(verdicts[:3]).learned == ()


def test_nothing_is_learned_without_a_visit():
    """Verdicts of an earlier version say no time: their placeholders go, and teach nobody."""
    verdicts = [
        one.model_copy(update={"outcome": one.outcome.model_copy(update={"visit": None})})
        for one in same(*at("/p/{}.jpg", 4))
    ]
    assert is_found(verdicts)
    assert find_placeholders(verdicts).learned == ()
