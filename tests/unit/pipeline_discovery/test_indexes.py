"""Engines that search one index: one is asked, the others stand by and go on where it cannot."""

from __future__ import annotations

from collections import Counter

import pytest

from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.pipeline.engines.ports import Page
from tests.unit.pipeline_discovery.engines import Broken, Catalogue

JOB = "job-1"
CAPTCHA = Page(
    EngineStatus.BLOCKED, detail="one: robot?", kind=BlockKind.CAPTCHA, retry_after_s=3600
)
AWAY = Page(EngineStatus.FAILED, detail="one.example: away")
CHANGED = Page(EngineStatus.CHANGED, detail="one: no known structure")


def shared(text, number):
    """The name of a picture of the shared index."""
    return f"shared/{text}/{number}"


def an_engine(name, size=300, *, index="bing", **more):
    """An engine of the shared index."""
    return Catalogue(name, {"owl": size, "kite": size}, name_of=shared, index=index, **more)


def reports(jobs):
    """The engines' reports by name."""
    return {report.engine: report for report in jobs.engines(JOB)}


def test_engines_of_one_index_are_asked_once(rounds, jobs):
    """The first named is asked; the other costs no request, and the report says why."""
    one, two = an_engine("one"), an_engine("two")
    rounds.start([one, two], categories={"birds": ["owl"]})
    assert len(rounds.all(wanted=100)) == 300
    assert two.asked == []
    told = reports(jobs)
    assert (told["two"].stands_by_for, told["two"].status) == ("one", EngineStatus.EMPTY)
    assert told["one"].stands_by_for is None


def test_an_index_has_one_share(rounds):
    """Two engines of one index and one of another give half of a round each."""
    engines = [an_engine("one"), an_engine("two"), an_engine("three", index="")]
    engines[2].name_of = lambda text, number: f"other/{text}/{number}"
    rounds.start(engines, categories={"birds": ["owl"]})
    listed = rounds.candidates(0, rounds.run(wanted=80))
    assert Counter(one.provenance.engine for one in listed) == {"one": 60, "three": 60}


def test_the_order_of_the_job_decides_who_is_asked(rounds):
    """Who is named first is asked, whatever the engines are called."""
    one, two = an_engine("one"), an_engine("two")
    rounds.start([two, one], engines=["two", "one"], categories={"birds": ["owl"]})
    rounds.all(wanted=100)
    assert (one.asked, two.asked != []) == ([], True)


def test_who_is_refused_for_long_is_relieved_at_once(rounds, jobs):
    """In the same round the next of the index is asked what the first left."""
    one, two = an_engine("one", troubles={3: CAPTCHA}), an_engine("two")
    rounds.start([one, two], categories={"birds": ["owl"]})
    found = rounds.run(wanted=100)
    assert found.candidates == 150
    assert len({one.key for one in rounds.candidates(0, found)}) == 150
    assert len(one.asked) == 3
    told = reports(jobs)
    assert (told["one"].status, told["one"].kind) == (EngineStatus.BLOCKED, BlockKind.CAPTCHA)
    assert (told["two"].stands_in_for, told["two"].stands_by_for) == ("one", None)
    assert told["two"].status is EngineStatus.OK


def test_who_is_relieved_gets_nothing_back(rounds):
    """Once relieved, an engine is left alone for the rest of the job: nothing is asked twice."""
    one, two = an_engine("one", troubles={2: CAPTCHA}), an_engine("two")
    rounds.start([one, two], categories={"birds": ["owl", "kite"]})
    found = rounds.all(wanted=60)
    assert len({one.key for one in found}) == len(found) == 600
    assert len(one.asked) == 2


def test_who_may_be_asked_again_soon_is_not_relieved(rounds):
    """A short pause is no reason: the first goes on in the next round."""
    slow_down = Page(EngineStatus.BLOCKED, kind=BlockKind.THROTTLED, retry_after_s=20)
    one, two = an_engine("one", troubles={2: slow_down}), an_engine("two")
    rounds.start([one, two], categories={"birds": ["owl"]})
    assert len(rounds.all(wanted=100)) == 300
    assert two.asked == []


