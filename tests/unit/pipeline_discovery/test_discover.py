"""Rounds of discovery: enough, fair, and each picture once."""

from __future__ import annotations

from collections import Counter

from pixcrawler.adapters.engines.urls import UrlsEngine
from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.storage import candidates_ref, discovery_ref
from pixcrawler.pipeline.engines.ports import Page
from pixcrawler.pipeline.limits import CHUNK_IMAGES, MIN_ROUND_CANDIDATES
from tests.unit.pipeline_discovery.engines import Broken, Catalogue, find

JOB = "job-1"


def test_a_round_gives_about_what_is_wanted(rounds):
    """Half as much again as is wanted, in full chunks, and it says that there is more."""
    rounds.start([Catalogue("one", {"owl": 500})], categories={"birds": ["owl"]})
    found = rounds.run(wanted=100)
    assert (found.candidates, found.chunks, found.exhausted) == (150, 5, False)
    listed = rounds.candidates(0, found)
    assert [c.rank for c in listed] == list(range(150))
    assert listed[0].url == "https://p.example/one/owl/0"
    assert (listed[0].category, listed[0].keyword, listed[0].query) == ("birds", "owl", "owl")


def test_a_small_wish_is_worth_a_round(rounds):
    """At least two chunks are looked for, and no more than that."""
    rounds.start([Catalogue("one", {"owl": 500})], categories={"birds": ["owl"]})
    assert rounds.run(wanted=1).candidates == MIN_ROUND_CANDIDATES


def test_chunks_cover_the_candidates_exactly(rounds, blobs):
    """Every chunk but the last is full; together they are the round."""
    rounds.start([Catalogue("one", {"owl": 70})], categories={"birds": ["owl"]})
    found = rounds.run(wanted=100)
    sizes = [
        len(blobs.get(candidates_ref(JOB, 0, chunk)).splitlines()) for chunk in range(found.chunks)
    ]
    assert sizes == [CHUNK_IMAGES, CHUNK_IMAGES, 6]
    assert found.exhausted


def test_every_picture_comes_once_over_all_rounds(rounds):
    """Rounds until exhausted give every picture of every query exactly once."""
    catalogue = Catalogue("one", {"owl": 230, "kite": 90}, page_size=50)
    rounds.start([catalogue], categories={"birds": ["owl", "kite"]})
    urls = [c.url for c in rounds.all(wanted=40)]
    assert len(urls) == len(set(urls)) == 320


def test_ranks_go_on_over_rounds(rounds):
    """Ranks are places in the whole job's list."""
    rounds.start([Catalogue("one", {"owl": 230})], categories={"birds": ["owl"]})
    assert [c.rank for c in rounds.all(wanted=40)] == list(range(230))


def test_categories_keywords_and_engines_take_turns(rounds):
    """A rich category, keyword or engine does not crowd out a poor one."""
    rounds.start(
        [
            Catalogue("one", {"owl": 400, "kite": 400, "oak": 400}, page_size=100),
            Catalogue("two", {"owl": 400, "kite": 400, "oak": 400}, page_size=50),
        ],
        categories={"birds": ["owl", "kite"], "trees": ["oak"]},
    )
    listed = rounds.candidates(0, rounds.run(wanted=80))
    assert Counter(c.category for c in listed) == {"birds": 60, "trees": 60}
    assert Counter(c.keyword for c in listed) == {"owl": 30, "kite": 30, "oak": 60}
    assert Counter(c.provenance.engine for c in listed) == {"one": 60, "two": 60}
    assert [(c.keyword, c.provenance.engine) for c in listed[:4]] == [
        ("owl", "one"),
        ("oak", "one"),
        ("kite", "one"),
        ("oak", "two"),
    ]


def test_a_poor_category_leaves_its_places_to_others(rounds):
    """When one keyword has little, the others fill the round."""
    rounds.start(
        [Catalogue("one", {"owl": 5, "oak": 400})],
        categories={"birds": ["owl"], "trees": ["oak"]},
    )
    listed = rounds.candidates(0, rounds.run(wanted=100))
    assert Counter(c.keyword for c in listed) == {"owl": 5, "oak": 145}


def test_few_wanted_of_many_keywords_asks_few(rounds):
    """Two hundred keywords and a small wish do not mean two hundred requests."""
    words = [f"word{n}" for n in range(200)]
    engine = Catalogue("one", dict.fromkeys(words, 100))
    rounds.start([engine], categories={"c": words})
    rounds.run(wanted=10)
    assert len(engine.asked) <= MIN_ROUND_CANDIDATES


def test_what_was_given_is_not_asked_for_again(rounds):
    """What a page gave beyond the round is kept for the next: no request is made twice."""
    engine = Catalogue("one", {"owl": 300}, page_size=100)
    rounds.start([engine], categories={"birds": ["owl"]})
    rounds.all(wanted=20)
    assert len(engine.asked) == len(set(engine.asked)) == 3


