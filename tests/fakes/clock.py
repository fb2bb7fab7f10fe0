"""A clock that goes on only when somebody sleeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """Time without waiting: give ``now`` and ``sleep`` to what would really wait."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)
