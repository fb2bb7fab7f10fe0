"""Lanes: when a query is asked in parts, when in parts of parts, and when it is left."""

from __future__ import annotations

import pytest

from pixcrawler.domain.engine import Access, EngineCard, EngineStatus, Honour
from pixcrawler.domain.filters import FilterName, Filters
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.discovery.lanes import Found, Gain, Lane
from pixcrawler.pipeline.discovery.shards import Shards
from pixcrawler.pipeline.engines.ports import Page
from pixcrawler.pipeline.limits import MAX_DRY_PAGES, SHARD_MIN_FINDS
from tests.unit.pipeline_discovery.engines import find

BY = (FilterName.SIZE, FilterName.COLOR)
WHOLE, FIRST, NEXT, DEEPER = [], [0], [1], [0, 0]


def taken(lane, *, fresh=0, known=0, cursor="more", total=None, cap=None):
    """Let a lane take one page of an engine that can be asked by size and colour."""
    card = EngineCard(
        name="one",
        title="One",
        access=Access.OPEN,
        filters=dict.fromkeys(BY, Honour.SEARCHED),
        shards=BY,
        max_results=cap,
    )
    finds = tuple(find("one", f"https://p.example/{n}") for n in range(fresh + known))
    new = [
        Found(f"{n:032x}", "https://p.example", 0, Provenance(engine="one")) for n in range(fresh)
    ]
    page = Page(EngineStatus.OK, finds, cursor, total=total)
    lane.take(page, Gain(new, known), Shards(card, Filters()))
    return lane


@pytest.fixture
def lane():
    """At the first page of its only query."""
    return Lane("birds", "owl", queries=[0])


@pytest.mark.parametrize(
    ("given", "total", "is_asked_in_parts"),
    [(100, 119, False), (100, 120, True), (SHARD_MIN_FINDS - 1, 900, False), (100, None, False)],
)
def test_without_a_known_cap_the_engines_total_tells(lane, given, total, is_asked_in_parts):
    """A little more than was given is a miscount; a fifth more was kept back."""
    taken(lane, fresh=given, cursor=None, total=total)
    assert (lane.path == FIRST) is is_asked_in_parts
    assert bool(lane.queries) is is_asked_in_parts


@pytest.mark.parametrize(("given", "is_asked_in_parts"), [(89, False), (90, True), (100, True)])
def test_a_known_cap_that_is_nearly_reached_is_one(lane, given, is_asked_in_parts):
    """Of a hundred results, some could not be read: ninety are as good as all."""
    taken(lane, fresh=given, cursor=None, cap=100)
    assert (lane.path == FIRST) is is_asked_in_parts


@pytest.mark.parametrize(("known", "path"), [(0, NEXT), (SHARD_MIN_FINDS, DEEPER)])
def test_a_part_that_gives_nothing_new_is_cut_only_where_there_is_something(lane, known, path):
    """What stood first in the whole stands first in the part; an empty part has no parts."""
    lane.path = FIRST
    taken(lane, known=known, cursor="2")
    for page in range(1, MAX_DRY_PAGES):
        assert lane.path == FIRST
        taken(lane, cursor=f"{page + 2}")
    assert (lane.path, lane.cursor, lane.given) == (path, None, 0)


def test_a_cursor_that_does_not_move_is_the_end(lane):
    """An engine that names the same page for ever is not asked for it again."""
    taken(lane, fresh=5, cursor="2")
    taken(lane, fresh=5, cursor="2")
    assert lane.queries == []
