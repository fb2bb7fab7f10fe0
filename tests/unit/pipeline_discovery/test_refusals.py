"""Engines that refuse: short pauses are waited out, long ones end the search with the truth."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.storage import discovery_ref
from pixcrawler.pipeline.discovery.standing import unpacked
from pixcrawler.pipeline.engines.ports import Page
from pixcrawler.pipeline.limits import MAX_TROUBLES, TROUBLE_WAIT_MAX_S
from pixcrawler.pipeline.payloads import RoundRef, Stop
from tests.unit.pipeline_discovery.engines import Broken, Catalogue

JOB = "job-1"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR_S = 3600.0
OWL = {"birds": ["owl"]}


def refusal(kind, retry_after_s=None, requests=1):
    """An engine's refusal."""
    return Page(
        EngineStatus.BLOCKED,
        detail=f"one: {kind}",
        kind=kind,
        retry_after_s=retry_after_s,
        requests=requests,
    )


CLOSED = refusal(BlockKind.QUOTA, HOUR_S, requests=0)
SUSPENDED = refusal(BlockKind.SUSPENDED, HOUR_S, requests=0)


def report(jobs, name="one"):
    """An engine's report."""
    return next(one for one in jobs.engines(JOB) if one.engine == name)


@pytest.mark.parametrize("page", [CLOSED, SUSPENDED, refusal(BlockKind.CAPTCHA, HOUR_S)])
def test_when_only_refusing_engines_are_left_the_search_ends(rounds, jobs, page):
    """A long pause is not slept away: the search ends with what there is, and says until when."""
    rounds.start([Broken("one", page)], categories=OWL)
    found = rounds.run(wanted=100, at=NOW)
    assert (found.exhausted, found.stop, found.wait_s) == (True, Stop.REFUSED, 0.0)
    assert report(jobs).until == NOW + timedelta(hours=1)
    assert report(jobs).kind is page.kind


def test_others_go_on_while_one_refuses(rounds, jobs):
    """A used-up quota burns no trouble: while others give, the engine is asked again each round."""
    one = Catalogue("one", {"owl": 200}, troubles=dict.fromkeys(range(2, 8), CLOSED))
    two = Catalogue("two", {"owl": 900})
    rounds.start([one, two], categories=OWL)
    found = rounds.all(wanted=60, at=NOW)
    assert len(found) == 1100
    assert len([1 for text, _, _ in one.asked]) > MAX_TROUBLES + 6
    assert report(jobs).status is EngineStatus.OK


def test_what_was_found_is_downloaded_before_the_search_ends(rounds):
    """While a round's candidates are fetched the pause may pass: the search goes on after them."""
    engine = Catalogue("one", {"owl": 300}, troubles={3: CLOSED, 4: CLOSED})
    rounds.start([engine], categories=OWL)
    first, second = rounds.run(wanted=100, at=NOW), rounds.run(wanted=100, at=NOW)
    assert (first.candidates, first.exhausted, first.wait_s) == (40, False, 0.0)
    assert (second.candidates, second.stop) == (0, Stop.REFUSED)


def test_a_short_pause_is_waited_out(rounds):
    """Blocked for seconds, with nobody else: the story is told how long to wait, and goes on."""
    page = refusal(BlockKind.QUOTA, 20.0, requests=0)
    engine = Catalogue("one", {"owl": 60}, troubles={1: page, 2: page, 3: page})
    rounds.start([engine], categories=OWL)
    told = [rounds.run(wanted=30, at=NOW) for _ in range(4)]
    assert [one.wait_s for one in told[:3]] == [20.0] * 3
    assert not any(one.exhausted for one in told[:3])
    assert told[3].candidates == 60


def test_the_shorter_pause_counts(rounds):
    """One is away for an hour, the other for seconds: the seconds are waited."""
    engines = [Broken("one", CLOSED), Broken("two", refusal(BlockKind.THROTTLED, 7.0))]
    rounds.start(engines, categories=OWL)
    found = rounds.run(wanted=30, at=NOW)
    assert (found.wait_s, found.exhausted) == (7.0, False)


def test_who_asked_for_an_hour_is_left_alone_for_an_hour(rounds, jobs):
    """Without our desk in between, the engine's own word is kept, and after it one more try."""
    throttled = refusal(BlockKind.THROTTLED, HOUR_S)
    one = Catalogue("one", {"owl": 300}, troubles={2: throttled})
    rounds.start([one, Catalogue("two", {"owl": 900})], categories=OWL)
    rounds.run(wanted=60, at=NOW)
    for minutes in (5, 30, 59):
        rounds.run(wanted=60, at=NOW + timedelta(minutes=minutes))
    assert len(one.asked) == 2
    rounds.run(wanted=60, at=NOW + timedelta(minutes=61))
    assert len(one.asked) > 2
    assert report(jobs).status is EngineStatus.OK
    assert report(jobs).until is None


