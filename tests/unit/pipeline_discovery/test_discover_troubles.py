"""Discovery when things go wrong: engines in trouble, killed and repeated rounds."""

from __future__ import annotations

import json
import time
from itertools import count
from pathlib import Path

import pytest

from pixcrawler.adapters.engines.searcher import MAX_STEPS, PATIENCE_S
from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.source import EngineReport
from pixcrawler.domain.storage import candidates_ref, discovery_ref
from pixcrawler.pipeline.discover import discover
from pixcrawler.pipeline.engines.ports import Page
from pixcrawler.pipeline.expand import expand
from pixcrawler.pipeline.limits import (
    MAX_ROUND_REQUESTS,
    MAX_TROUBLES,
    ROUND_PATIENCE_S,
    TROUBLE_WAIT_MAX_S,
    TROUBLE_WAIT_S,
)
from pixcrawler.pipeline.payloads import JobRef, RoundRef
from tests.unit.pipeline_discovery.engines import Broken, Catalogue, find

JOB = "job-1"
UNREACHABLE = Page(EngineStatus.FAILED, detail="two.example: the name could not be resolved")


def test_an_engine_that_repeats_itself_is_left(rounds):
    """Pages without anything new end a query, even when there is always a next page."""
    same = Page(EngineStatus.OK, (find("one", "https://p.example/1"),), "again")
    engine = Broken("one", same)
    rounds.start([engine], categories={"birds": ["owl"]})
    assert len(rounds.all(wanted=100)) == 1
    assert len(engine.asked) < 6


def test_a_round_asks_no_more_than_its_share(rounds):
    """An engine that gives one find a page does not hold the round up for ever."""
    engine = Catalogue("one", {"owl": 10_000}, page_size=1)
    rounds.start([engine], categories={"birds": ["owl"]})
    found = rounds.run(wanted=5000)
    assert len(engine.asked) == found.candidates == MAX_ROUND_REQUESTS
    assert not found.exhausted


