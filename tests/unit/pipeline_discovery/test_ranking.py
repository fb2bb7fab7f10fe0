"""The better finds come first, near their place; all finds of one picture become one."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.discovery.addresses import judged
from pixcrawler.pipeline.discovery.ranking import BAND, MAX_ALTERNATIVES, merged, ranked

STEADY = settings(deadline=None, derandomize=True)
OPEN = {"license": "by"}
PIN = "https://i.pinimg.com/236x/ab/cd/ef/0123.jpg"
PIN_ORIGINAL = "https://i.pinimg.com/originals/ab/cd/ef/0123.jpg"
THUMBNAIL = "https://tse1.mm.bing.net/th?id=OIP.abc"


@dataclass(frozen=True)
class Seen:
    """A find."""

    url: str
    provenance: Provenance
    width: int | None = None
    height: int | None = None


def seen(url, width=None, height=None, engine="local", **facts):
    """A find of an engine; a bare name is a picture on a host of no fame."""
    address = url if "://" in url else f"https://p.example/{url}"
    return Seen(address, Provenance(engine=engine, **facts), width, height)


def names(finds):
    """Last part of each address."""
    return "".join(find.url.rsplit("/", 1)[1] for find in finds)


@pytest.mark.parametrize(
    ("finds", "order"),
    [
        ([seen("a"), seen("b")], "ab"),
        ([seen("a"), seen("b", **OPEN)], "ba"),
        ([seen("a", 300, 300), seen("b", 3000, 2000), seen("c", 800, 600)], "bca"),
        ([seen("a", 300, 300), seen("b"), seen("c", 3000, 2000)], "cba"),
        ([seen("a", 4000, 3000), seen("b", 90_000, 90_000)], "ab"),
        ([seen("a", 4000, 3000), seen("b", **OPEN)], "ba"),
        ([seen("a", 0, 5), seen("b", -3, 10**9), seen("c", 3000, 2000)], "cab"),
    ],
    ids=["equal", "licence", "size", "unknown size", "bounded size", "licence first", "odd sizes"],
)
def test_the_better_comes_first(finds, order):
    """Licences and size decide between neighbours; a lie about the size gains little."""
    assert names(ranked(finds)) == order


def test_known_thumbnails_come_last():
    """A search engine's small copy is asked for only when nothing else is left."""
    finds = [seen(THUMBNAIL, **OPEN), *(seen(str(number)) for number in range(3 * BAND))]
    assert ranked(finds)[-1].url == THUMBNAIL


SEEN = st.builds(
    seen,
    st.one_of(
        st.integers(0, 30).map(str), st.sampled_from([PIN, PIN_ORIGINAL, THUMBNAIL]), st.text()
    ),
    st.one_of(st.none(), st.integers(-5, 10_000)),
    st.one_of(st.none(), st.integers(-5, 10_000)),
    engine=st.sampled_from(["aa", "bb", "cc"]),
    license=st.sampled_from([None, "by"]),
)


@STEADY
@given(st.lists(SEEN, max_size=40))
def test_ranking_keeps_everything_near_its_place(finds):
    """Nothing is lost, pictures stay within their band, and ranking twice changes nothing."""
    order = ranked(finds)
    assert sorted(map(id, order)) == sorted(map(id, finds))
    assert ranked(order) == order
    pictures = [find for find in finds if find.url != THUMBNAIL]
    for place, find in enumerate(order[: len(pictures)]):
        band = place // BAND * BAND
        assert any(find is other for other in pictures[band : band + BAND])


@STEADY
@given(st.lists(SEEN, min_size=1, max_size=12))
def test_merging_keeps_every_provenance(finds):
    """Every provenance is kept once; the addresses are few, differ, and lead to what was given."""
    one = merged(finds)
    told = [one.provenance, *one.also_found]
    assert len(told) == len(set(told))
    assert set(told) == {find.provenance for find in finds}
    addresses = [one.url, *one.alternatives]
    assert len(addresses) == len(set(addresses)) <= 1 + MAX_ALTERNATIVES
    given = {find.url for find in finds}
    assert set(addresses) <= given | {judged(url).original for url in given if judged(url)}


def test_the_best_find_leads():
    """An original and a licence go before rank; what was given stays as an alternative."""
    one = merged(
        [
            seen(PIN, engine="aa"),
            seen(PIN, 1000, 800, engine="bb", license="by"),
            seen(f"https://wsrv.nl/?url={PIN}", engine="cc"),
        ]
    )
    assert one.url == PIN_ORIGINAL
    assert one.alternatives == (PIN, f"https://wsrv.nl/?url={PIN}")
    assert (one.width, one.height) == (1000, 800)
    assert [one.provenance.engine, *(found.engine for found in one.also_found)] == [
        "bb", "aa", "cc",
    ]  # fmt: skip


def test_a_small_copy_never_leads():
    """Whatever its licence, a search engine's thumbnail is the last resort."""
    one = merged([seen(THUMBNAIL, **OPEN), seen("a")])
    assert (one.url, one.alternatives) == ("https://p.example/a", (THUMBNAIL,))


def test_the_best_find_that_has_a_size_gives_it():
    """A find that leads by its licence says nothing of the size: another one does."""
    one = merged([seen("a", **OPEN), seen("a", 640, 480)])
    assert (one.provenance.license, one.width, one.height) == ("by", 640, 480)


def test_addresses_that_are_the_same_are_tried_once():
    """Tracking and fragments make no new address."""
    finds = [seen("a?utm_source=x"), seen("a#b"), seen("a"), seen("b?id=1")]
    assert merged(finds).url == "https://p.example/a?utm_source=x"
    assert merged(finds).alternatives == ("https://p.example/b?id=1",)


def test_what_is_not_on_the_web_is_merged_as_it_is():
    """A source of its own kind keeps its addresses, whatever they look like."""
    finds = [Seen("upload:1/cat.jpg", Provenance(engine="uploads"), 10, 10)]
    assert ranked(finds) == finds
    assert merged(finds).url == "upload:1/cat.jpg"
    assert merged(finds).alternatives == ()
