"""Durations as host.json and decorators write them: .NET TimeSpan text."""

from __future__ import annotations

import re

_TIMESPAN = re.compile(
    r"(?:(?P<days>\d+)\.)?(?P<hours>\d{1,2}):(?P<minutes>[0-5]?\d)"
    r"(?::(?P<seconds>[0-5]?\d)(?:\.(?P<fraction>\d{1,7}))?)?"
)


def timespan_s(text: str) -> float:
    """Return a TimeSpan such as ``1.02:03:04.5`` in seconds.

    Raises:
        ValueError: the text is not a TimeSpan.

    Source: .NET standard TimeSpan format "c".
    """
    match = _TIMESPAN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration of the form [days.]hours:minutes:seconds")
    whole = int(match["days"] or 0) * 86_400 + int(match["hours"]) * 3_600
    whole += int(match["minutes"]) * 60 + int(match["seconds"] or 0)
    return whole + float(f"0.{match['fraction'] or 0}")


def is_timespan(text: str) -> bool:
    """Tell whether a schedule is a TimeSpan and not an NCRONTAB expression."""
    return _TIMESPAN.fullmatch(text.strip()) is not None
