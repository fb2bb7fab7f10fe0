"""Sharding: past an engine's cap the same text is asked again in narrower parts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from pixcrawler.domain.engine import Access, EngineCard, EngineStatus, Honour
from pixcrawler.domain.filters import FilterName, Filters
from pixcrawler.domain.storage import discovery_ref
from pixcrawler.pipeline.discovery.shards import FIRST_YEAR, Shards
from pixcrawler.pipeline.engines.ports import Page
from pixcrawler.pipeline.limits import MAX_PARTS, MAX_POOR_PARTS
from tests.unit.pipeline_discovery.engines import Capped, Catalogue

TODAY = date(2026, 5, 1)
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
JOB = "job-1"
SIZES = ("small", "medium", "large", "huge")


def a_card(*shards, honour=Honour.SEARCHED, **more):
    """An engine that can look for what it shards by."""
    return EngineCard(
        name="one",
        title="One",
        access=Access.OPEN,
        filters=dict.fromkeys(shards, honour),
        shards=shards,
        **more,
    )


def parts(card, *, is_capped=lambda filters: True, today=TODAY, most=10_000, **filters):
    """Every part in the order of asking, the whole first."""
    shards = Shards(card, Filters(**filters), today)
    path, asked = [], []
    while path is not None:
        asked.append(shards.at(path))
        assert len(asked) <= most
        path = shards.after(path, is_capped=is_capped(asked[-1]))
    return asked


def test_a_query_that_is_not_capped_has_no_parts():
    """Who gave everything is not asked again."""
    assert len(parts(a_card(FilterName.SIZE), is_capped=lambda _: False)) == 1


def test_parts_follow_the_cards_order():
    """Each size, and in each size that is still too much, each type."""
    asked = parts(
        a_card(FilterName.SIZE, FilterName.TYPE),
        is_capped=lambda one: one.size in ("any", "large"),
        min_width=1,
        min_height=1,
    )
    assert [(one.size, one.type) for one in asked] == [
        ("any", "any"),
        ("small", "any"),
        ("medium", "any"),
        ("large", "any"),
        *(("large", kind) for kind in ("photo", "clipart", "drawing", "face")),
        ("huge", "any"),
    ]


def test_parts_never_contradict_the_job():
    """What the job asks for stays as it is, and sizes below its least are not asked for."""
    card = a_card(*FilterName)
    wish = {"color": "red", "min_width": 1000, "min_height": 1000, "license": "free"}
    wish |= {"since": date(2020, 3, 1), "until": date(2020, 5, 15), "max_aspect_ratio": 1.05}
    asked = parts(card, **wish)
    assert {one.size for one in asked} == {"any", "large", "huge"}
    assert {one.color for one in asked} == {"red"}
    assert {one.license for one in asked} == {"free"}
    assert {one.aspect for one in asked} == {"any"}
    assert {one.safe_search for one in asked} == {True}
    assert all(one.since >= date(2020, 3, 1) for one in asked)
    assert all(one.until <= date(2020, 5, 15) for one in asked)
    assert len(asked) > 20


def test_only_what_the_engine_looks_for_makes_parts():
    """A filter that we would have to sift by gives nothing new, nor does a value it lacks."""
    assert len(parts(a_card(FilterName.SIZE, honour=Honour.SIFTED))) == 1
    card = a_card(FilterName.TYPE, lacks={FilterName.TYPE: ("face", "drawing")})
    assert [one.type for one in parts(card)] == ["any", "photo", "clipart"]


def test_a_language_is_none_of_another_region():
    """Languages make parts only where the job asks for no region and no language."""
    card = a_card(FilterName.LANGUAGE)
    assert len(parts(card)) > 5
    assert len(parts(card, region="de")) == 1
    assert len(parts(card, language="de")) == 1


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (None, None),
        (date(2019, 5, 20), None),
        (None, date(2011, 2, 3)),
        (date(2014, 1, 1), date(2014, 12, 31)),
    ],
)
def test_days_are_cut_into_halves_without_gap_or_overlap(since, until):
    """Down to single months every day that was wished is in exactly one last part."""
    asked = parts(a_card(FilterName.DATE), since=since, until=until)
    shards = [
        one
        for one in asked
        if not any(_is_within(other, one) for other in asked if other is not one)
    ]
    ranges = sorted((one.since or date.min, one.until or date.max) for one in shards)
    assert ranges[0][0] == (since or date.min)
    assert ranges[-1][1] == (until or date.max)
    for (_, before), (after, _) in pairwise(ranges):
        assert after - before == timedelta(days=1)
    assert all(
        (last - first).days < 31 for first, last in ranges if first > date.min and last < date.max
    )


def _is_within(small, large):
    return (small.since or date.min) >= (large.since or date.min) and (small.until or date.max) <= (
        large.until or date.max
    )


def test_days_need_a_today():
    """A story that an earlier version began does not know the day: it cuts no days."""
    assert len(parts(a_card(FilterName.DATE), today=None)) == 1
    assert len(parts(a_card(FilterName.DATE), since=date(2027, 1, 1))) == 1
    assert len(parts(a_card(FilterName.DATE), until=date(FIRST_YEAR - 1, 1, 1))) == 1


def test_past_the_cap_every_picture_is_found(rounds):
    """An engine that shows 100 of 400 gives all of them in parts, each once."""
    pictures = [{"size": SIZES[1 + n % 3]} for n in range(270)]
    engine = Capped("one", pictures, cap=100, filters={"size": "searched"}, shards=("size",))
    rounds.start([engine], categories={"birds": ["owl"]})
    found = rounds.all(wanted=400)
    assert len({one.key for one in found}) == len(found) == 270
    assert {filters.size for _, _, filters in engine.asked} == {"any", *SIZES}
    assert {one.query for one in found} == {"owl"}


def test_a_part_that_is_too_much_is_cut_again(rounds):
    """Sizes, then days: deep enough that no part is over the cap."""
    pictures = [
        {"size": "large", "published": date(2006 + n % 20, 1 + n // 20 % 12, 5)} for n in range(900)
    ]
    engine = Capped(
        "one",
        pictures,
        cap=100,
        says_total=True,
        filters={"size": "searched", "date": "searched"},
        shards=("size", "date"),
    )
    rounds.start([engine], categories={"birds": ["owl"]})
    assert len(rounds.all(wanted=900, at=NOW)) == 900


def test_parts_are_asked_only_when_more_is_wanted(rounds):
    """A cap that is no trouble costs no request."""
    engine = Capped(
        "one", [{"size": "large"}] * 400, cap=100, filters={"size": "searched"}, shards=("size",)
    )
    rounds.start([engine], categories={"birds": ["owl"]})
    rounds.run(wanted=40)
    assert len(engine.asked) == 2


def test_an_engine_that_says_it_gave_everything_is_believed(rounds):
    """Exactly as many as the cap, and no more: no part is asked."""
    engine = Capped(
        "one",
        [{"size": "large"}] * 100,
        cap=100,
        says_total=True,
        filters={"size": "searched"},
        shards=("size",),
    )
    rounds.start([engine], categories={"birds": ["owl"]})
    assert len(rounds.all(wanted=200)) == 100
    assert len(engine.asked) == 2


def test_what_an_engine_leaves_out_itself_is_no_cap(rounds):
    """Fewer finds than the engine counts, but all that it would show: no part is asked."""

    class Choosy(Catalogue):
        def search(self, query, cursor, filters):
            page = super().search(query, cursor, filters)
            return Page(page.status, page.finds[::4], page.next_cursor, total=400)

    card = {"filters": {"size": "searched"}, "shards": ("size",)}
    engine = Choosy("one", {"owl": 400}, page_size=100, max_results=4000, **card)
    rounds.start([engine], categories={"birds": ["owl"]})
    assert len(rounds.all(wanted=400)) == 100
    assert len(engine.asked) == 4


def test_more_than_is_given_is_a_cap_where_the_card_knows_none(rounds):
    """The engine's own total tells, when it ends long before."""

    class Shy(Catalogue):
        def search(self, query, cursor, filters):
            page = super().search(query, cursor, filters)
            return Page(page.status, page.finds, page.next_cursor, total=400)

    card = {"filters": {"size": "searched"}, "shards": ("size",)}
    engine = Shy("one", {"owl": 100}, page_size=100, **card)
    rounds.start([engine], categories={"birds": ["owl"]})
    rounds.all(wanted=400)
    assert len(engine.asked) > 1


