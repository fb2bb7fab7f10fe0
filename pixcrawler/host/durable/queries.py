"""Query strings of the management API, as conditions on instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pixcrawler.host.durable.errors import DurableRefused
from pixcrawler.host.durable.history import moment

STATUSES = (
    "Running",
    "Completed",
    "ContinuedAsNew",
    "Failed",
    "Canceled",
    "Terminated",
    "Pending",
    "Suspended",
)
_MOST_ROWS = 1_000


@dataclass(frozen=True)
class Condition:
    """An SQL condition with placeholders, and their values."""

    where: str
    values: list[Any]


def condition(query: Mapping[str, str], after: str | None = None) -> Condition:
    """Which instances are meant.

    Args:
        query: runtimeStatus (comma-separated), createdTimeFrom, createdTimeTo, instanceIdPrefix.
        after: only ids behind this one; a continuation token.

    Raises:
        DurableRefused: a status or time that cannot be read. The extension passes over those,
            but a filter that was misspelt must not widen a purge.
    """
    parts: list[str] = ["1=1"]
    values: list[Any] = []
    if statuses := query.get("runtimeStatus"):
        names = [_status(name) for name in statuses.split(",")]
        parts.append(f"status IN ({','.join('?' * len(names))})")
        values.extend(names)
    for key, comparison in (("createdTimeFrom", ">="), ("createdTimeTo", "<=")):
        if text := query.get(key):
            parts.append(f"created{comparison}?")
            values.append(_time(key, text))
    if prefix := query.get("instanceIdPrefix"):
        parts.append("substr(id, 1, ?)=?")
        values.extend((len(prefix), prefix))
    if after:
        parts.append("id>?")
        values.append(after)
    return Condition(" AND ".join(parts), values)


def page_size(query: Mapping[str, str]) -> int | None:
    """How many rows ``top`` asks for, at most 1,000; None when it asks for all.

    Raises:
        DurableRefused: not a whole number above 0.
    """
    text = query.get("top")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise DurableRefused(f"top must be a whole number above 0, not {text!r}.")
    return min(int(text), _MOST_ROWS)


def flag(query: Mapping[str, str], key: str, *, default: bool) -> bool:
    """A true or false of the query; the SDK writes them with a capital."""
    return query.get(key, str(default)).lower() == "true"


def seconds(query: Mapping[str, str], key: str) -> float | None:
    """A duration of the query in seconds; None when it is missing.

    Raises:
        DurableRefused: not a number from 0 to a day.
    """
    text = query.get(key)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 24 * 3600:
        raise DurableRefused(f"{key} must be a number of seconds up to a day, not {text!r}.")
    return value


def _status(name: str) -> str:
    found = next((known for known in STATUSES if known.lower() == name.strip().lower()), None)
    if found is None:
        raise DurableRefused(f"{name!r} is no runtimeStatus. Known are: {', '.join(STATUSES)}.")
    return found


def _time(key: str, text: str) -> float:
    try:
        return moment(text).timestamp()
    except (ValueError, OverflowError) as error:
        raise DurableRefused(f"{key} must be an ISO 8601 time, not {text!r}.") from error
