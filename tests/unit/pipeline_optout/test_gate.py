"""The gate: all signals are heard, the most restrictive decides, and what it was is kept."""

from __future__ import annotations

import logging

import pytest
from typing_extensions import override

from pixcrawler.domain.purpose import Purpose
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.optout import meaning
from pixcrawler.pipeline.optout.gate import MAX_FINDINGS, Gate
from pixcrawler.pipeline.optout.signal import Saying, Signal, SiteRules
from pixcrawler.pipeline.visits.body import Body
from pixcrawler.pipeline.visits.ports import SiteFile

SITE = "https://pictures.example"
NAMES = ("robots.txt", "x-robots-tag", "tdmrep", "content-usage", "iptc", "c2pa")
RESERVED = b'[{"location": "/", "tdm-reservation": 1}]'
EVERY = frozenset(Purpose)


def rules(robots: bytes = b"", tdmrep: bytes = b"[]") -> SiteRules:
    """The files of a site; an empty robots.txt is none."""
    return SiteRules(
        SiteFile(f"{SITE}/robots.txt", 200 if robots else 404, robots),
        SiteFile(f"{SITE}/.well-known/tdmrep.json", 200, tdmrep),
    )


class Speaking(Signal):
    """Says the same at every door."""

    name = "speaking"

    def __init__(self, *sayings: Saying) -> None:
        self.sayings = sayings

    @override
    def of_site(self, url, rules):
        return self.sayings

    @override
    def of_answer(self, url, headers):
        return self.sayings

    @override
    def of_body(self, body):
        return self.sayings


class Breaking(Signal):
    """Breaks at every door."""

    name = "breaking"

    @override
    def of_site(self, url, rules):
        raise ZeroDivisionError

    @override
    def interval_s(self, rules):
        raise KeyError("x")

    @override
    def of_answer(self, url, headers):
        return [Saying("a rule", "header"), None]

    @override
    def of_body(self, body):
        yield Saying("a rule", "bytes", EVERY)
        raise RecursionError


def test_every_signal_is_on_unless_it_is_ignored():
    """And what is looked at is told, in its order."""
    assert Gate(Purpose.RESEARCH).checked == NAMES
    assert Gate(Purpose.RESEARCH, frozenset({"tdmrep", "c2pa"})).checked == (
        "robots.txt",
        "x-robots-tag",
        "content-usage",
        "iptc",
    )
    assert Gate(Purpose.RESEARCH, frozenset(NAMES)).checked == ()


def test_an_unknown_name_cannot_be_ignored():
    """A misspelt setting is told, with the names that there are."""
    with pytest.raises(ValueError, match="called noai, robots; there are: robots"):
        Gate(Purpose.RESEARCH, frozenset({"robots", "noai", "tdmrep"}))


def test_an_ignored_signal_decides_nothing():
    """Not in files, headers or Crawl-delay."""
    gate = Gate(Purpose.GENERATIVE, frozenset({"robots.txt", "x-robots-tag"}))
    site = rules(b"User-agent: *\nCrawl-delay: 5\nDisallow: /\n")

    assert gate.of_site(f"{SITE}/a", site) == Gate(Purpose.RESEARCH).of_site(f"{SITE}/a", rules())
    assert gate.of_answer("u", [("X-Robots-Tag", "noai")]).findings == ()


def test_silence_refuses_nothing():
    """No findings, no interval, no refusal, no reason."""
    ruling = Gate(Purpose.GENERATIVE).of_site(f"{SITE}/a", rules())

    assert (ruling.findings, ruling.interval_s, ruling.refusal, ruling.reason) == (
        (),
        0.0,
        None,
        None,
    )


def test_the_most_restrictive_decides_whatever_the_order():
    """A refusal for every purpose is told before one that has exceptions."""
    few = Saying("few", "header", frozenset({Purpose.GENERATIVE}))
    all_ = Saying("all", "header", EVERY)
    for sayings in ((few, all_), (all_, few)):
        ruling = Gate(Purpose.GENERATIVE, further=[Speaking(*sayings)]).of_answer("u", [])

        assert (ruling.refusal.rule, ruling.reason) == ("all", RejectReason.OPTED_OUT)
        assert {finding.rule for finding in ruling.findings} == {"few", "all"}


def test_the_most_restrictive_of_two_signals_decides():
    """Whichever is asked first."""
    few = Speaking(Saying("few", "header", frozenset({Purpose.GENERATIVE})))
    every = Speaking(Saying("all", "header", EVERY))
    for further in ((few, every), (every, few)):
        assert Gate(Purpose.GENERATIVE, further=further).of_answer("u", []).refusal.rule == "all"


