"""The user's own list of addresses, as an engine."""

from __future__ import annotations

import pytest

from pixcrawler.adapters.engines.urls import PAGE_SIZE, UrlsEngine
from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.filters import Filters
from tests.contracts.engine import QUERY


@pytest.mark.parametrize("count", [1, PAGE_SIZE, PAGE_SIZE + 1, 10_000])
def test_a_list_of_addresses_comes_whole_and_in_order(count):
    """Page after page, every address of the user's list comes once."""
    listed = tuple(f"https://a.example/{n}.jpg" for n in range(count))
    query = QUERY.model_copy(update={"addresses": listed})
    given, cursor, pages = [], None, 0
    while True:
        page = UrlsEngine().search(query, cursor, Filters())
        pages += 1
        given += [find.url for find in page.finds]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert tuple(given) == listed
    assert pages == -(-count // PAGE_SIZE)


def test_an_empty_list_is_empty():
    """A query without addresses gives nothing."""
    assert UrlsEngine().search(QUERY, None, Filters()).status is EngineStatus.EMPTY
