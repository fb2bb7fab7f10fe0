"""NCRONTAB against a straight reading of its rules, second by second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixcrawler.host.ncrontab import Ncrontab

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
# Days to 28: every month has them.
BOUNDS = [(0, 59), (0, 59), (0, 23), (1, 28), (1, 12), (0, 6)]
NEXT = [
    ("0 */5 * * * *", "2026-01-01 00:05:00"),
    ("*/15 * * * * *", "2026-01-01 00:00:15"),
    ("0 0 2 * * *", "2026-01-01 02:00:00"),
    ("0 30 9 * * 1-5", "2026-01-01 09:30:00"),
    ("0 0 0 13 * 5", "2026-02-13 00:00:00"),  # day AND weekday
    ("0 0 0 1 1 *", "2027-01-01 00:00:00"),
    ("0 0 12 * jan,JUL mon", "2026-01-05 12:00:00"),
    ("5/20 * * * * *", "2026-01-01 00:00:05"),
    ("0 0 0 31 * *", "2026-01-31 00:00:00"),
    ("0 0 0 29 2 *", "2028-02-29 00:00:00"),
    ("0 0 8-17/3 * * *", "2026-01-01 08:00:00"),
    ("0 0 17-9 * * *", "2026-01-01 09:00:00"),  # a reversed range is swapped
    ("*/5 * * * *", "2026-01-01 00:05:00"),  # five fields: second 0
    ("0 0 0 * January Sun", "2026-01-04 00:00:00"),
    ("0 0 0 29 2 1", "2044-02-29 00:00:00"),
]
REFUSED = [
    "0 0 0 * * 7",
    "0 0 0 L * *",
    "60 * * * * *",
    "* * * *",
    "",
    "0 0 0 0 * *",
    "0 0 0 * * x",
    "*/0 * * * * *",
    "1--2 * * * * *",
    "1, * * * * *",
    "-1 * * * * *",
    "² * * * * *",
    "0 0 0 * * * *",
]


@pytest.mark.parametrize(("expression", "wanted"), NEXT)
def test_next_occurrence(expression, wanted):
    """Documented and awkward schedules fire when NCrontab says."""
    found = Ncrontab(expression).next_after(NEW_YEAR)
    assert f"{found:%Y-%m-%d %H:%M:%S}" == wanted


@pytest.mark.parametrize("expression", REFUSED)
def test_refused(expression):
    """What NCrontab refuses is refused, not guessed at."""
    with pytest.raises(ValueError, match=r"\w"):
        Ncrontab(expression)


def test_never():
    """A day that does not exist is an error, not an endless search."""
    with pytest.raises(ValueError, match="never"):
        Ncrontab("0 0 0 30 2 *").next_after(NEW_YEAR)


def fields(low, high):
    numbers = st.integers(low, high)
    return st.one_of(
        st.just("*"),
        st.integers(1, 40).map(lambda step: f"*/{step}"),
        st.tuples(numbers, numbers).map(lambda pair: f"{pair[0]}-{pair[1]}"),
        st.tuples(numbers, numbers, st.integers(1, 5)).map(lambda t: f"{t[0]}-{t[1]}/{t[2]}"),
        st.tuples(numbers, st.integers(1, 9)).map(lambda pair: f"{pair[0]}/{pair[1]}"),
        st.lists(numbers, min_size=1, max_size=4).map(lambda n: ",".join(map(str, n))),
    )


def meaning(text, low, high):
    """The values of one field, read straight from NCrontab's documentation."""
    values = set()
    for part in text.split(","):
        body, _, step = part.partition("/")
        ends = body.split("-")
        if body == "*":
            first, last = low, high
        elif len(ends) == 2:
            first, last = sorted(map(int, ends))
        else:
            first, last = int(body), high if step else int(body)
        values |= {
            v
            for v in range(low, high + 1)
            if first <= v <= last and (v - first) % int(step or 1) == 0
        }
    return values


def occurs(expression, moment):
    """Whether a schedule fires in this very second."""
    shown = (
        moment.second,
        moment.minute,
        moment.hour,
        moment.day,
        moment.month,
        (moment.weekday() + 1) % 7,
    )
    bounds = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6)]
    return all(
        value in meaning(text, *bound)
        for text, value, bound in zip(expression.split(), shown, bounds, strict=True)
    )


moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


@given(seconds=fields(0, 59), minutes=fields(0, 59), moment=moments)
def test_same_as_counting_seconds(seconds, minutes, moment):
    """The next occurrence is the first second, counted one by one, that fits all fields."""
    expression = f"{seconds} {minutes} * * * *"
    found = Ncrontab(expression).next_after(moment)
    second = moment.replace(microsecond=0) + timedelta(seconds=1)
    # A gap of more than two hours cannot be: every hour fits.
    for _ in range(2 * 3600 + 1):
        if second == found:
            break
        assert not occurs(expression, second)
        second += timedelta(seconds=1)
    assert occurs(expression, found)


@given(
    hours=fields(0, 23),
    days=fields(1, 28),
    months=fields(1, 12),
    weekdays=fields(0, 6),
    moment=moments,
)
def test_same_as_counting_days(hours, days, months, weekdays, moment):
    """Day, month and day of the week must all fit; no earlier hour does."""
    expression = f"0 0 {hours} {days} {months} {weekdays}"
    found = Ncrontab(expression).next_after(moment)
    assert found > moment
    assert occurs(expression, found)
    hour = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    for _ in range(24 * 60):
        if hour >= found:
            break
        assert not occurs(expression, hour)
        hour += timedelta(hours=1)


@given(
    expression=st.tuples(
        *(fields(*b) for b in [(0, 59), (0, 59), (0, 23), (1, 28), (1, 12), (0, 6)])
    ),
    moment=moments,
)
def test_occurrences_follow_each_other(expression, moment):
    """Walking on never repeats or goes back."""
    schedule = Ncrontab(" ".join(expression))
    first = schedule.next_after(moment)
    assert moment < first < schedule.next_after(first)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    """Nothing but ValueError comes out of a text that is no schedule."""
    try:
        Ncrontab(text)
    except ValueError:
        return