def test_robots_txt_decides_before_others_that_refuse_as_much():
    """What forbids fetching is told as that, and the rest is kept as well."""
    ruling = Gate(Purpose.GENERATIVE).of_site(
        f"{SITE}/a", rules(b"User-agent: *\nDisallow: /\nContent-Usage: train-ai=n\n", RESERVED)
    )

    assert ruling.reason is RejectReason.DISALLOWED_BY_SITE
    assert [(one.signal, one.refuses) for one in ruling.findings] == [
        ("robots.txt", True),
        ("tdmrep", True),
        ("content-usage", True),
    ]


def test_a_finding_that_refuses_others_is_kept_and_decides_nothing():
    """Research is not bound by a reservation, and its receipt says that there is one."""
    ruling = Gate(Purpose.RESEARCH).of_site(f"{SITE}/a", rules(tdmrep=RESERVED))

    assert (ruling.refusal, ruling.reason) == (None, None)
    assert [(one.signal, one.refuses) for one in ruling.findings] == [("tdmrep", False)]


@pytest.mark.parametrize(
    ("told", "expected"),
    [(7, 7.0), (float("nan"), 2.0), (float("inf"), 3600.0), (-5.0, 2.0), ("soon", 2.0)],
    ids=str,
)
def test_an_interval_is_a_time_whatever_a_signal_says(told, expected):
    """Signals of other packages cannot give hosts' desks what they cannot count with."""

    class Slow(Signal):
        name = "slow"

        @override
        def interval_s(self, rules):
            return told

    site = rules(b"User-agent: *\nCrawl-delay: 2\n")
    for further in ([Slow()], [Breaking(), Slow()]):
        ruling = Gate(Purpose.GENERATIVE, further=further).of_site(f"{SITE}/a", site)
        assert ruling.interval_s == expected


def test_a_signal_that_breaks_says_nothing_and_stops_nobody(caplog):
    """It is told in the log; the others still decide."""
    gate = Gate(Purpose.GENERATIVE, further=[Breaking()])

    with caplog.at_level(logging.ERROR):
        site = gate.of_site(f"{SITE}/a", rules(b"User-agent: *\nCrawl-delay: 2\nDisallow: /\n"))
        answer = gate.of_answer("u", [("X-Robots-Tag", "noai")])
        body = gate.of_body(Body.of(b"no picture"))

    assert (site.reason, site.interval_s) == (RejectReason.DISALLOWED_BY_SITE, 2.0)
    assert [one.rule for one in answer.findings] == ["noai"]
    assert body.findings == ()
    assert {record.signal for record in caplog.records} == {"breaking"}
    assert len(caplog.records) == 4


def test_a_signal_of_another_package_is_one_like_ours():
    """It is checked, can be ignored, and refuses."""
    signal = Speaking(Saying("leave it", "https://a.example/ai.txt", EVERY, "0" * 64))

    assert Gate(Purpose.RESEARCH, further=[signal]).checked == (*NAMES, "speaking")
    assert (
        Gate(Purpose.RESEARCH, further=[signal]).of_body(Body.of(b"")).refusal.signal == "speaking"
    )
    assert Gate(Purpose.RESEARCH, frozenset({"speaking"}), [signal]).checked == NAMES


def test_what_is_kept_is_short_and_the_refusal_is_in_it():
    """However much a signal says, and however long its rules are."""
    talk = [Saying(f"word {n}", "header") for n in range(100)]
    no = Saying("n" * 2000, "https://a.example/" + "x" * 5000, EVERY)
    ruling = Gate(Purpose.RESEARCH, further=[Speaking(*talk, no)]).of_answer("u", [])

    assert len(ruling.findings) == MAX_FINDINGS
    assert (len(ruling.refusal.rule), len(ruling.refusal.source)) == (500, 4096)


def test_every_meaning_has_its_reason():
    """The table says why, line by line."""
    lines = [meaning.ROBOTS_DISALLOW, meaning.ROBOTS_UNAVAILABLE]
    for table in (
        meaning.X_ROBOTS,
        meaning.TDM_RESERVATION,
        meaning.TRAIN_AI,
        meaning.DATA_MINING,
        meaning.TRAINING_MINING,
    ):
        lines += table.values()

    assert all(line.because and line.refused <= EVERY for line in lines)
    assert len(lines) == 25