def test_one_picture_of_two_engines_is_one_candidate(rounds, jobs):
    """The same address found twice is merged, and both sources are named."""
    name_of = lambda text, number: f"shared/{number}"  # noqa: E731 - shared by two engines
    rounds.start(
        [
            Catalogue("one", {"owl": 40}, name_of=name_of),
            Catalogue("two", {"owl": 40}, name_of=name_of),
        ],
        categories={"birds": ["owl"]},
    )
    listed = rounds.all(wanted=100)
    assert len(listed) == 40
    assert {c.provenance.engine for c in listed} == {"one"}
    assert all([p.engine for p in c.also_found] == ["two"] for c in listed)
    assert {r.engine: r.candidates for r in jobs.engines(JOB)} == {"one": 40, "two": 40}


def test_engines_that_overlap_are_asked_for_more(rounds):
    """Finds that several engines share do not make a round fall short."""
    sizes = {"owl": 1000}
    rounds.start(
        [
            Catalogue("one", sizes, name_of=lambda text, n: f"{n}"),
            Catalogue("two", sizes, name_of=lambda text, n: f"{n + 20}"),
        ],
        categories={"birds": ["owl"]},
    )
    assert rounds.run(wanted=100).candidates == 150


def test_variations_are_asked_only_when_the_keyword_is_used_up(rounds):
    """A variation costs a request only when the plain keyword has no more."""
    engine = Catalogue("one", {"owl": 70, "owl photo": 60, "owls": 60})
    rounds.start(
        [engine], categories={"birds": ["owl"]}, expand={"mode": "templates", "per_keyword": 2}
    )
    rounds.run(wanted=40)
    assert {text for text, _, _ in engine.asked} == {"owl"}
    rounds.run(wanted=60)
    assert "owl photo" in {text for text, _, _ in engine.asked}


def test_addresses_that_are_never_fetched_are_no_candidates(rounds):
    """Data addresses, other schemes and user names are left out before download."""
    urls = [
        "data:image/png;base64,AA",
        "ftp://p.example/a",
        "http://u@p.example/",
        "http://p.example/a",
    ]
    page = Page(EngineStatus.OK, tuple(find("one", url) for url in urls))
    rounds.start([Broken("one", page)], categories={"birds": ["owl"]})
    assert [c.url for c in rounds.all(wanted=10)] == ["http://p.example/a"]


def test_safe_search_is_passed_on(rounds):
    """The engine is told what the job file says."""
    engine = Catalogue("one", {"owl": 1})
    rounds.start([engine], categories={"birds": ["owl"]}, filters={"safe_search": False})
    rounds.run(wanted=10)
    assert engine.asked == [("owl", None, False)]


def test_ten_thousand_addresses_of_a_list(rounds):
    """A long list of the user's own comes whole, in its order, over the rounds."""
    urls = [f"https://p.example/{n}.jpg" for n in range(10_000)]
    rounds.start([UrlsEngine()], urls={"mine": urls}, max_images=10_000)
    assert [c.url for c in rounds.all(wanted=3000)] == urls


def test_addresses_of_a_list_are_fetched_as_they_are(rounds):
    """Whoever names a small copy wants that one, and in the place where it was named."""
    urls = [
        "https://encrypted-tbn0.gstatic.com/images?q=tbn:1",
        "https://upload.wikimedia.org/wikipedia/commons/thumb/1/12/A.jpg/90px-A.jpg",
        "https://p.example/large.jpg",
    ]
    rounds.start([UrlsEngine()], urls={"mine": urls})
    found = rounds.all(wanted=3)
    assert [(one.url, one.alternatives) for one in found] == [(url, ()) for url in urls]


def test_a_list_and_keywords_go_to_their_own_engines(rounds):
    """The list's engine is never asked words, nor the others a list."""
    one = Catalogue("one", {"owl": 10})
    rounds.start(
        [one, UrlsEngine()],
        engines=["one", "urls"],
        categories={"birds": ["owl"]},
        urls={"mine": ["https://q.example/1.jpg"]},
    )
    listed = rounds.all(wanted=10)
    assert Counter((c.category, c.provenance.engine) for c in listed) == {
        ("birds", "one"): 10,
        ("mine", "urls"): 1,
    }
    assert {text for text, _, _ in one.asked} == {"owl"}


def test_the_state_stays_small(rounds, blobs):
    """What is remembered of 3,000 candidates is some ten bytes each."""
    rounds.start([Catalogue("one", {"owl": 3000}, page_size=100)], categories={"birds": ["owl"]})
    rounds.run(wanted=2000)
    assert len(blobs.get(discovery_ref(JOB, 0))) < 3000 * 11 + 2000


def test_an_engine_that_looks_names_up_is_asked_for_names_alone(rounds):
    """Views and places beside the keyword cost it no request; other engines are asked for them."""
    names = Catalogue("names", {"owl": 10})
    names.card = names.card.model_copy(update={"names_only": True})
    words = Catalogue("words", {"owl": 10, "owl photo": 10})
    rounds.start([names, words], categories={"birds": ["owl"]}, expand={"mode": "templates"})
    rounds.run(wanted=100)
    assert {text for text, *_ in names.asked} == {"owl"}
    assert {"owl", "owl photo"} <= {text for text, *_ in words.asked}
