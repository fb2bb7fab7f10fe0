"""Timers on a clock of the test's own: due, past due, never twice at once, retried."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pixcrawler.host.calls import Answer, FunctionFailed, FunctionInfo
from pixcrawler.host.errors import AppNotLoaded
from pixcrawler.host.ledger import Ledger, TimerStatus
from pixcrawler.host.timers import RetryPolicy, Schedule, TimerListener

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Clock:
    """Jumps to whatever is waited for: asyncio's sleeps cost nothing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOON
        real_sleep = asyncio.sleep

        async def sleep(seconds: float, result: object = None) -> object:
            self.now += timedelta(seconds=seconds)
            return await real_sleep(0, result)

        monkeypatch.setattr(asyncio, "sleep", sleep)

    def __call__(self) -> datetime:
        return self.now


class Recorder:
    """Stands where functions run: notes each run and ends the test after enough of them."""

    def __init__(self, clock: Clock, runs: int, failures: int = 0, takes_s: float = 0) -> None:
        self.clock, self.left, self.failures, self.takes_s = clock, runs, failures, takes_s
        self.seen: list[tuple[datetime, dict[str, object], int]] = []
        self.enough = asyncio.Event()

    async def run(self, info, event, retry=None):
        self.seen.append((self.clock(), json.loads(event.data.value), retry.count))
        self.clock.now += timedelta(seconds=self.takes_s)
        self.left -= 1
        if self.left <= 0:
            self.enough.set()
            await asyncio.Event().wait()
        if len(self.seen) <= self.failures:
            raise FunctionFailed("ValueError", "not yet", "")
        return Answer()


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.fixture
def ledger(tmp_path: Path):
    opened = Ledger(tmp_path / "triggers.sqlite")
    yield opened
    opened.close()


def listen(ledger, recorder, schedule, *, retry=None, **binding):
    """Run a timer until its recorder has seen enough."""
    trigger = {
        "name": "t",
        "type": "timerTrigger",
        "direction": "IN",
        "schedule": schedule,
        **binding,
    }
    info = FunctionInfo("tick", trigger, (trigger,), retry)

    async def story():
        listener = TimerListener(info, recorder, ledger, recorder.clock)
        task = asyncio.create_task(listener.listen())
        await asyncio.wait_for(recorder.enough.wait(), 10)
        task.cancel()
        await listener.finish(0)

    asyncio.run(story())
    return recorder.seen


def test_fires_on_time(clock, ledger):
    """Every occurrence fires once, at its second, and is not past due."""
    seen = listen(ledger, Recorder(clock, 3), "*/10 * * * * *")
    assert [moment for moment, _, _ in seen] == [NOON + timedelta(seconds=s) for s in (10, 20, 30)]
    assert [told["IsPastDue"] for _, told, _ in seen] == [False] * 3
    assert seen[1][1]["ScheduleStatus"]["Last"] == "2026-01-01T12:00:10+00:00"


def test_interval(clock, ledger):
    """A TimeSpan fires every so often."""
    seen = listen(ledger, Recorder(clock, 2), "00:01:30")
    assert [moment for moment, _, _ in seen] == [NOON + timedelta(seconds=s) for s in (90, 180)]


def test_missed_once(clock, ledger):
    """What was missed while the host was down fires once, at once, as past due."""
    known = TimerStatus(
        "0 * * * * *", "2026-01-01T10:00:00+00:00", "2026-01-01T10:01:00+00:00", "x"
    )
    ledger.put_timer("tick", known)
    seen = listen(ledger, Recorder(clock, 2), "0 * * * * *")
    assert [(moment, told["IsPastDue"]) for moment, told, _ in seen] == [
        (NOON, True),
        (NOON + timedelta(minutes=1), False),
    ]


def test_changed_schedule_is_not_past_due(clock, ledger):
    """An occurrence of an older schedule was not missed."""
    ledger.put_timer("tick", TimerStatus("0 0 * * * *", "x", "2026-01-01T10:00:00+00:00", "x"))
    (first, *_) = listen(ledger, Recorder(clock, 1), "0 * * * * *")
    assert first[0] == NOON + timedelta(minutes=1)


def test_unmonitored(clock, ledger):
    """Without useMonitor nothing is remembered or shown."""
    (first, *_) = listen(ledger, Recorder(clock, 2), "0 * * * * *", useMonitor=False)
    assert first[1]["ScheduleStatus"] is None
    assert ledger.timer("tick") is None


def test_run_on_startup(clock, ledger):
    """RunOnStartup fires at once, then on schedule."""
    seen = listen(ledger, Recorder(clock, 2), "0 * * * * *", runOnStartup=True)
    assert [moment for moment, _, _ in seen] == [NOON, NOON + timedelta(minutes=1)]


def test_never_overlaps(clock, ledger):
    """A run longer than the interval skips what it covered."""
    seen = listen(ledger, Recorder(clock, 2, takes_s=25), "*/10 * * * * *")
    assert [moment for moment, _, _ in seen] == [NOON + timedelta(seconds=s) for s in (10, 40)]


def test_retries(clock, ledger):
    """A fixed-delay policy runs again that often, with the attempt's number."""
    policy = {"strategy": "fixed_delay", "max_retry_count": "2", "delay_interval": "00:00:03"}
    seen = listen(ledger, Recorder(clock, 4, failures=3), "0 * * * * *", retry=policy)
    starts = [(moment - NOON).total_seconds() for moment, _, _ in seen]
    assert starts == [60, 63, 66, 120]
    assert [count for _, _, count in seen] == [0, 1, 2, 0]


def test_exponential_backoff():
    """Pauses double from the least to the most, give or take a fifth; -1 means for ever."""
    policy = RetryPolicy(
        {
            "strategy": "exponential_backoff",
            "max_retry_count": "-1",
            "minimum_interval": "00:00:02",
            "maximum_interval": "00:00:20",
        }
    )
    assert policy.allows(10**6)
    assert 2 <= policy.pause_s(0) <= 2.4
    assert 6.4 <= policy.pause_s(2) <= 9.6
    assert policy.pause_s(10**6) == 20


@pytest.mark.parametrize("schedule", ["", "every day", "00:00:00", "0 0 0 30 2 *", "* * * * * 8"])
def test_bad_schedules(schedule, ledger):
    """A timer that cannot ever fire keeps the app from loading and names the function."""
    trigger = {"name": "t", "type": "timerTrigger", "direction": "IN", "schedule": schedule}
    with pytest.raises(AppNotLoaded, match="cannot load the tick function"):
        TimerListener(FunctionInfo("tick", trigger, (trigger,)), None, ledger)


def test_interval_schedule():
    """The next occurrence of an interval counts from the moment given."""
    assert Schedule("00:00:30").next_after(NOON) == NOON + timedelta(seconds=30)