@pytest.mark.parametrize(("wait_s", "is_told"), [(7.0, False), (60.0, False), (61.0, True)])
def test_when_an_engine_may_be_asked_again_is_told_from_a_minute_on(rounds, jobs, wait_s, is_told):
    """Seconds are over before anybody has read them."""
    rounds.start([Broken("one", refusal(BlockKind.THROTTLED, wait_s))], categories=OWL)
    rounds.run(wanted=30, at=NOW)
    assert report(jobs).until == (NOW + timedelta(seconds=wait_s) if is_told else None)


def test_when_is_counted_from_the_refusal(rounds, jobs, monkeypatch):
    """A round takes minutes: who refuses at its end wants to be left alone from then on."""
    passed_s = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: passed_s[0])

    class Slow(Catalogue):
        def search(self, query, cursor, filters):
            passed_s[0] += 110
            return super().search(query, cursor, filters)

    engine = Slow("one", {"owl": 300}, troubles={3: refusal(BlockKind.CAPTCHA, HOUR_S)})
    rounds.start([engine], categories=OWL)
    rounds.run(wanted=60, at=NOW)
    assert report(jobs).until == NOW + timedelta(minutes=65)


def test_an_engine_that_nobody_switched_on_is_asked_once(rounds, jobs):
    """Terms that nobody accepted are accepted by no second try."""
    engine = Broken("one", refusal(BlockKind.SWITCHED_OFF, requests=0))
    rounds.start([engine, Catalogue("two", {"owl": 300})], categories=OWL)
    rounds.all(wanted=60)
    assert len(engine.asked) == 1
    assert report(jobs).kind is BlockKind.SWITCHED_OFF


def test_why_an_engine_is_suspended_is_kept(rounds, jobs):
    """That we leave it alone is less worth knowing than that it asked for a captcha."""
    captcha = Page(EngineStatus.BLOCKED, detail="one: are you a robot?", kind=BlockKind.CAPTCHA)
    engine = Catalogue("one", {"owl": 300}, troubles={1: captcha, 2: SUSPENDED, 3: SUSPENDED})
    rounds.start([engine, Catalogue("two", {"owl": 600})], categories=OWL)
    for _ in range(3):
        rounds.run(wanted=60, at=NOW)
    told = report(jobs)
    assert (told.kind, told.detail) == (BlockKind.CAPTCHA, "one: are you a robot?")
    assert (told.retry_after_s, told.until) == (HOUR_S, NOW + timedelta(hours=1))


@pytest.mark.parametrize("wait_s", [float("inf"), float("nan"), -5.0, 1e300, 0.0])
def test_odd_waits_are_no_trouble(rounds, wait_s):
    """Whatever an engine calls its pause, the round ends and can be written."""
    rounds.start([Broken("one", refusal(BlockKind.THROTTLED, wait_s))], categories=OWL)
    found = rounds.run(wanted=30, at=NOW)
    assert 0 <= found.wait_s <= TROUBLE_WAIT_MAX_S


def test_a_good_page_may_carry_a_remark(rounds, jobs):
    """What a good page says beside its finds is told once."""

    class Remarking(Catalogue):
        def search(self, query, cursor, filters):
            page = super().search(query, cursor, filters)
            return Page(page.status, page.finds, page.next_cursor, detail="3 files left out")

    rounds.start([Remarking("one", {"owl": 100})], categories=OWL)
    rounds.all(wanted=30)
    assert report(jobs).detail == "3 files left out"


OLD = (
    b'{"discovered":{"chunks":1,"candidates":20,"exhausted":false,"wait_s":0.0,"cancelled":false},'
    b'"next_rank":20,"seen":"","engines":[{"report":{"engine":"one","status":"ok","candidates":20},'
    b'"lanes":[{"category":"birds","keyword":"owl","queries":[0],"cursor":"20","dry_pages":0,'
    b'"held":[]}],"troubles":1}],"found":"0123456789abcdef"}'
)


def test_a_story_that_is_under_way_goes_on(rounds, blobs, jobs):
    """What an earlier version wrote of a round is read, and the next round follows from it."""
    engine = Catalogue("one", {"owl": 50})
    rounds.start([engine], categories=OWL)
    blobs.put(discovery_ref(JOB, 0), OLD)
    rounds.next = 1
    assert rounds.run(wanted=30).candidates == 30
    assert [cursor for _, cursor, _ in engine.asked] == ["20", "40"]
    assert report(jobs).candidates == 50
    assert RoundRef.model_validate({"job_id": JOB, "round": 1, "wanted": 3}).at is None


def test_the_standing_of_ten_thousand_candidates_stays_small(rounds, blobs):
    """Five engines and many keywords: the file is read and written in every round."""
    words = [f"word{n}" for n in range(40)]
    engines = [Catalogue(f"e{n}", dict.fromkeys(words, 120), page_size=60) for n in range(5)]
    rounds.start(engines, categories={"c": words})
    assert rounds.run(wanted=6667, at=NOW).candidates == 10_001
    data = blobs.get(discovery_ref(JOB, 0))
    assert len(data) < 300_000
    assert unpacked(data).next_rank == 10_001
