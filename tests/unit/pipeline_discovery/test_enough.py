"""Enough and no more: budgets, saturation, and an end that says why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pixcrawler.adapters.engines.urls import UrlsEngine
from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.job import BUDGET_MAX
from pixcrawler.pipeline.engines.ports import Page
from pixcrawler.pipeline.payloads import Stop
from pixcrawler.pipeline.ports import ChunkCounts
from tests.unit.pipeline_discovery.engines import Broken, Catalogue, find

JOB = "job-1"


def requests(jobs):
    """What each engine was asked, by the job's own count."""
    return {report.engine: report.requests for report in jobs.engines(JOB)}


def test_requests_are_counted(rounds, jobs):
    """Every request of every page, over rounds, as the engine's page says."""

    class Costly(Catalogue):
        def search(self, query, cursor, filters):
            page = super().search(query, cursor, filters)
            return Page(page.status, page.finds, page.next_cursor, requests=7)

    rounds.start([Costly("one", {"owl": 100})], categories={"birds": ["owl"]})
    rounds.all(wanted=20)
    assert requests(jobs) == {"one": 35}


def test_the_largest_budget_is_as_good_as_none(rounds):
    """Whatever number a job file may have can be reckoned with."""
    budget = dict.fromkeys(("max_requests", "max_candidates", "max_bytes"), BUDGET_MAX)
    rounds.start([Catalogue("one", {"owl": 90})], categories={"birds": ["owl"]}, budget=budget)
    assert len(rounds.all(wanted=600)) == 90
    assert rounds.last.stop is Stop.USED_UP


@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_a_budget_of_requests_is_kept(rounds, jobs, most):
    """Shared out over the engines, and used to the last one where somebody needs it."""
    engines = [Catalogue("one", {"owl": 1000}), Catalogue("two", {"owl": 1000})]
    rounds.start(engines, categories={"birds": ["owl"]}, budget={"max_requests": most})
    found = rounds.all(wanted=600)
    assert sum(requests(jobs).values()) == sum(len(one.asked) for one in engines) == most
    assert (rounds.last.stop, len(found)) == (Stop.MAX_REQUESTS, 20 * most)


def test_requests_that_one_engine_does_not_need_are_for_others(rounds, jobs):
    """An engine with little does not use up its share of the budget."""
    engines = [Catalogue("one", {"owl": 20}), Catalogue("two", {"owl": 1000})]
    rounds.start(engines, categories={"birds": ["owl"]}, budget={"max_requests": 10})
    assert len(rounds.all(wanted=600)) == 200
    assert requests(jobs) == {"one": 1, "two": 9}


def test_a_list_of_ones_own_costs_no_requests(rounds):
    """A budget of requests to engines is none for the person's own addresses."""
    urls = [f"https://p.example/{n}" for n in range(1200)]
    rounds.start([UrlsEngine()], urls={"mine": urls}, budget={"max_requests": 1})
    assert len(rounds.all(wanted=600)) == 1200


def test_a_budget_of_candidates_is_kept(rounds):
    """Over all rounds, exactly."""
    rounds.start(
        [Catalogue("one", {"owl": 1000})],
        categories={"birds": ["owl"]},
        budget={"max_candidates": 140},
    )
    found = rounds.all(wanted=40)
    assert [one.rank for one in found] == list(range(140))
    assert rounds.last.stop is Stop.MAX_CANDIDATES


def test_a_budget_of_bytes_ends_the_search_between_rounds(rounds, jobs):
    """The round that passes it is finished; the next asks nobody."""
    engine = Catalogue("one", {"owl": 1000})
    rounds.start([engine], categories={"birds": ["owl"]}, budget={"max_bytes": 1000})
    first = rounds.run(wanted=40)
    jobs.chunk_validated(JOB, 0, 0, ChunkCounts(32, 32, 0, 999))
    second = rounds.run(wanted=40)
    jobs.chunk_validated(JOB, 1, 0, ChunkCounts(32, 32, 0, 1))
    asked = len(engine.asked)
    third = rounds.run(wanted=40)
    assert [one.stop for one in (first, second, third)] == [None, None, Stop.MAX_BYTES]
    assert (third.exhausted, third.candidates, third.chunks) == (True, 0, 0)
    assert len(engine.asked) == asked


def test_used_up_is_said(rounds, jobs):
    """An engine that gave all it has says so, and so does the search."""
    rounds.start([Catalogue("one", {"owl": 30})], categories={"birds": ["owl"]})
    rounds.all(wanted=100)
    assert rounds.last.stop is Stop.USED_UP
    [report] = jobs.engines(JOB)
    assert (report.is_used_up, report.saturated) == (True, 0)