def test_parts_that_give_nothing_new_end_the_query(rounds):
    """An engine that ignores its own filters is not asked for every colour."""
    card = {"filters": {"color": "searched"}, "shards": ("color",), "max_results": 100}
    engine = Catalogue("one", {"owl": 100, "owls": 30}, page_size=50, **card)
    rounds.start([engine], categories={"birds": ["owl", "owls"]})
    assert len(rounds.all(wanted=300)) == 130
    asked = [text for text, _, _ in engine.asked]
    assert asked.count("owl") <= 2 + 2 * MAX_POOR_PARTS


def test_a_part_that_only_turns_pages_is_left(rounds):
    """Empty answers that always name a next page do not hold a part up."""

    class Turning(Catalogue):
        def search(self, query, cursor, filters):
            page = super().search(query, cursor, filters)
            if filters.size == "any":
                return page
            finds = () if cursor else page.finds[:10]
            return Page(EngineStatus.OK, finds, f"{len(self.asked)}")

    card = {"filters": {"size": "searched"}, "shards": ("size",), "max_results": 100}
    engine = Turning("one", {"owl": 100}, page_size=50, **card)
    rounds.start([engine], categories={"birds": ["owl"]})
    assert len(rounds.all(wanted=300)) == 100
    assert len(engine.asked) < 30


def test_parts_have_an_end(rounds):
    """However an engine lies about its totals, a query is asked in so many parts at most."""

    class Endless(Catalogue):
        def search(self, query, cursor, filters):
            self.name_of = lambda text, number: f"{len(self.asked)}/{number}"
            return super().search(query, cursor, filters)

    card = {"filters": {"size": "searched", "date": "searched"}, "shards": ("size", "date")}
    engine = Endless("one", {"owl": 100}, page_size=100, max_results=100, **card)
    rounds.start([engine], categories={"birds": ["owl"]})
    rounds.all(wanted=5000, at=NOW)
    assert MAX_PARTS <= len(engine.asked) <= MAX_PARTS + 2


def test_where_it_stands_in_parts_survives_rounds(rounds, blobs):
    """The next round, in another process, goes on with the part where this one stopped."""
    pictures = [{"size": SIZES[1 + n % 3]} for n in range(290)]
    engine = Capped("one", pictures, cap=100, filters={"size": "searched"}, shards=("size",))
    rounds.start([engine], categories={"birds": ["owl"]})
    assert len(rounds.all(wanted=43)) == 290
    asked = [(cursor, filters.size) for _, cursor, filters in engine.asked]
    assert len(asked) == len(set(asked))
    assert len(blobs.get(discovery_ref(JOB, 0))) < 10_000
