"""Timer triggers: NCRONTAB and TimeSpan schedules, status over restarts, retry policies."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.functions.meta import Datum

from pixcrawler.host.calls import FunctionFailed, FunctionInfo, Retry, WorkerLost
from pixcrawler.host.errors import AppNotLoaded
from pixcrawler.host.invocation import Event, OutputFailed, Runner
from pixcrawler.host.ledger import Ledger, TimerStatus
from pixcrawler.host.logs import HOST
from pixcrawler.host.ncrontab import Ncrontab
from pixcrawler.host.timespan import is_timespan, timespan_s

_NEVER = "0001-01-01T00:00:00+00:00"
# Wall clocks jump and machines sleep: look again at least this often.
_LONGEST_NAP_S = 60.0
_LONGEST_RETRY_S = float(2**31 - 1)


class Schedule:
    """When a timer fires, from its ``schedule`` text."""

    def __init__(self, text: str) -> None:
        """Read a schedule.

        Raises:
            ValueError: it is neither NCRONTAB nor a TimeSpan of at least a second.
        """
        self.text = text
        self._every: timedelta | None = None
        self._cron: Ncrontab | None = None
        if is_timespan(text):
            self._every = timedelta(seconds=timespan_s(text))
            if self._every < timedelta(seconds=1):
                raise ValueError(f"the interval {text!r} is shorter than a second")
        else:
            self._cron = Ncrontab(text)
            self._cron.next_after(datetime.now(UTC))

    def next_after(self, moment: datetime) -> datetime:
        """Return the next occurrence strictly after a moment."""
        if self._cron is not None:
            return self._cron.next_after(moment)
        return moment + (self._every or timedelta(days=1))


class RetryPolicy:
    """What ``@app.retry`` asks for, as the SDK describes it (all texts)."""

    def __init__(self, policy: Mapping[str, Any] | None) -> None:
        """Read a policy; None means no retries.

        Raises:
            ValueError: an interval cannot be read.
        """
        self.maximum = int(policy["max_retry_count"]) if policy else 0
        self._is_fixed = bool(policy) and str((policy or {}).get("strategy")) == "fixed_delay"
        self._fixed_s = _interval_s(policy, "delay_interval", 0.0)
        self._least_s = _interval_s(policy, "minimum_interval", 0.0)
        self._most_s = _interval_s(policy, "maximum_interval", _LONGEST_RETRY_S)

    def allows(self, count: int) -> bool:
        """Tell whether a retry may follow the attempt ``count`` (from 0); -1 means for ever."""
        return self.maximum < 0 or count < self.maximum

    def pause_s(self, count: int) -> float:
        """Return how long to wait after the attempt ``count``."""
        if self._is_fixed:
            return self._fixed_s
        spread = random.uniform(0.8, 1.2)  # noqa: S311 - spreading load, not a secret
        return min(self._most_s, max(self._least_s, self._least_s * 2.0 ** min(count, 60) * spread))


def _interval_s(policy: Mapping[str, Any] | None, name: str, default: float) -> float:
    text = (policy or {}).get(name)
    return timespan_s(str(text)) if text else default


class TimerListener:
    """Runs one timer function; its runs never overlap."""

    def __init__(
        self,
        info: FunctionInfo,
        runner: Runner,
        ledger: Ledger,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Read the timer's schedule and policy.

        Raises:
            AppNotLoaded: the schedule or the retry policy cannot be read.
        """
        self._info = info
        self._runner = runner
        self._ledger = ledger
        self._now = now
        self._is_monitored = info.trigger.get("useMonitor") is not False
        self._running: asyncio.Task[None] | None = None
        try:
            self._schedule = Schedule(str(info.trigger["schedule"]))
            self._policy = RetryPolicy(info.retry_policy)
        except (ValueError, TypeError, LookupError) as error:
            raise AppNotLoaded(f"cannot load the {info.name} function: {error}") from error

    async def listen(self) -> None:
        """Fire at every occurrence; one that was missed while the host was down fires once."""
        status = self._known_status()
        is_past_due = status is not None and datetime.fromisoformat(status.next) < self._now()
        runs_now = is_past_due or self._info.trigger.get("runOnStartup") is True
        due = self._now() if runs_now else self._schedule.next_after(self._now())
        while True:
            await self._wait_until(due)
            self._running = asyncio.create_task(self._fire(due, status, is_past_due=is_past_due))
            # Shielded: stopping the listener must let the run that is under way end.
            await asyncio.shield(self._running)
            following = self._schedule.next_after(max(self._now(), due))
            status = TimerStatus(
                self._schedule.text,
                due.isoformat(),
                following.isoformat(),
                self._now().isoformat(),
            )
            self._remember(status)
            due, is_past_due = following, False

    async def finish(self, drain_s: float) -> None:
        """Let the run that is under way end."""
        if self._running is not None and not self._running.done():
            await asyncio.wait({self._running}, timeout=drain_s)
            self._running.cancel()

    def _known_status(self) -> TimerStatus | None:
        status = self._ledger.timer(self._info.name) if self._is_monitored else None
        # Under another schedule the stored occurrence means nothing.
        return status if status is not None and status.schedule == self._schedule.text else None

    def _remember(self, status: TimerStatus) -> None:
        if self._is_monitored:
            self._ledger.put_timer(self._info.name, status)

    async def _wait_until(self, due: datetime) -> None:
        # Not an event: what is awaited is a moment of a clock that may jump.
        while (left_s := (due - self._now()).total_seconds()) > 0:  # noqa: ASYNC110 - see above
            await asyncio.sleep(min(left_s, _LONGEST_NAP_S))

    async def _fire(self, due: datetime, status: TimerStatus | None, *, is_past_due: bool) -> None:
        event = Event(
            data=self._datum(due, status, is_past_due=is_past_due),
            reason=f"Timer fired at {self._now().isoformat()}",
        )
        exception: str | None = None
        for count in range(2**31):
            try:
                retry = Retry(count, self._policy.maximum, exception)
                await self._runner.run(self._info, event, retry)
            except FunctionFailed as error:
                exception = error.message
            except (WorkerLost, OutputFailed) as error:
                exception = str(error)
                HOST.error("Functions.%s failed: %s", self._info.name, error)
            else:
                return
            if not self._policy.allows(count):
                return
            await asyncio.sleep(self._policy.pause_s(count))

    def _datum(self, due: datetime, status: TimerStatus | None, *, is_past_due: bool) -> Datum:
        shown = {
            "Last": status.last if status else _NEVER,
            "Next": due.isoformat(),
            "LastUpdated": status.updated if status else _NEVER,
        }
        document = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": shown if self._is_monitored else None,
            "IsPastDue": is_past_due,
        }
        return Datum(json.dumps(document), "json")
