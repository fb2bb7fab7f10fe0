"""Every engine of ours reads every page of a town that plays all engines over HTTP."""

from __future__ import annotations

import pytest

from pixcrawler.adapters.engines.registry import BUILT_IN
from pixcrawler.adapters.engines.searcher import Searcher
from pixcrawler.adapters.memory.desk import MemoryDesk
from pixcrawler.adapters.web.calls.api import Api
from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import SearchQuery
from tests.fakes.town.engines import NAMES, house
from tests.fakes.town.server import Said, Town

QUERY = SearchQuery(text="robin", keyword="robin", category="robin")
CLASSES = {engine.card.name: engine for engine in BUILT_IN}
MOST_PAGES = 300


@pytest.fixture
def settle():
    """Opens towns and closes them afterwards."""
    towns = []

    def opened(**houses):
        towns.append(Town(houses))
        return towns[-1]

    yield opened
    for town in towns:
        town.close()


class Generous(MemoryDesk):
    """A desk whose clock is of no interest here: quotas are tested elsewhere."""

    def admit(self, card, patience_s):
        return super().admit(card.model_copy(update={"quotas": (), "access": "open"}), patience_s)


def searcher(town, name):
    key = f"key-of-{name}:cx"
    api = Api("tests@example.org", timeout_s=20)
    return Searcher(CLASSES[name](town.address(name), key), api, Generous())


def everything(engine, query=QUERY):
    """Every find of a query, page by page."""
    finds, cursor = [], None
    for _ in range(MOST_PAGES):
        page = engine.search(query, cursor, Filters())
        assert page.status in (EngineStatus.OK, EngineStatus.EMPTY), page
        finds += page.finds
        cursor = page.next_cursor
        if cursor is None:
            return finds
    raise AssertionError("there is no end")


def test_the_town_plays_every_engine():
    """No web engine of ours is missing from the town, but the stack's own website."""
    assert set(NAMES) == set(CLASSES) - {"local"}


@pytest.mark.parametrize("name", NAMES)
def test_a_query_is_read_to_its_end(name, settle):
    """Over real HTTP every listed picture comes, once, with where and by whom it was found."""
    town = settle(**{name: house(name, 0.15)})
    listed = set(town.houses[name].index.numbers("robin"))
    finds = everything(searcher(town, name))
    numbers = [int(find.url.rpartition("/")[2].partition(".")[0]) for find in finds]
    expected = min(len(listed), town.houses[name].cap, CLASSES[name].card.max_results or 10**9)
    assert len(numbers) == len(set(numbers))
    assert set(numbers) <= listed
    assert len(numbers) >= 0.95 * expected
    assert all(find.provenance.engine == name for find in finds)
    if CLASSES[name].card.licensed:
        assert all(find.provenance.license for find in finds)


@pytest.mark.parametrize("name", NAMES)
def test_a_word_that_nobody_knows_is_empty(name, settle):
    """Nothing found is told as such by every engine."""
    town = settle(**{name: house(name)})
    query = QUERY.model_copy(update={"text": "zyxwv"})
    page = searcher(town, name).search(query, None, Filters())
    assert (page.status, page.finds) == (EngineStatus.EMPTY, ())


@pytest.mark.parametrize("name", NAMES)
def test_a_refusal_in_the_middle_is_told(name, settle):
    """What refuses after it had answered is blocked, whatever it had given."""
    said = Said(b"{}", 429, headers={"Retry-After": "3600"})
    town = settle(**{name: house(name, block_after=0, block=said)})
    page = searcher(town, name).search(QUERY, None, Filters())
    assert (page.status, page.retry_after_s) == (EngineStatus.BLOCKED, 3600)


@pytest.mark.parametrize("name", NAMES)
def test_a_new_look_is_changed(name, settle):
    """A page that nobody knows is told as changed, never as empty."""
    town = settle(**{name: house(name, change_after=0)})
    page = searcher(town, name).search(QUERY, None, Filters())
    assert page.status in (EngineStatus.CHANGED, EngineStatus.BLOCKED), page
    assert page.finds == ()
