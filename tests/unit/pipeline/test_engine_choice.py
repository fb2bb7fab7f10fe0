"""A job's choice of engines: what cannot be is refused, what will be ignored is noted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pixcrawler.domain.engine import Access, EngineCard, Honour
from pixcrawler.domain.filters import FilterName, Filters
from pixcrawler.domain.job import JobSpec
from pixcrawler.pipeline.engines.choice import faults, filter_notes
from pixcrawler.pipeline.engines.entries import Switches
from pixcrawler.pipeline.engines.ports import OptIn

CARDS = {
    card.name: card
    for card in (
        EngineCard(name="plain", title="Plain", access=Access.OPEN),
        EngineCard(name="licensed", title="Licensed", access=Access.OPEN, licensed=True),
        EngineCard(name="keyed", title="Keyed", access=Access.KEY, key_form="KEY:CX"),
        EngineCard(name="ours", title="Ours", access=Access.OWN),
        EngineCard(name="risky", title="Risky", access=Access.OPT_IN, terms="Beware.", unsafe=True),
        EngineCard(
            name="able",
            title="Able",
            access=Access.OPEN,
            filters={FilterName.TYPE: Honour.SEARCHED, FilterName.LICENSE: Honour.SEARCHED},
            lacks={FilterName.TYPE: ("face",), FilterName.LICENSE: ("free",)},
        ),
    )
}
SET_UP = {"plain", "licensed", "ours", "risky", "able"}
ACCEPTED = OptIn("risky", CARDS["risky"].terms_digest, "ann", datetime(2026, 11, 20, tzinfo=UTC))
NOTHING = Switches({}, frozenset())


def rules(*engines: str, switches: Switches = NOTHING, **filters: str) -> list[tuple[str, str]]:
    """Field and rule of every fault."""
    spec = JobSpec(name="x", categories={"x": ("x",)}, engines=engines, filters=Filters(**filters))
    return [(found.field, found.rule) for found in faults(spec, CARDS, SET_UP, switches)]


def ignored(*engines: str, **filters: object) -> dict[str, str]:
    """The note of each engine."""
    notes = filter_notes(Filters(**filters), [CARDS[name] for name in engines])
    assert {note.code for note in notes} <= {"filter_not_honoured"}
    return {note.subject: note.message for note in notes}


def test_each_fault_has_its_place_and_rule():
    """Unknown, not set up and switched off are told apart, all at once."""
    assert rules("plain", "nosuch", "keyed", "risky") == [
        ("engines.1", "unknown_engine"),
        ("engines.2", "engine_not_set_up"),
        ("engines.3", "engine_switched_off"),
    ]


def test_the_words_say_what_helps():
    """The setting, the command, and the engines that there are."""
    spec = JobSpec(name="x", categories={"x": ("x",)}, engines=("nosuch", "keyed", "risky"))
    unknown, keyed, off = (found.message for found in faults(spec, CARDS, SET_UP, NOTHING))
    assert "able, licensed, ours, plain, risky" in unknown
    assert "ENGINE_KEY_KEYED=KEY:CX" in keyed
    assert "pixcrawler engines enable risky" in off


def test_switches_decide():
    """Accepted terms open an engine, other terms close it, and any engine can be switched off."""
    assert rules("risky", switches=Switches({"risky": ACCEPTED}, frozenset())) == []
    old = OptIn("risky", "ab" * 32, "ann", ACCEPTED.accepted_at)
    refused = [("engines.0", "engine_switched_off")]
    assert rules("risky", switches=Switches({"risky": old}, frozenset())) == refused
    assert rules("plain", switches=Switches({}, frozenset({"plain"}))) == refused


@pytest.mark.parametrize(
    ("engine", "wish", "is_refused"),
    [
        ("plain", "open", True),
        ("licensed", "open", False),
        ("able", "open", False),
        ("able", "free", True),
        ("ours", "open", False),
        ("plain", "any", False),
    ],
)
def test_a_wished_licence_needs_an_engine_that_tells(engine, wish, is_refused):
    """An engine without evidence is refused, the user's own pictures are not."""
    expected = [("engines.0", "no_licence_evidence")] if is_refused else []
    assert rules(engine, license=wish) == expected


def test_what_bytes_can_show_is_never_ignored():
    """Size, aspect and colour are checked on the picture, whoever found it."""
    assert ignored("plain", size="large", aspect="wide", color="red") == {}


def test_what_nothing_checks_is_noted():
    """Type, days, region and language, unless the engine honours the very value."""
    wishes = {"type": "face", "since": "2020-01-01", "region": "fr", "language": "fr"}
    told = ignored("plain", "able", **wishes)
    assert set(told) == {"plain", "able"}
    for name in ("type", "date", "region", "language"):
        assert name in told["plain"]
    assert ignored("able", type="photo") == {}
    assert "type" in ignored("able", type="face")["able"]


def test_safe_search_is_noted_for_engines_that_list_anything():
    """The default is no note for museums, and one for the whole web."""
    assert set(ignored("plain", "risky")) == {"risky"}
    assert ignored("risky", safe_search=False) == {}


def test_a_licence_is_noted_for_own_pictures():
    """Nobody knows the licence of the user's own list, and the job says so."""
    assert set(ignored("ours", "licensed", license="open")) == {"ours"}
