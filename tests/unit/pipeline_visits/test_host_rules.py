"""The arithmetic of fairness to hosts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixcrawler.pipeline.visits import host_rules as rules
from pixcrawler.pipeline.visits.host_rules import Claim

claims = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 1000)), max_size=30).map(
    lambda pairs: [Claim(f"w{n}", wanted, since) for n, (wanted, since) in enumerate(pairs)]
)
budgets = st.integers(0, 30)


@given(budgets, claims)
def test_all_places_are_given_and_no_more(budget: int, wishes: list[Claim]) -> None:
    """The sum is the budget, or less only when all have what they want."""
    given_ = rules.allotment(budget, wishes)
    assert sum(given_.values()) == min(budget, sum(claim.wanted for claim in wishes))
    assert all(0 <= given_[claim.worker] <= claim.wanted for claim in wishes)


@given(budgets, claims)
def test_each_has_its_part(budget: int, wishes: list[Claim]) -> None:
    """With places enough, everybody has an equal part at least, or all that it wants."""
    given_ = rules.allotment(budget, wishes)
    if wishes and len(wishes) <= budget:
        part = budget // len(wishes)
        assert all(given_[claim.worker] >= min(claim.wanted, part) for claim in wishes)


@given(budgets, claims)
def test_nobody_is_favoured(budget: int, wishes: list[Claim]) -> None:
    """Of two who want more, neither has two more than the other."""
    given_ = rules.allotment(budget, wishes)
    short = [given_[claim.worker] for claim in wishes if given_[claim.worker] < claim.wanted]
    assert not short or max(given_.values()) <= min(short) + 1


@given(budgets, claims)
def test_with_too_few_places_the_oldest_come_first(budget: int, wishes: list[Claim]) -> None:
    """One each, however many they want; nobody overtakes who has waited longer."""
    given_ = rules.allotment(budget, wishes)
    if len(wishes) > budget:
        assert max(given_.values()) <= 1
        served = [claim.since for claim in wishes if given_[claim.worker]]
        left = [claim.since for claim in wishes if not given_[claim.worker]]
        assert not served or max(served) <= min(left)


@given(budgets, claims, st.randoms())
def test_the_order_of_asking_does_not_matter(
    budget: int, wishes: list[Claim], chance: random.Random
) -> None:
    """The same claims get the same places."""
    shuffled = list(wishes)
    chance.shuffle(shuffled)
    assert rules.allotment(budget, shuffled) == rules.allotment(budget, wishes)


@given(st.integers(1, 10_000))
def test_pauses_of_ours_are_bounded(number: int) -> None:
    """However often in a row, and never nothing."""
    assert 3 < rules.back_off_s(number) <= rules.BACK_OFF_MAX_S * (1 + rules.JITTER)
    assert 20 < rules.suspension_s(number) <= rules.SUSPENDED_MAX_S * (1 + rules.JITTER)


@given(st.none() | st.floats(allow_nan=False))
def test_stated_pauses_are_bounded(pause_s: float | None) -> None:
    """None stays none; nothing is negative, or longer than a day."""
    stated_s = rules.stated_s(pause_s)
    assert (stated_s is None) == (pause_s is None)
    assert stated_s is None or 0 <= stated_s <= 86_400


@given(st.text())
def test_words_can_be_stored(text: str) -> None:
    """PostgreSQL takes neither the character zero nor halves of pairs."""
    plain = rules.plain(text)
    assert len(plain) <= 300
    assert "\0" not in plain
    plain.encode()


@pytest.mark.parametrize(
    ("host", "at_once", "budget"),
    [
        ("pictures.example", 6, 6),
        ("pictures.example:8080", 40, 40),
        ("upload.wikimedia.org", 6, 2),
        ("upload.wikimedia.org:8443", 6, 2),
        ("upload.wikimedia.org", 1, 1),
        ("commons.wikimedia.org", 6, 6),
        ("api.gbif.org", 6, 1),
        ("api.gbif.org.example", 6, 6),
    ],
    ids=str,
)
def test_a_host_that_states_its_budget_has_it(host: str, at_once: int, budget: int) -> None:
    """The setting makes it smaller, never larger."""
    assert rules.budget_of(host, at_once) == budget
