"""What every HostDesk promises: run on memory in unit tests, on PostgreSQL in integration tests.

Time passes only when a test says so; real time is milliseconds beside it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from pixcrawler.pipeline.visits import host_rules as rules
from pixcrawler.pipeline.visits.ports import HostDesk, HostReport, Share, Wish

LASTS_S = 30.0
"""What every harness gives its desk."""
SLACK_S = 3.0
"""Real time that a slow machine may lose between two calls."""
HOST = "pictures.example"


class Harness(Protocol):
    """A desk, and its clock."""

    desk: HostDesk

    def now(self) -> float:
        """Return the desk's time, in seconds since some moment."""
        ...

    def pass_time(self, seconds: float) -> None:
        """Let time go on."""
        ...


@dataclass
class Worker:
    """A worker as the desk sees it: asks, starts and ends requests."""

    harness: Harness
    name: str
    at_once: int = 6
    interval_s: float = 0.0
    in_use: int = 0
    share: Share = field(default_factory=lambda: Share(0))

    def ask(self, wanted: int) -> int:
        """Ask for so many places, those in use included; return how many it may use."""
        wish = Wish(HOST, self.in_use, wanted, self.at_once, self.interval_s)
        self.share = self.harness.desk.share(self.name, [wish])[HOST]
        return self.share.places

    def use(self, wanted: int) -> int:
        """Ask, and have as many requests under way as one may."""
        self.in_use = max(self.in_use, min(wanted, self.ask(wanted)))
        return self.in_use

    def tell(self, requests: int = 1, failures: int = 0, pause_s: float | None = None) -> None:
        """Report what was seen."""
        report = HostReport(
            HOST, requests, 10 * requests, failures, bool(failures), pause_s, "status 429"
        )
        self.harness.desk.report(self.name, [report])


