"""NCRONTAB, the schedule language of timer triggers: six fields, day and day-of-week both match."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

_MONTHS: Final = tuple(name.lower() for name in calendar.month_name[1:])
_WEEKDAYS: Final = (
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
)
# From any day, every reachable combination of day, month and weekday comes within 28 years,
# save around a century without a leap day, where 29 February needs up to 40.
_HORIZON_YEARS: Final = 41


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()

    def values(self, text: str) -> tuple[int, ...]:
        found: set[int] = set()
        for part in text.split(","):
            found.update(self._part(part))
        return tuple(sorted(found))

    def _part(self, text: str) -> range:
        body, slash, step_text = text.partition("/")
        step = 1
        if slash:
            if not step_text.isdecimal() or int(step_text) < 1:
                raise ValueError(f"{text!r} has no valid step for the {self.name}")
            step = int(step_text)
        first, dash, last = body.partition("-")
        if body == "*":
            low, high = self.low, self.high
        elif dash:
            # NCrontab reads a reversed range as if it were written the right way round.
            low, high = sorted((self._value(first), self._value(last)))
        else:
            low = self._value(body)
            high = self.high if slash else low
        return range(low, high + 1, step)

    def _value(self, text: str) -> int:
        if text.isdecimal() and text.isascii():
            number = int(text)
        else:
            matches = [
                index
                for index, word in enumerate(self.words)
                if text and word.startswith(text.lower())
            ]
            if not matches:
                raise ValueError(f"{text!r} is not a {self.name}")
            number = matches[0] + self.low
        if not self.low <= number <= self.high:
            raise ValueError(f"{number} is not a {self.name} ({self.low} to {self.high})")
        return number


_FIELDS: Final = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 6, _WEEKDAYS),
)


class Ncrontab:
    """One schedule such as ``0 */5 * * * *``."""

    def __init__(self, expression: str) -> None:
        """Read an expression; with five fields the second is 0.

        Raises:
            ValueError: it is not NCRONTAB.

        Source: NCrontab (CrontabField, CrontabSchedule).
        """
        texts = expression.split()
        if len(texts) == len(_FIELDS) - 1:
            texts.insert(0, "0")
        if len(texts) != len(_FIELDS):
            raise ValueError(f"a schedule has six fields, {expression!r} has {len(texts)}")
        values = [field.values(text) for field, text in zip(_FIELDS, texts, strict=True)]
        self.seconds, self.minutes, self.hours, self.days, self.months, self.weekdays = values

    def next_after(self, moment: datetime) -> datetime:
        """Return the first occurrence strictly after a moment, in the moment's time zone.

        Raises:
            ValueError: there is none, as for 30 February.
        """
        start = moment.replace(microsecond=0) + timedelta(seconds=1)
        for day in self._days_from(start.date()):
            earliest = start.time() if day == start.date() else time()
            found = self._time_from(earliest)
            if found is not None:
                return datetime.combine(day, found, tzinfo=moment.tzinfo)
        raise ValueError("this schedule never occurs")

    def _days_from(self, start: date) -> Iterator[date]:
        for year in range(start.year, min(start.year + _HORIZON_YEARS, date.max.year + 1)):
            for month in self.months:
                if (year, month) < (start.year, start.month):
                    continue
                length = calendar.monthrange(year, month)[1]
                days = (date(year, month, day) for day in self.days if day <= length)
                yield from (
                    day for day in days if day >= start and (day.weekday() + 1) % 7 in self.weekdays
                )

    def _time_from(self, earliest: time) -> time | None:
        floor = (earliest.hour, earliest.minute, earliest.second)
        for hour in self.hours:
            if hour < earliest.hour:
                continue
            for minute in self.minutes:
                if (hour, minute) < floor[:2]:
                    continue
                for second in self.seconds:
                    if (hour, minute, second) >= floor:
                        return time(hour, minute, second)
        return None
