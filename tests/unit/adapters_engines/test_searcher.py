"""Searching under the desk's rules: what is repeated, what is waited for, what the desk is told."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from pixcrawler.adapters.engines.searcher import PATIENCE_S, RETRY_PAUSES_S, Searcher
from pixcrawler.adapters.engines.shape import Ask, Engine
from pixcrawler.adapters.memory.desk import MemoryDesk
from pixcrawler.domain.engine import Access, BlockKind, EngineCard, EngineStatus, Quota
from pixcrawler.domain.errors import DatabaseUnavailable, SourceUnavailable
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import SearchQuery
from pixcrawler.pipeline.engines.ports import Answer, OptIn, Page, Request
from tests.fakes.clock import Clock

QUERY = SearchQuery(
    text='"great tit" nest', keyword="tit", category="birds", exclude=("box", "a b")
)
GOOD = Answer(200, b"good")
DOWN = Answer(503)
AWAY = SourceUnavailable("engine.example: the connection was refused", is_final=False)


class Plain(Engine):
    """One request a page; its body says how it fares."""

    card = EngineCard(name="plain", title="Plain", access=Access.OPEN, operators=True)

    def request(self, ask: Ask) -> Request:
        return Request(self.base_url, {"q": ask.text})

    def read(self, body: bytes, ask: Ask) -> Page:
        if body == b"odd":
            raise ValueError("answered with something else")
        if body == b"bug":
            raise ZeroDivisionError
        if body == b"busy":
            return Page(EngineStatus.BLOCKED, detail="Plain is busy", kind=BlockKind.THROTTLED)
        return Page(EngineStatus.EMPTY if body == b"none" else EngineStatus.OK)


class Threefold(Plain):
    """Three requests a page."""

    def steps(self, ask: Ask):
        for _ in range(2):
            yield self.request(ask)
        answer = yield self.request(ask)
        return self.read(answer.body, ask)


class Endless(Plain):
    """A page that never ends."""

    def steps(self, ask: Ask):
        while True:
            yield self.request(ask)


@dataclass
class Service:
    """Answers in turn; the last answer for ever."""

    answers: list[Answer | Exception]
    asked: list[Request] = field(default_factory=list)

    def send(self, request: Request) -> Answer:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Setting:
    """An engine, its service, a desk, and time that passes by sleeping."""

    def __init__(self, *answers: Answer | Exception, engine=Plain, quotas=(), access=None):
        update = {"quotas": tuple(Quota(requests=n, seconds=s) for n, s in quotas)}
        if access:
            update["access"] = access
        card = engine.card.model_copy(update=update)
        self.engine = type("Ours", (engine,), {"card": card})("https://engine.example")
        self.service = Service(list(answers))
        self.clock = Clock()
        self.desk = MemoryDesk(self.clock.now, self.clock.sleep)
        self.searcher = Searcher(self.engine, self.service, self.desk, self.clock.sleep)

    def search(self) -> Page:
        return self.searcher.search(QUERY, None, Filters())

    @property
    def health(self):
        return self.desk.health([self.engine.card])[0]


def test_a_good_page_takes_one_request():
    """One ticket, one request, and the desk knows that all is well."""
    at = Setting(GOOD, quotas=[(5, 60)])
    page = at.search()
    assert (page.status, page.requests, len(at.service.asked)) == (EngineStatus.OK, 1, 1)
    assert (at.health.status, dict(at.health.used)) == (EngineStatus.OK, {60: 1})


@pytest.mark.parametrize("trouble", [DOWN, AWAY, Answer(500)])
def test_what_may_heal_is_tried_three_times(trouble):
    """A failed request is repeated twice, after pauses, and each try counts for the quota."""
    at = Setting(trouble, quotas=[(10, 3600)])
    page = at.search()
    assert (page.status, page.requests) == (EngineStatus.FAILED, 3)
    pauses = [seconds for seconds in at.clock.slept if seconds]
    assert len(pauses) == 2
    for slept, meant in zip(pauses, RETRY_PAUSES_S, strict=True):
        assert meant * 0.5 <= slept <= meant * 1.5
    assert dict(at.health.used) == {3600: 3}
    assert at.health.failures == 1


@pytest.mark.parametrize("troubles", [[DOWN], [AWAY, DOWN]])
def test_a_try_that_succeeds_is_all_that_counts(troubles):
    """An engine that answers at the second or third try is well."""
    at = Setting(*troubles, GOOD)
    assert at.search().status is EngineStatus.OK
    assert (at.health.failures, at.health.status) == (0, EngineStatus.OK)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(429),
        Answer(429, retry_after_s=1.0),
        Answer(403),
        Answer(404),
        Answer(200, b"odd"),
        Answer(200, b"bug"),
        Answer(200, b"busy"),
        SourceUnavailable("engine.example: the answer is larger", is_final=True),
    ],
    ids=["429", "429 with a wait", "403", "404", "odd", "bug", "busy", "final"],
)
def test_refusals_and_what_will_not_heal_are_not_repeated(answer):
    """We do not hammer: one request, and the desk is told."""
    at = Setting(answer)
    page = at.search()
    assert page.status not in (EngineStatus.OK, EngineStatus.EMPTY)
    assert (page.requests, len(at.service.asked)) == (1, 1)
    assert (at.health.status, at.health.failures) == (page.status, 1)


@pytest.mark.parametrize(("stated_s", "requests"), [(0.0, 3), (4.0, 3), (10.0, 3), (10.5, 1)])
def test_a_short_stated_wait_is_kept_and_a_long_one_ends_the_tries(stated_s, requests):
    """Retry-After of a failed request is obeyed, or there is no further try."""
    at = Setting(Answer(503, retry_after_s=stated_s))
    page = at.search()
    assert (page.requests, page.retry_after_s) == (requests, stated_s)
    assert at.clock.slept.count(stated_s) >= requests - 1


def test_a_refusal_that_a_reader_finds_carries_the_stated_wait():
    """Retry-After beside status 200 is passed on and obeyed by the desk."""
    at = Setting(Answer(200, b"busy", retry_after_s=600.0))
    assert at.search().retry_after_s == 600.0
    assert at.health.suspended_until == at.clock.at + timedelta(seconds=600)


def test_a_quota_is_never_exceeded_by_retries():
    """Without a place there is no further try: the page says that the quota is used up."""
    at = Setting(DOWN, quotas=[(2, 3600)])
    page = at.search()
    assert (page.status, page.kind, page.requests) == (EngineStatus.BLOCKED, BlockKind.QUOTA, 2)
    assert page.retry_after_s > PATIENCE_S


def test_a_place_is_waited_for_within_patience():
    """A page waits until its time has come, and no longer than patience allows."""
    at = Setting(GOOD, quotas=[(1, PATIENCE_S - 1)])
    at.search()
    began = at.clock.at
    assert at.search().status is EngineStatus.OK
    assert at.clock.at - began >= timedelta(seconds=PATIENCE_S - 1)
    at = Setting(GOOD, quotas=[(1, PATIENCE_S + 1)])
    at.search()
    page = at.search()
    assert (page.status, page.kind, page.requests) == (EngineStatus.BLOCKED, BlockKind.QUOTA, 0)
    assert len(at.service.asked) == 1


def test_a_probe_is_not_repeated():
    """Whether a suspended engine is well again is asked with one request."""
    at = Setting(AWAY, AWAY, AWAY, AWAY, GOOD)
    at.search()
    page = at.search()
    assert (page.status, page.requests, at.health.failures) == (EngineStatus.FAILED, 1, 2)
    assert at.search().status is EngineStatus.OK
    assert at.health.failures == 0


def test_a_suspended_engine_is_not_asked():
    """After a captcha nobody asks; the page says why."""
    at = Setting(GOOD)
    refused = Page(EngineStatus.BLOCKED, detail="Plain shows a captcha", kind=BlockKind.CAPTCHA)
    at.desk.settle(at.engine.card, at.desk.admit(at.engine.card, 0), refused)
    page = at.search()
    assert (page.status, page.kind, page.requests) == (EngineStatus.BLOCKED, BlockKind.SUSPENDED, 0)
    assert "Plain shows a captcha" in page.detail
    assert at.service.asked == []


def test_an_engine_that_nobody_switched_on_is_not_asked():
    """Terms that nobody accepted keep an engine off; accepted, it is asked."""
    at = Setting(GOOD, access=Access.OPT_IN)
    page = at.search()
    assert (page.kind, page.retry_after_s, page.requests) == (BlockKind.SWITCHED_OFF, None, 0)
    digest = at.engine.card.terms_digest
    at.desk.switch_on(OptIn(at.engine.card.name, digest, "ann@example.org", at.clock.at))
    assert at.search().status is EngineStatus.OK


def test_each_request_of_a_page_has_a_ticket():
    """A page of three requests counts three times; its trouble is told once."""
    at = Setting(GOOD, GOOD, Answer(200, b"odd"), engine=Threefold, quotas=[(9, 60)])
    page = at.search()
    assert (page.status, page.requests) == (EngineStatus.CHANGED, 3)
    assert page.detail == "Plain: answered with something else"
    assert (dict(at.health.used), at.health.failures) == ({60: 3}, 1)


def test_a_page_that_never_ends_is_ended():
    """An engine cannot send requests for ever."""
    page = Setting(GOOD, engine=Endless).search()
    assert (page.status, page.requests) == (EngineStatus.CHANGED, 64)


def test_an_empty_answer_is_well():
    """Nothing found is an answer like any other."""
    at = Setting(Answer(200, b"none"))
    assert at.search().status is EngineStatus.EMPTY
    assert at.health.failures == 0


def test_without_the_desk_nobody_is_asked():
    """When the desk is away the step must be repeated; the engine is not blamed."""
    at = Setting(GOOD)

    def away(card, patience_s):
        raise DatabaseUnavailable("gone")

    at.desk.admit = away
    with pytest.raises(DatabaseUnavailable):
        at.search()
    assert at.service.asked == []


def test_a_ticket_that_was_overslept_is_given_back():
    """A process that stood still takes another ticket: its time is over."""
    at = Setting(GOOD, quotas=[(5, 60)])
    seconds = iter([0.0, 0.0, 400.0, 400.0, 400.0, 400.0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pixcrawler.adapters.engines.searcher.time.monotonic", lambda: next(seconds))
        assert at.search().requests == 1
    assert dict(at.health.used) == {60: 2}


def test_one_page_at_a_time():
    """Whatever the number of threads, an engine hears from a process one request at a time."""
    at = Setting(GOOD)
    inside, most = [], []
    lock = threading.Lock()
    send = at.service.send

    def counted(request):
        with lock:
            inside.append(request)
            most.append(len(inside))
        try:
            return send(request)
        finally:
            with lock:
                inside.pop()

    at.service.send = counted
    with ThreadPoolExecutor(8) as threads:
        pages = list(threads.map(lambda _: at.search(), range(40)))
    assert {page.status for page in pages} == {EngineStatus.OK}
    assert max(most) == 1


def test_nobody_waits_for_ever_behind_other_jobs(monkeypatch):
    """Whoever does not get a turn in time is told, and asks nobody."""
    monkeypatch.setattr("pixcrawler.adapters.engines.searcher.PATIENCE_S", 0.05)
    at = Setting(GOOD)
    with at.searcher._turn:
        page = at.search()
    assert (page.status, page.kind, page.requests) == (EngineStatus.BLOCKED, BlockKind.QUOTA, 0)
    assert page.detail == "Plain is busy with other jobs"
    assert at.service.asked == []
    assert at.search().status is EngineStatus.OK


def test_the_query_is_written_in_the_engines_language():
    """Phrases and exclusions are written for engines that understand them, else left out."""
    at = Setting(GOOD)
    at.search()
    assert at.service.asked[0].params["q"] == '"great tit" nest -box -"a b"'
    plain = type("Simple", (Plain,), {"card": Plain.card.model_copy(update={"operators": False})})
    at = Setting(GOOD, engine=plain)
    at.search()
    assert at.service.asked[0].params["q"] == "great tit nest"


def test_exclusions_that_do_not_fit_are_not_asked():
    """What an engine takes is short: the words come first, then what fits of the exclusions."""
    at = Setting(GOOD)
    query = QUERY.model_copy(update={"text": "t" * 150, "exclude": ("a" * 60, "b" * 40, "c d")})
    at.searcher.search(query, None, Filters())
    assert at.service.asked[0].params["q"] == f'{"t" * 150} -{"b" * 40} -"c d"'
