"""Engines are sampled side by side, shortly, each index once, and trouble is kept."""

from __future__ import annotations

import threading

import pytest

from pixcrawler.domain.engine import Access, EngineCard, EngineStatus
from pixcrawler.domain.job import JobSpec
from pixcrawler.domain.source import Provenance, SearchQuery
from pixcrawler.pipeline.engines.ports import Find, Page
from pixcrawler.pipeline.expand import queries_of
from pixcrawler.pipeline.outlook.sampling import sampled

BLOCKED = Page(EngineStatus.BLOCKED, detail="no")


class Shop:
    """An engine that gives ``page(text)`` and remembers what it was asked."""

    def __init__(self, name, page, **facts):
        self.card = EngineCard(name=name, title=name, access=Access.OPEN, **facts)
        self.page = page
        self.asked = []

    def search(self, query, cursor, filters):
        """The page."""
        assert cursor is None
        self.asked.append(query.text)
        return self.page(query.text)


def a_page(*names, more=True, **facts):
    """A page of pictures."""
    finds = tuple(
        Find(
            f"https://p.example/{name.replace(chr(32), chr(45))}",
            Provenance(engine="local"),
            **facts,
        )
        for name in names
    )
    return Page(EngineStatus.OK, finds, "2" if more else None, total=99)


@pytest.fixture
def ask():
    """Sample engines for a job of three keywords with two variations each."""

    def run(*engines, timeout_s=20.0, **fields):
        known = {engine.card.name: engine for engine in engines}
        words = {word: (word,) for word in ("robin", "wren", "eagle")}
        made = {"name": "birds", "categories": words, "expand": {"per_keyword": 2}}
        spec = JobSpec.model_validate({**made, "engines": tuple(known), **fields})
        return sampled(spec, queries_of(spec), known, timeout_s)

    return run


def test_few_queries_are_asked(ask):
    """Two keywords as they are and one variation of the first: three requests an engine."""
    shop = Shop("aa", a_page)
    [sample] = ask(shop)
    assert shop.asked == ["robin", "wren", "robin photo"]
    assert len(sample.queries) == 9
    assert [(t.listed, t.has_more, t.total, len(t.keys)) for t in sample.tastes] == [
        (1, True, 99, 1)
    ] * 3


def test_a_variation_is_asked_only_beside_its_keyword():
    """What one adds can be seen only where the keyword itself was asked, and it is the first."""
    queries = [
        SearchQuery(text=text, keyword=text.split()[0], category="birds", expansion=expansion)
        for text, expansion in [("robin", 0), ("wren", 0), ("eagle", 0), ("eagle photo", 1)]
    ]
    shop = Shop("aa", a_page)
    spec = JobSpec.model_validate({"name": "birds", "engines": ("aa",)})
    sampled(spec, queries, {"aa": shop})
    assert shop.asked == ["robin", "wren"]


def test_pictures_count_once_and_only_if_wanted(ask):
    """The same address twice is one find; what is far too small is none."""
    [sample] = ask(Shop("aa", lambda text: a_page("a", "a?utm_source=x", "b")))
    assert len(sample.keys) == 2
    [small] = ask(Shop("aa", lambda text: a_page("a", width=10, height=10)))
    assert small.keys == frozenset()
    assert small.tastes[0].listed == 1


def test_what_a_job_would_keep_is_counted(ask):
    """A small copy of a known original is wanted; an address that is never fetched is not."""
    small = "https://upload.wikimedia.org/wikipedia/commons/thumb/1/12/A.jpg/90px-A.jpg"
    finds = [
        Find(url, Provenance(engine="local"), width=90, height=60, bytes_hint=9)
        for url in (small, "https://p.example/small", "javascript:x")
    ]
    page = Page(EngineStatus.OK, tuple(finds))
    [sample] = ask(Shop("aa", lambda text: page))
    assert (len(sample.keys), sample.tastes[0].stated_bytes) == (1, (9,))


def test_an_index_is_asked_once(ask):
    """Of two engines of one index the first is asked, and the other says who stands for it."""
    first = Shop("aa", a_page, index="world")
    second = Shop("bb", a_page, index="world")
    samples = ask(first, second)
    assert second.asked == []
    assert [one.stands_by_for for one in samples] == [None, "aa"]


def test_the_next_of_an_index_steps_in(ask):
    """When the first of an index is in trouble, the second is asked."""
    second = Shop("bb", a_page, index="world")
    samples = ask(Shop("aa", lambda text: BLOCKED, index="world"), second)
    assert samples[0].trouble == BLOCKED
    assert len(second.asked) == 3
    assert samples[1].stands_by_for is None


def test_trouble_ends_the_questions(ask):
    """What came before the trouble counts; nothing is asked after it."""
    shop = Shop("aa", lambda text: a_page(text) if text == "robin" else BLOCKED)
    [sample] = ask(shop)
    assert shop.asked == ["robin", "wren"]
    assert (len(sample.tastes), sample.trouble) == (1, BLOCKED)


def test_nobody_waits_for_a_slow_engine(ask):
    """An engine without an answer in time is in trouble; the others are not held up by it."""
    is_over = threading.Event()

    def stuck(text):
        is_over.wait(60)
        return a_page(text)

    slow, fast = Shop("aa", stuck), Shop("bb", a_page)
    try:
        samples = ask(slow, fast, timeout_s=0.3)
    finally:
        is_over.set()
    assert samples[0].trouble.status is EngineStatus.FAILED
    assert "did not answer within" in samples[0].trouble.detail
    assert samples[0].tastes == []
    assert len(samples[1].tastes) == 3


def test_once_nobody_waits_nobody_is_asked(ask):
    """The answer that came too late was the engine's last."""
    is_over, threads = threading.Event(), []

    def stuck(text):
        threads.append(threading.current_thread())
        is_over.wait(60)
        return a_page(text)

    slow = Shop("aa", stuck)
    try:
        ask(slow, timeout_s=0.3)
    finally:
        is_over.set()
    threads[0].join(60)
    assert slow.asked == ["robin"]


def test_of_a_slow_index_only_who_was_asked_is_slow(ask):
    """Nothing is said of an engine that nobody asked: it stands by for the slow one."""
    is_over = threading.Event()

    def stuck(text):
        is_over.wait(60)
        return a_page(text)

    shops = [
        Shop("aa", lambda text: BLOCKED, index="world"),
        Shop("bb", stuck, index="world"),
        Shop("cc", a_page, index="world"),
    ]
    try:
        samples = ask(*shops, timeout_s=0.5)
    finally:
        is_over.set()
    assert samples[0].trouble is BLOCKED
    assert samples[1].trouble.detail.startswith("bb did not answer within")
    assert (samples[2].trouble, samples[2].stands_by_for) == (None, "bb")


def test_a_desk_that_is_away_is_an_error(ask):
    """What is our own trouble is not told as the engine's."""

    def broken(text):
        raise ConnectionError(text)

    with pytest.raises(ConnectionError):
        ask(Shop("aa", broken))


def test_the_users_own_list_is_counted(ask):
    """A list of addresses is all there: nothing is asked, each picture counts once."""
    engine = Shop("urls", lambda text: BLOCKED)
    urls = ("https://p.example/a", "https://p.example/a#x", "https://p.example/b")
    [sample] = ask(engine, categories={}, urls={"mine": urls})
    assert engine.asked == []
    assert [(len(one.keys), one.has_more) for one in sample.tastes] == [(2, False)]