class HostDeskContract:
    """Subclass it, and give a fixture ``harness``."""

    @pytest.fixture
    def desk(self, harness: Harness) -> HostDesk:
        return harness.desk

    @pytest.fixture
    def ann(self, harness: Harness) -> Worker:
        return Worker(harness, "ann")

    @pytest.fixture
    def bob(self, harness: Harness) -> Worker:
        return Worker(harness, "bob")

    # ------------------------------------------------------ places

    def test_one_worker_alone_may_have_the_whole_budget(self, ann: Worker) -> None:
        """It gets what it wants up to the budget, for as long as a share lasts, at once."""
        assert [ann.ask(2), ann.ask(100)] == [2, 6]
        assert (ann.share.lasts_s, ann.share.wait_s, ann.share.paused_s) == (LASTS_S, 0, 0)

    def test_many_hosts_are_one_question(self, desk: HostDesk) -> None:
        """Each host has its own budget, and its own answer, whatever it is called."""
        hosts = ["b.example:8080", "a.example", "x" * 400, "nul\0.example", "ä.example", ""]
        wishes = [Wish(host, 0, 9, number + 1) for number, host in enumerate(hosts)]
        found = desk.share("ann", wishes)
        assert [found[host].places for host in hosts] == [1, 2, 3, 4, 5, 6]
        assert dict(desk.share("ann", [])) == {}

    def test_a_budget_is_never_exceeded(self, ann: Worker, bob: Worker) -> None:
        """Whoever comes second gets what is left, until the first has come down to its part."""
        assert ann.use(4) == 4
        assert bob.use(10) == 2
        ann.in_use = 1
        assert ann.ask(10) == 3, "three each is fair"
        assert bob.use(10) == 3

    def test_places_in_use_are_never_taken(self, ann: Worker, bob: Worker) -> None:
        """A worker comes down as its requests end, and only then do others get the places."""
        assert ann.use(10) == 6
        assert bob.use(10) == 0
        assert ann.ask(10) == 3, "it is told what to come down to"
        assert bob.use(10) == 0, "but all six are still in use"
        assert ann.share.lasts_s == LASTS_S
        ann.in_use = 4
        ann.ask(10)
        assert bob.use(10) == 2

    def test_what_is_given_back_is_free(self, ann: Worker, bob: Worker) -> None:
        """A wish of nothing ends the share at once."""
        ann.use(6)
        ann.in_use = 0
        assert ann.ask(0) == 0
        assert bob.use(6) == 6

    def test_equal_wishes_get_equal_parts(self, harness: Harness) -> None:
        """Four workers share six places: two have two, the others one, and all six are used."""
        workers = [Worker(harness, f"w{number}") for number in range(4)]
        workers[0].use(9)
        for _ in range(3):
            for worker in workers:
                worker.use(9)
                worker.in_use = 0
            harness.pass_time(0.1)
        assert sorted(worker.ask(9) for worker in workers) == [1, 1, 2, 2]

    def test_what_one_does_not_want_the_others_have(self, ann: Worker, bob: Worker) -> None:
        """A small wish is granted in full, and the rest is for whoever wants more."""
        ann.use(1)
        assert bob.use(9) == 5

    def test_a_smaller_budget_is_reached_by_ending(self, harness: Harness) -> None:
        """When the budget falls nothing starts until as many have ended."""
        ann, bob = Worker(harness, "ann"), Worker(harness, "bob", at_once=2)
        ann.use(6)
        assert bob.ask(2) == 0
        ann.at_once, ann.in_use = 2, 3
        assert ann.ask(6) == 1
        assert bob.ask(2) == 0
        ann.in_use = 1
        ann.ask(6)
        assert bob.ask(2) == 1

    def test_a_worker_that_is_not_heard_of_loses_its_share(
        self, harness: Harness, ann: Worker, bob: Worker
    ) -> None:
        """What a killed worker held comes back when its share ends, and not before."""
        ann.use(6)
        harness.pass_time(LASTS_S - SLACK_S)
        assert bob.ask(6) == 0
        harness.pass_time(SLACK_S)
        assert bob.use(6) == 6
        assert ann.ask(6) == 0, "whoever comes back late has lost what was in use as well"
        assert ann.share.lasts_s == 0, "and is told to end it"
        bob.in_use = 0
        bob.ask(0)
        assert bob.ask(6) == 3, "what is lost keeps nobody out"

    def test_a_share_that_is_renewed_goes_on(
        self, harness: Harness, ann: Worker, bob: Worker
    ) -> None:
        """Renewing counts from then."""
        ann.use(6)
        for _ in range(3):
            harness.pass_time(LASTS_S - SLACK_S)
            assert ann.ask(6) == 6
        assert bob.ask(6) == 0

    # ------------------------------------------------------ more workers than places

    def test_with_too_few_places_everybody_has_a_time(self, harness: Harness) -> None:
        """Five workers at a host of two: each gets its turn, again and again."""
        workers = [Worker(harness, f"w{number}", at_once=2) for number in range(5)]
        served = dict.fromkeys((worker.name for worker in workers), 0)
        for _ in range(60):
            for worker in workers:
                worker.in_use = 0
                served[worker.name] += worker.use(3)
            assert sum(worker.in_use for worker in workers) <= 2
            harness.pass_time(0.5)
        assert min(served.values()) >= 60 * 2 / 5 * 0.5
        assert max(served.values()) <= 60 * 2 / 5 * 1.6

    def test_who_wants_more_is_not_before_who_waits_longer(self, harness: Harness) -> None:
        """With too few places a wish for many counts as a wish for one."""
        ann, bob, cat, dan = (Worker(harness, f"w{number}", at_once=2) for number in range(4))
        dan.use(2)
        for worker, wanted in ((ann, 1), (bob, 5), (cat, 5)):
            worker.ask(wanted)
            harness.pass_time(0.1)
        dan.in_use = 0
        dan.ask(0)
        assert [cat.ask(5), bob.ask(5), ann.ask(1)] == [0, 1, 1]

    def test_the_first_who_waits_looks_most_often(self, harness: Harness, ann: Worker) -> None:
        """Who is next asks again soon, those behind less often, nobody less than each second."""
        ann.use(6)
        waits = []
        for number in range(6):
            worker = Worker(harness, f"w{number}")
            worker.ask(6)
            waits.append(worker.share.wait_s)
            harness.pass_time(0.01)
        assert waits == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]

    def test_one_who_waits_no_more_stands_in_nobodys_way(self, harness: Harness) -> None:
        """A worker that died in line loses its place in line after a while."""
        ann, bob = (Worker(harness, name, at_once=1) for name in ("ann", "bob"))
        cat = Worker(harness, "cat", at_once=1)
        ann.use(1)
        bob.ask(1)
        harness.pass_time(rules.TENURE_S + 0.1)
        cat.ask(1)
        ann.in_use = 0
        ann.ask(1)
        assert cat.ask(1) == 0, "bob is first"
        harness.pass_time(rules.WAITING_S)
        assert cat.ask(1) == 1

    # ------------------------------------------------------ Crawl-delay

    def test_with_an_interval_one_is_there_at_once(self, harness: Harness) -> None:
        """Whatever the budget is, and whoever of the two knows of the interval."""
        ann = Worker(harness, "ann", interval_s=10)
        bob = Worker(harness, "bob")
        assert [ann.ask(5), bob.ask(5)] == [1, 0]

    def test_the_next_worker_begins_an_interval_after_the_last(self, harness: Harness) -> None:
        """It is counted from when the place was given back."""
        ann, bob = (Worker(harness, name, interval_s=10) for name in ("ann", "bob"))
        ann.use(1)
        assert ann.share.wait_s == 0
        ann.in_use = 0
        ann.ask(0)
        harness.pass_time(4)
        assert bob.ask(1) == 1
        assert bob.share.wait_s == pytest.approx(6, abs=SLACK_S)
        harness.pass_time(7)
        bob.ask(1)
        assert bob.share.wait_s == 0

    def test_an_interval_is_counted_from_the_end_of_a_lost_share(self, harness: Harness) -> None:
        """What a killed worker had under way may have gone on until its share ended."""
        ann, bob = (Worker(harness, name, interval_s=20) for name in ("ann", "bob"))
        ann.use(1)
        harness.pass_time(LASTS_S + 5)
        assert bob.ask(1) == 1
        assert bob.share.wait_s == pytest.approx(15, abs=SLACK_S)

    def test_an_interval_that_is_new_waits_for_all(self, harness: Harness) -> None:
        """Requests that began before somebody knew of the interval end first."""
        ann = Worker(harness, "ann")
        bob = Worker(harness, "bob", interval_s=10)
        ann.use(3)
        assert bob.ask(1) == 0
        ann.in_use = 0
        ann.ask(0)
        assert bob.ask(1) == 1
        assert bob.share.wait_s == pytest.approx(10, abs=SLACK_S)

    def test_the_only_place_goes_round(self, harness: Harness) -> None:
        """After some seconds it is handed to the one who waits; alone, one keeps it."""
        ann, bob = (Worker(harness, name, interval_s=0.5) for name in ("ann", "bob"))
        assert ann.use(5) == 1
        harness.pass_time(rules.TENURE_S + 1)
        assert ann.ask(5) == 1
        assert bob.ask(5) == 0
        assert ann.ask(5) == 0, "its time is over; the request under way may end"
        assert bob.ask(5) == 0
        ann.in_use = 0
        assert ann.ask(5) == 0
        assert bob.ask(5) == 1
        assert ann.ask(5) == 0

    def test_a_time_begins_when_one_may_start(self, harness: Harness) -> None:
        """Whoever waits out a long interval is not sent away before its request."""
        ann, bob, cat = (Worker(harness, name, interval_s=10) for name in ("ann", "bob", "cat"))
        ann.use(1)
        ann.in_use = 0
        ann.ask(0)
        assert bob.ask(5) == 1
        harness.pass_time(0.1)
        cat.ask(5)
        harness.pass_time(6)
        assert bob.ask(5) == 1
        cat.ask(5)
        harness.pass_time(7)
        assert bob.ask(5) == 0

    # ------------------------------------------------------ pauses

    def test_a_pause_holds_for_all(self, harness: Harness, ann: Worker, bob: Worker) -> None:
        """While it lasts nobody may start; all are told how long, and why; then they go on."""
        ann.use(2)
        bob.tell(pause_s=40)
        for worker in (ann, bob):
            assert worker.ask(5) == 0
            assert worker.share.paused_s == pytest.approx(40, abs=SLACK_S)
            assert worker.share.because == "status 429"
        assert ann.share.lasts_s == LASTS_S, "what is under way may end"
        harness.pass_time(41)
        assert bob.ask(5) == 1
        assert (bob.share.paused_s, bob.share.because) == (0, "")

    def test_after_a_pause_one_tries(self, harness: Harness, ann: Worker, bob: Worker) -> None:
        """One request at a time over all workers, until one succeeds; a refusal is no success."""
        ann.tell(pause_s=2)
        for _ in range(3):
            harness.pass_time(3)
            assert ann.use(6) + bob.use(6) == 1
            ann.in_use = bob.in_use = 0
            ann.tell(pause_s=2)
            assert [ann.ask(6), bob.ask(6)] == [0, 0]
        harness.pass_time(3)
        assert ann.use(6) + bob.use(6) == 1
        ann.in_use = bob.in_use = 0
        ann.tell()
        for worker in (ann, bob, ann, bob):
            worker.use(6)
        assert ann.in_use + bob.in_use == 6

    # ------------------------------------------------------ the breaker

    def test_failures_in_a_row_suspend_a_host(
        self, harness: Harness, ann: Worker, bob: Worker
    ) -> None:
        """Five of all workers together; a success in between starts the count anew."""
        ann.tell(4, failures=4)
        bob.tell(3, failures=0)
        bob.tell(4, failures=4)
        assert ann.ask(1) == 1
        ann.tell(1, failures=1)
        for worker in (ann, bob):
            assert worker.ask(1) == 0
            assert worker.share.paused_s >= 30 * (1 - rules.JITTER) - SLACK_S
            assert worker.share.paused_s <= 30 * (1 + rules.JITTER)
        harness.pass_time(40)
        assert ann.ask(1) == 1

    def test_successes_before_failures_of_one_report_end_a_row(self, ann: Worker) -> None:
        """A report's successes came first."""
        ann.tell(4, failures=4)
        ann.tell(2, failures=1)
        assert ann.ask(1) == 1

    def test_after_a_suspension_one_tries(self, harness: Harness, ann: Worker, bob: Worker) -> None:
        """One request at a time over all workers, until one succeeds."""
        ann.tell(5, failures=5)
        harness.pass_time(40)
        assert [ann.use(6), bob.use(6)] == [1, 0]
        ann.tell()
        ann.in_use = 0
        ann.ask(6)
        assert bob.ask(6) == 3

    def test_failed_tries_double_the_suspension(self, harness: Harness, ann: Worker) -> None:
        """30 s, 60 s, … at most 10 min."""
        ann.tell(5, failures=5)
        for expected in (30, 60, 120, 240, 480, 600, 600):
            ann.ask(1)
            assert expected * (1 - rules.JITTER) - SLACK_S <= ann.share.paused_s
            assert ann.share.paused_s <= expected * (1 + rules.JITTER)
            harness.pass_time(expected * (1 + rules.JITTER) + 0.1)
            ann.tell(1, failures=1)

    def test_trouble_of_a_suspended_host_is_no_news(self, harness: Harness, ann: Worker) -> None:
        """What was under way when it was suspended makes nothing longer, and ends nothing."""
        ann.tell(5, failures=5)
        ann.tell(3, failures=3)
        ann.tell(1)
        assert ann.ask(1) == 0
        assert ann.share.paused_s <= 30 * (1 + rules.JITTER)
        harness.pass_time(40)
        assert ann.ask(6) == 1

    def test_odd_words_are_kept(self, desk: HostDesk, ann: Worker) -> None:
        """What a host says cannot break the desk."""
        words = "\x00\ud800" + "x" * 100_000
        desk.report("ann", [HostReport(HOST, 1, 0, pause_s=60, because=words)])
        ann.ask(1)
        assert len(ann.share.because) <= 300
        assert "x" in ann.share.because
        desk.report("ann", [])

    # ------------------------------------------------------ all together

    @pytest.mark.parametrize("seed", range(4))
    def test_no_mix_of_workers_exceeds_a_budget(self, harness: Harness, seed: int) -> None:
        """Whatever they want, hold, finish and forget, places and intervals hold."""
        chance = random.Random(seed)
        interval_s = 1.0 if seed % 2 else 0.0
        workers = [Worker(harness, f"w{number}", 3, interval_s) for number in range(5)]
        ends_at = dict.fromkeys((worker.name for worker in workers), 0.0)
        ended_at = dict.fromkeys(ends_at, float("-inf"))
        started = 0
        for _ in range(100):
            harness.pass_time(chance.choice((0.0, 0.1, 0.7, 2.0, 12.0)))
            for worker in workers:
                # What is under way ends before the share does, whatever became of the worker.
                if worker.in_use and harness.now() > ends_at[worker.name] - SLACK_S:
                    worker.in_use, ended_at[worker.name] = 0, ends_at[worker.name] - SLACK_S
            worker = chance.choice(workers)
            if ending := chance.randint(0, worker.in_use):
                worker.in_use, ended_at[worker.name] = worker.in_use - ending, harness.now()
            asked_at = harness.now()
            places = worker.ask(worker.in_use + chance.choice((0, 1, 2, 5)))
            ends_at[worker.name] = asked_at + worker.share.lasts_s
            may = max(0, places - worker.in_use)
            own_s = harness.now() - ended_at[worker.name]
            if may and (not interval_s or (worker.share.wait_s == 0 and own_s >= interval_s)):
                assert not interval_s or harness.now() >= max(ended_at.values()) + interval_s
                worker.in_use += may
                started += may
            assert sum(worker.in_use for worker in workers) <= (1 if interval_s else 3)
        assert started >= (5 if interval_s else 15)