def test_pages_that_take_many_requests_count_as_such(rounds):
    """An engine that asks once for each picture does not hold the round up either."""

    class Slow(Catalogue):
        def search(self, query, cursor, filters):
            page = super().search(query, cursor, filters)
            return Page(page.status, page.finds, page.next_cursor, requests=21)

    engine = Slow("one", {"owl": 10_000})
    rounds.start([engine], categories={"birds": ["owl"]})
    rounds.run(wanted=5000)
    assert len(engine.asked) == -(-MAX_ROUND_REQUESTS // 21)


def test_a_round_that_takes_too_long_ends_with_what_it_has(rounds, monkeypatch):
    """Engines in demand let us wait: the next round goes on where this one stopped."""
    seconds = count(0, ROUND_PATIENCE_S / 3)
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    engine = Catalogue("one", {"owl": 10_000})
    rounds.start([engine], categories={"birds": ["owl"]})
    first = rounds.run(wanted=5000)
    monkeypatch.undo()
    assert (first.candidates, first.exhausted, first.stop) == (20 * len(engine.asked), False, None)
    assert len(engine.asked) <= 3
    rounds.run(wanted=5000)
    assert len(engine.asked) == len(set(engine.asked)) > MAX_ROUND_REQUESTS


def test_the_last_page_of_a_round_has_time_to_end():
    """Begun at the last moment, with every request kept waiting, it ends before its activity is."""
    host = json.loads((Path(__file__).parents[3] / "host.json").read_text())
    hours, minutes, seconds = map(int, host["functionTimeout"].split(":"))
    last_page_s = MAX_STEPS * PATIENCE_S
    assert ROUND_PATIENCE_S + last_page_s + 60 < hours * 3600 + minutes * 60 + seconds


def test_others_carry_on_when_one_engine_fails(rounds, jobs):
    """One failing engine costs the job nothing but its own finds, and is reported."""
    broken = Broken("two", UNREACHABLE)
    rounds.start([Catalogue("one", {"owl": 400}), broken], categories={"birds": ["owl"]})
    found = rounds.run(wanted=100)
    assert (found.candidates, found.exhausted) == (150, False)
    reports = {report.engine: report for report in jobs.engines(JOB)}
    assert (reports["one"].status, reports["one"].candidates) == (EngineStatus.OK, 150)
    assert (reports["two"].status, reports["two"].candidates) == (EngineStatus.FAILED, 0)
    assert reports["two"].detail == UNREACHABLE.detail


@pytest.mark.parametrize(
    "status", [EngineStatus.FAILED, EngineStatus.BLOCKED, EngineStatus.CHANGED]
)
def test_trouble_ends(rounds, status):
    """An engine in trouble is tried once a round, a few rounds, and then given up."""
    engine = Broken("one", Page(status, detail="trouble"))
    rounds.start([engine], categories={"birds": ["owl", "kite", "wren"]})
    assert rounds.all(wanted=100, most=MAX_TROUBLES) == []
    assert len(engine.asked) == MAX_TROUBLES


def test_an_engine_that_recovers_goes_on(rounds, jobs):
    """Trouble in one round that a good answer ends in the next left nothing out, and is gone."""
    throttled = Page(EngineStatus.BLOCKED, detail="one: asks us to slow down", retry_after_s=30.0)
    engine = Catalogue("one", {"owl": 300}, troubles={2: throttled, 5: throttled, 8: throttled})
    rounds.start([engine], categories={"birds": ["owl"]})
    assert len(rounds.all(wanted=30)) == 300
    [report] = jobs.engines(JOB)
    assert report == EngineReport(
        engine="one", status=EngineStatus.OK, candidates=300, requests=18, is_used_up=True
    )


@pytest.mark.parametrize(
    ("stated_s", "waited_s"),
    [(None, TROUBLE_WAIT_S), (30.0, 30.0), (TROUBLE_WAIT_MAX_S, TROUBLE_WAIT_MAX_S)],
    ids=["nothing stated", "as stated", "at most three minutes"],
)
def test_an_engine_in_trouble_says_when_to_come_back(rounds, stated_s, waited_s):
    """A round tells how long to wait before the next, unless no engine is worth asking again."""
    throttled = Page(EngineStatus.BLOCKED, detail="slow down", retry_after_s=stated_s)
    rounds.start([Broken("one", throttled)], categories={"birds": ["owl"]})
    assert [rounds.run(wanted=30).wait_s for _ in range(MAX_TROUBLES)] == [waited_s, 0.0]


def test_an_answer_that_could_not_be_read_stays_in_the_report(rounds, jobs):
    """What a query would have given is missing, however well the next ones fare."""
    changed = Page(EngineStatus.CHANGED, detail="one: no known structure")
    engine = Catalogue("one", {"owl": 30, "kite": 300}, troubles={1: changed})
    rounds.start([engine], categories={"birds": ["owl", "kite"]})
    rounds.all(wanted=30)
    [report] = jobs.engines(JOB)
    assert (report.status, report.candidates) == (EngineStatus.CHANGED, 300)


def test_an_answer_that_cannot_be_read_does_not_end_other_queries(rounds, jobs):
    """After a changed answer the next query is asked, not the same again."""
    changed = Page(EngineStatus.CHANGED, detail="one: no known structure")
    engine = Catalogue("one", {"owl": 30, "kite": 30}, troubles={1: changed})
    rounds.start([engine], categories={"birds": ["owl", "kite"]})
    assert {c.keyword for c in rounds.all(wanted=30)} == {"kite"}
    assert not jobs.engines(JOB)[0].is_used_up


def test_an_engine_that_is_not_set_up_is_reported(rounds, jobs):
    """A job that names an engine of another deployment says so and goes on."""
    one = Catalogue("one", {"owl": 30})
    rounds.start([one, Catalogue("two", {})], categories={"birds": ["owl"]})
    del rounds.engines["two"]
    assert len(rounds.all(wanted=30)) == 30
    two = next(report for report in jobs.engines(JOB) if report.engine == "two")
    assert (two.status, two.detail) == (EngineStatus.FAILED, "this engine is not set up here")


def test_an_engine_whose_setting_is_taken_away_ends_its_part(rounds, jobs):
    """What it gave is taken; nobody waits twenty rounds for the rest, nor hears of old trouble."""
    away = Page(EngineStatus.BLOCKED, kind=BlockKind.THROTTLED, retry_after_s=300)
    engines = [Catalogue("one", {"owl": 1000}, troubles={4: away}), Catalogue("two", {"owl": 10})]
    rounds.start(engines, categories={"birds": ["owl"]})
    first = rounds.run(wanted=60).candidates
    assert jobs.engines(JOB)[0].kind is BlockKind.THROTTLED
    del rounds.engines["one"]
    gathered = rounds.all(wanted=20, most=3)
    one, two = jobs.engines(JOB)
    assert (one.status, one.detail) == (EngineStatus.FAILED, "this engine is not set up here")
    assert (one.kind, one.retry_after_s, one.until) == (None, None, None)
    assert (one.is_used_up, two.status) == (False, EngineStatus.OK)
    assert one.candidates + two.candidates == first + len(gathered)


def test_nothing_found_is_empty_and_exhausted(rounds, jobs):
    """No finds at all is an honest end: no chunk, exhausted, engine empty."""
    rounds.start([Catalogue("one", {})], categories={"birds": ["owl"]})
    found = rounds.run(wanted=10)
    assert (found.chunks, found.candidates, found.exhausted) == (0, 0, True)
    assert [report.status for report in jobs.engines(JOB)] == [EngineStatus.EMPTY]


def test_the_same_answers_give_the_same_bytes(start, jobs):
    """Two runs over engines that answer alike write the same blobs, bit for bit."""
    start(categories={"birds": ["owl", "kite"], "trees": ["oak"]}, engines=["one", "two"])
    stores = [MemoryBlobs(), MemoryBlobs()]
    for blobs in stores:
        engines = {
            name: Catalogue(name, {"owl": 90, "kite": 40, "oak photo": 70}, page_size=size)
            for name, size in (("one", 30), ("two", 20))
        }
        expand(JobRef(job_id=JOB), jobs=jobs, blobs=blobs)
        for round_no in range(3):
            ref = RoundRef(job_id=JOB, round=round_no, wanted=30)
            discover(ref, jobs=jobs, blobs=blobs, engines=engines)
    first, second = (
        {
            name: blobs.get(discovery_ref(JOB, 0).model_copy(update={"name": name}))
            for name in blobs.names("work", "")
        }
        for blobs in stores
    )
    assert first == second
    assert len(first) > 6


def test_a_repeated_round_asks_nobody(rounds, jobs, blobs):
    """A round whose state is written is reported again without asking an engine."""
    engine = Catalogue("one", {"owl": 500})
    rounds.start([engine], categories={"birds": ["owl"]})
    found = rounds.run(wanted=50)
    asked = len(engine.asked)
    ref = RoundRef(job_id=JOB, round=0, wanted=50)
    assert discover(ref, jobs=jobs, blobs=blobs, engines=rounds.engines) == found
    assert len(engine.asked) == asked


def test_the_first_of_two_workers_wins(rounds, jobs, blobs):
    """A worker that is overtaken leaves no trace: chunks, counts and engines are the other's."""
    rounds.start([Catalogue("one", {"owl": 500})], categories={"birds": ["owl"]})
    put_new, ref = blobs.put_new, RoundRef(job_id=JOB, round=0, wanted=50)

    def overtaken(*given):
        """Another worker, whose engine says less, does everything just before this one decides."""
        blobs.put_new = put_new
        fewer = {"one": Catalogue("one", {"owl": 40}, page_size=7)}
        discover(ref, jobs=jobs, blobs=blobs, engines=fewer)
        return put_new(*given)

    blobs.put_new = overtaken
    found = rounds.run(wanted=50)
    assert (found.candidates, found.chunks) == (40, 2)
    assert len(rounds.candidates(0, found)) == 40
    chunks = jobs.state(JOB).progress
    assert (chunks.candidates, chunks.chunks.total) == (40, 2)
    assert [report.candidates for report in jobs.engines(JOB)] == [40]


@pytest.mark.parametrize("killed", ["put_new", "put", "add_chunks", "set_engines"])
def test_a_killed_round_leaves_nothing_wrong(rounds, jobs, blobs, killed):
    """Killed at any write and asked anew, engines may say less: counts and chunks still agree."""
    rounds.start([Catalogue("one", {"owl": 500})], categories={"birds": ["owl"]})
    store = blobs if killed.startswith("put") else jobs
    write, ref = getattr(store, killed), RoundRef(job_id=JOB, round=0, wanted=50)

    def die(*given):
        raise KeyboardInterrupt

    setattr(store, killed, die)
    with pytest.raises(KeyboardInterrupt):
        discover(ref, jobs=jobs, blobs=blobs, engines=rounds.engines)
    setattr(store, killed, write)

    rounds.engines = {"one": Catalogue("one", {"owl": 40})}
    found = rounds.run(wanted=50)
    progress = jobs.state(JOB).progress
    assert len(rounds.candidates(0, found)) == found.candidates == progress.candidates
    assert progress.chunks.total == found.chunks
    assert [report.candidates for report in jobs.engines(JOB)] == [found.candidates]


def test_a_killed_round_is_done_again(rounds, jobs, blobs):
    """Without its state a round is not done: it is run again and writes the same."""
    rounds.start([Catalogue("one", {"owl": 500})], categories={"birds": ["owl"]})
    found = rounds.run(wanted=50)
    written = blobs.get(candidates_ref(JOB, 0, 1))
    blobs.delete(discovery_ref(JOB, 0))
    engines = {"one": Catalogue("one", {"owl": 500})}
    ref = RoundRef(job_id=JOB, round=0, wanted=50)
    assert discover(ref, jobs=jobs, blobs=blobs, engines=engines) == found
    assert blobs.get(candidates_ref(JOB, 0, 1)) == written


def test_a_cancelled_job_asks_nobody(rounds, jobs):
    """Once somebody asked for it to be cancelled, no engine is asked."""
    engine = Catalogue("one", {"owl": 500})
    rounds.start([engine], categories={"birds": ["owl"]})
    jobs.cancel(JOB)
    assert rounds.run(wanted=50).cancelled
    assert engine.asked == []


def test_a_job_that_is_cancelled_meanwhile_asks_nothing_more(rounds, jobs):
    """A round may take minutes: the page that is under way is the last."""

    class Interrupted(Catalogue):
        def search(self, query, cursor, filters):
            jobs.cancel(JOB)
            return super().search(query, cursor, filters)

    engine = Interrupted("one", {"owl": 500})
    rounds.start([engine], categories={"birds": ["owl"]})
    rounds.run(wanted=50)
    assert len(engine.asked) == 1
