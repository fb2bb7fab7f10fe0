"""Filters: what can be wished, and what of it engines are asked for."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from pixcrawler.domain.filters import FilterName, Filters

DAY = date(2024, 2, 29)


@pytest.mark.parametrize("until", [DAY, date(2024, 3, 1), None])
def test_a_range_of_days_may_be_one_day_or_open(until):
    """Both ends belong to it."""
    assert Filters(since=DAY, until=until).until == until


def test_a_range_of_days_has_an_order():
    """One that nothing can be in is told, with the day that it would have to follow."""
    with pytest.raises(ValidationError, match=r"must not be before since \(2024-02-29\)"):
        Filters(since=DAY, until=date(2024, 2, 28))


@pytest.mark.parametrize(
    ("wish", "names"),
    [
        ({}, {FilterName.SAFE_SEARCH}),
        ({"safe_search": False}, set()),
        ({"safe_search": False, "min_width": 2000, "max_aspect_ratio": 2.0}, set()),
        ({"safe_search": False, "until": DAY}, {FilterName.DATE}),
        ({"safe_search": False, "since": DAY}, {FilterName.DATE}),
        (
            {"region": "fr", "language": "de", "size": "huge", "aspect": "wide", "color": "red"},
            set(FilterName) - {FilterName.TYPE, FilterName.LICENSE, FilterName.DATE},
        ),
        (
            {"safe_search": False, "type": "face", "license": "free"},
            {FilterName.TYPE, FilterName.LICENSE},
        ),
    ],
)
def test_a_wish_is_what_goes_beyond_the_default(wish, names):
    """Only that is held against an engine; what bytes show, engines need not know."""
    assert Filters(**wish).wished() == names
