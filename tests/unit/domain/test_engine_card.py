"""Cards of engines say before a job starts which wishes come true."""

from __future__ import annotations

import pytest

from pixcrawler.domain.engine import Access, EngineCard, Honour
from pixcrawler.domain.filters import FilterName, Filters

CARD = EngineCard(
    name="sample",
    title="Sample",
    access=Access.OPEN,
    filters={
        FilterName.COLOR: Honour.SEARCHED,
        FilterName.LANGUAGE: Honour.SEARCHED,
        FilterName.SIZE: Honour.SIFTED,
        FilterName.DATE: Honour.SEARCHED,
    },
    lacks={FilterName.COLOR: ("transparent",)},
    knows={FilterName.LANGUAGE: ("en", "fr")},
)


@pytest.mark.parametrize(
    ("name", "wish", "honour"),
    [
        (FilterName.COLOR, {"color": "red"}, Honour.SEARCHED),
        (FilterName.COLOR, {"color": "transparent"}, None),
        (FilterName.LANGUAGE, {"language": "fr"}, Honour.SEARCHED),
        (FilterName.LANGUAGE, {"language": "ja"}, None),
        (FilterName.LANGUAGE, {}, Honour.SEARCHED),
        (FilterName.SIZE, {"size": "huge"}, Honour.SIFTED),
        (FilterName.DATE, {"since": "2024-01-01"}, Honour.SEARCHED),
        (FilterName.REGION, {"region": "fr"}, None),
    ],
)
def test_a_value_that_an_engine_does_not_know_is_not_honoured(name, wish, honour):
    """Whether listed as lacking, or missing in the list of all that it knows."""
    assert CARD.honour(name, Filters.model_validate(wish)) is honour


def test_other_terms_have_another_digest():
    """Whoever accepted the old ones has not accepted these; a new title changes nothing."""
    old = CARD.model_copy(update={"terms": "Asks slowly."})
    assert old.terms_digest == old.model_copy(update={"title": "Renamed"}).terms_digest
    assert old.terms_digest != old.model_copy(update={"terms": "Asks slowly!"}).terms_digest