def test_who_is_given_up_is_relieved(rounds):
    """An engine that cannot be reached in round after round leaves everything to the next."""
    two = an_engine("two")
    rounds.start([Broken("one", AWAY, index="bing"), two], categories={"birds": ["owl"]})
    assert len(rounds.all(wanted=100)) == 300


def test_only_what_could_not_be_read_is_asked_again(rounds):
    """A query whose answer made no sense goes to the next engine, the others do not."""
    one, two = an_engine("one", troubles={1: CHANGED}), an_engine("two")
    rounds.start([one, two], categories={"birds": ["owl", "kite"]})
    found = rounds.all(wanted=300)
    assert Counter(one.keyword for one in found) == {"owl": 300, "kite": 300}
    assert {text for text, _, _ in two.asked} == {"owl"}


def test_a_third_goes_on_where_the_second_cannot(rounds, jobs):
    """Trouble may come twice."""
    one = an_engine("one", troubles={2: CAPTCHA})
    two = an_engine("two", troubles={3: CAPTCHA})
    three = an_engine("three")
    rounds.start([one, two, three], categories={"birds": ["owl"]})
    assert len(rounds.all(wanted=100)) == 300
    assert reports(jobs)["three"].stands_in_for == "two"


def test_an_engine_that_is_not_set_up_keeps_nobody_waiting(rounds):
    """Who is not there is nobody to stand by for."""
    two = an_engine("two")
    rounds.start([an_engine("one"), two], categories={"birds": ["owl"]})
    del rounds.engines["one"]
    assert len(rounds.all(wanted=100)) == 300
    assert two.asked != []


def test_only_an_engine_of_the_same_index_goes_on(rounds, jobs):
    """Another index has other pictures: who stands by there is not the one to ask."""
    engines = [
        an_engine("one"),
        an_engine("two"),
        an_engine("three", index="world", troubles={1: CAPTCHA}),
        an_engine("four", index="world"),
    ]
    rounds.start(engines, categories={"birds": ["owl"]})
    rounds.run(wanted=100)
    told = reports(jobs)
    assert (told["two"].stands_by_for, told["four"].stands_in_for) == ("one", "three")


def test_who_stands_by_may_be_taken_away(rounds, jobs):
    """An engine of the index whose setting is gone by the next round is nobody to go on."""
    one = an_engine("one", troubles=dict.fromkeys(range(6, 30), CAPTCHA))
    rounds.start([one, an_engine("two")], categories={"birds": ["owl"]})
    rounds.run(wanted=40)
    del rounds.engines["two"]
    assert len(rounds.all(wanted=40)) == 100 - 64
    assert reports(jobs)["two"].stands_by_for == "one"


@pytest.mark.parametrize("wanted", [20, 75, 400])
def test_an_index_in_trouble_gives_every_picture_once(rounds, wanted):
    """However rounds and troubles fall together, nothing is lost and nothing comes twice."""
    one = an_engine("one", 130, troubles={2: AWAY, 4: CHANGED, 6: CAPTCHA})
    rounds.start([one, an_engine("two", 130)], categories={"birds": ["owl", "kite"]})
    keys = [found.key for found in rounds.all(wanted=wanted)]
    assert len(keys) == len(set(keys)) == 260


def test_three_minutes_are_waited_out_only_when_nobody_else_can_go_on(rounds):
    """The pause after a 429: with another engine of the index no time is lost, alone it is."""
    page = Page(EngineStatus.BLOCKED, kind=BlockKind.THROTTLED, retry_after_s=180)
    one, two = an_engine("one", troubles={1: page}), an_engine("two")
    rounds.start([one, two], categories={"birds": ["owl"]})
    found = rounds.run(wanted=40)
    assert (found.candidates, len(one.asked)) == (64, 1)


def test_three_minutes_alone(rounds):
    """Who has nobody to go on instead is waited for."""
    page = Page(EngineStatus.BLOCKED, kind=BlockKind.THROTTLED, retry_after_s=180)
    rounds.start([an_engine("one", troubles={1: page})], categories={"birds": ["owl"]})
    found = rounds.run(wanted=40)
    assert (found.candidates, found.wait_s, found.exhausted) == (0, 180.0, False)
    assert rounds.run(wanted=40).candidates == 64