def drying(name, fresh, *, page_size=50):
    """An engine that after ``fresh`` pictures repeats itself, but for one in fifty."""
    name_of = lambda text, n: f"{name}/{n if n < fresh or n % 50 == 0 else n % fresh}"  # noqa: E731 - an argument
    return Catalogue(name, {"owl": 5000, "owls": 60}, page_size=page_size, name_of=name_of)


def test_a_query_that_gives_hardly_anything_new_is_left(rounds, jobs):
    """One new picture in fifty is not worth a request: the next query is asked instead."""
    engine = drying("one", 400)
    rounds.start([engine], categories={"birds": ["owl", "owls"]})
    rounds.all(wanted=2000)
    asked = [text for text, _, _ in engine.asked]
    assert asked.count("owl") <= 400 / 50 + 3
    [report] = jobs.engines(JOB)
    assert report.saturated >= 1


def test_one_page_of_known_pictures_ends_no_query(rounds, jobs):
    """However long the page: what a keyword shares with another one often comes first."""
    name_of = lambda text, n: f"{n}" if n < 100 else f"{text}/{n}"  # noqa: E731 - an argument
    engine = Catalogue("one", {"owl": 100, "owls": 400}, page_size=100, name_of=name_of)
    rounds.start([engine], categories={"birds": ["owl", "owls"]})
    assert len(rounds.all(wanted=500)) == 400
    assert jobs.engines(JOB)[0].saturated == 0


def test_known_from_other_engines_is_not_new(rounds, jobs):
    """What another engine gave before saturates a query as well."""
    name_of = lambda text, n: f"{n}"  # noqa: E731 - shared by two engines
    rounds.start(
        [
            Catalogue("one", {"owl": 1000}, page_size=100, name_of=name_of),
            Catalogue("two", {"owl": 1000}, page_size=10, name_of=name_of),
        ],
        categories={"birds": ["owl"]},
    )
    rounds.all(wanted=60)
    assert requests(jobs)["two"] < 30


def test_a_good_query_is_not_left_early(rounds):
    """A share of new pictures above the threshold is worth going on."""
    name_of = lambda text, n: f"{n if n % 10 == 0 else n % 9}"  # noqa: E731 - an argument
    engine = Catalogue("one", {"owl": 1000}, page_size=20, name_of=name_of)
    rounds.start([engine], categories={"birds": ["owl"]})
    rounds.all(wanted=500)
    assert len(engine.asked) == 50


def test_a_list_of_ones_own_is_never_left(rounds):
    """However many addresses of a list are known already, it is read to its end."""
    urls = [f"https://p.example/{n}?utm_source={k}" for k in range(4) for n in range(600)]
    rounds.start([UrlsEngine()], urls={"mine": [*urls, "https://p.example/last"]})
    assert len(rounds.all(wanted=5000)) == 601


def test_pages_that_sifting_empties_are_gone_through_for_a_while(rounds, jobs):
    """A rare licence is looked for on more pages than a repeated answer, but not for ever."""

    class Rare(Catalogue):
        def search(self, query, cursor, filters):
            page = super().search(query, cursor, filters)
            license_ = "by" if int(cursor or 0) == self.page_size * self.good else "by-nc"
            finds = tuple(find("one", one.url, license=license_) for one in page.finds)
            return Page(page.status, finds, page.next_cursor)

    engine = Rare("one", {"owl": 2000})
    engine.good = 6
    rounds.start([engine], categories={"birds": ["owl"]}, filters={"license": "free"})
    assert len(rounds.all(wanted=50)) == 20
    assert 10 < len(engine.asked) < 25
    assert jobs.engines(JOB)[0].sifted > 200


def test_a_source_may_name_its_pictures_itself(rounds):
    """Keys of a source decide what is the same, whatever they look like and wherever it lies."""
    keys = ("0123456789abcdef", "0123456789abcdef", "Foto 1 \u2603", "Foto 2", "Foto 2")
    finds = tuple(
        replace(find("one", f"https://p.example/{n}"), key=key) for n, key in enumerate(keys)
    )
    rounds.start([Broken("one", Page(EngineStatus.OK, finds))], categories={"birds": ["owl"]})
    assert [one.url[-1] for one in rounds.all(wanted=10)] == ["0", "2", "3"]


def test_a_plugin_that_names_another_engine_harms_nobody(rounds, jobs):
    """A find under a wrong name is a candidate all the same."""
    page = Page(EngineStatus.OK, (find("other", "https://p.example/1"),))

    class Liar(Catalogue):
        def search(self, query, cursor, filters):
            return page

    rounds.start([Liar("one", {})], categories={"birds": ["owl"]})
    assert len(rounds.all(wanted=10)) == 1
