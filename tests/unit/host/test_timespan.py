"""TimeSpan texts of host.json and decorators."""

from __future__ import annotations

import pytest

from pixcrawler.host.timespan import is_timespan, timespan_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:00:01", 1),
        ("00:10:00", 600),
        ("1.02:03:04.5", 93_784.5),
        ("00:00:00.0500000", 0.05),
        ("24:00", 86_400),
        ("7.00:00:00", 604_800),
    ],
)
def test_read(text, seconds):
    """Every documented form is read to the fraction of a second."""
    assert timespan_s(text) == seconds
    assert is_timespan(text)


@pytest.mark.parametrize("text", ["", "5", "00:60:00", "00:00:61", "-00:01:00", "soon", "1:2:3:4"])
def test_refused(text):
    """Anything else is an error that shows the text."""
    with pytest.raises(ValueError, match="duration"):
        timespan_s(text)
    assert not is_timespan(text)
