"""Estimates are in order, grow with what is wanted, and say what they rest on."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pixcrawler.domain.engine import Access, BlockKind, EngineCard, EngineStatus, Quota
from pixcrawler.domain.estimate import Counts, Measures
from pixcrawler.domain.filters import FilterName
from pixcrawler.domain.job import Budget, JobSpec
from pixcrawler.pipeline.discovery.lanes import lanes_of
from pixcrawler.pipeline.engines.ports import Page
from pixcrawler.pipeline.estimate import estimated
from pixcrawler.pipeline.expand import queries_of
from pixcrawler.pipeline.outlook.experience import MIN_CANDIDATES, MIN_JOBS, OVERHEAD_S, PastJob
from pixcrawler.pipeline.outlook.sampling import Sample, Taste

# No time limits: a busy machine is not a broken promise.
STEADY = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OFF = {"mode": "off"}


def a_spec(**fields):
    """A job of two keywords."""
    given = {"name": "birds", "categories": {"robin": ("robin",), "wren": ("wren",)}, **fields}
    return JobSpec.model_validate({"engines": ("aa",), "expand": OFF, **given})


def a_card(name="aa", **facts):
    """An engine's card."""
    return EngineCard.model_validate({"name": name, "title": name, "access": Access.OPEN, **facts})


def keys(count, start=0):
    """Keys of pictures."""
    return frozenset(f"{number:032x}" for number in range(start, start + count))


def a_sample(spec, tastes, **facts):
    """A sample of an engine, one taste for each of its first queries."""
    card = a_card(**facts)
    numbers = tuple(n for lane in lanes_of(card.name, queries_of(spec)) for n in lane.queries)
    return Sample(card, numbers, list(tastes))


def an_estimate(spec, samples, past=()):
    """The estimate."""
    return estimated(spec, queries_of(spec), samples, past, NOW)


def a_past_job(engine="aa", candidates=100, good=80, **facts):
    """A finished job."""
    return PastJob(
        {engine: candidates}, candidates, good, **{"bytes": 10**7, "seconds": 60} | facts
    )


def test_what_is_all_there_is_certain():
    """Pages without a next one are counted, not guessed."""
    spec = a_spec(max_images=1000)
    tastes = [Taste(0, keys(30), 30, has_more=False), Taste(1, keys(20, 30), 20, has_more=False)]
    one = an_estimate(spec, [a_sample(spec, tastes)])
    assert one.candidates == Counts(low=50, expected=50, high=50)
    assert one.found == 50
    assert 0 < one.images.low <= one.images.expected < one.images.high <= 50


@pytest.mark.parametrize(
    ("facts", "total", "high"),
    [
        ({}, None, 1000),
        ({"max_results": 400}, None, 400),
        ({"max_results": 400}, 10**9, 400),
        ({"max_results": 400}, 150, 150),
        ({"max_results": 400}, 3, 20),
        ({"max_results": 400, "shards": (FilterName.COLOR,)}, 900, 900),
    ],
    ids=["nothing", "cap", "a large claim", "a small claim", "a lie", "shards"],
)
def test_claims_are_upper_hints_only(facts, total, high):
    """What an engine says of its total moves the upper bound, never the lower one."""
    spec = a_spec(categories={"robin": ("robin",)})
    taste = Taste(0, keys(20), 20, has_more=True, total=total)
    one = an_estimate(spec, [a_sample(spec, [taste], **facts)]).candidates
    assert (one.low, one.high) == (20, high)
    assert one.low <= one.expected <= one.high


def test_what_is_sifted_out_does_not_count():
    """Where half of a page cannot be wanted, half of the rest is expected to be so too."""
    spec = a_spec(categories={"robin": ("robin",)})
    taste = Taste(0, keys(10), 20, has_more=True)
    one = an_estimate(spec, [a_sample(spec, [taste], max_results=100)]).candidates
    assert (one.low, one.high) == (10, 50)


def test_keywords_that_were_not_asked_are_like_those_that_were():
    """Two of ten keywords are sampled; the others stand for as many, with more doubt."""
    spec = a_spec(categories={f"bird {n}": (f"bird {n}",) for n in range(10)}, max_images=10_000)
    tastes = [Taste(n, keys(40, n * 40), 40, has_more=False) for n in range(2)]
    one = an_estimate(spec, [a_sample(spec, tastes)]).candidates
    assert one.expected == 400
    assert one.low < 400 < one.high


def test_variations_add_what_the_keyword_did_not_give():
    """A variation that gives the same pictures adds nothing; one that gives others does."""
    spec = a_spec(categories={"robin": ("robin",)}, expand={"per_keyword": 3}, max_images=10_000)
    plain = Taste(0, keys(40), 40, has_more=False)
    same = an_estimate(spec, [a_sample(spec, [plain, Taste(1, keys(40), 40, has_more=False)])])
    other = an_estimate(spec, [a_sample(spec, [plain, Taste(1, keys(40, 20), 40, has_more=False)])])
    assert same.candidates.expected == 40
    assert same.candidates.high > 40, "the other variations were not looked at"
    assert other.candidates.expected > 60


def test_what_several_engines_have_counts_once():
    """The overlap of the first pages is taken off all pages."""
    spec = a_spec(engines=("aa", "bb"), categories={"robin": ("robin",)})
    samples = [
        a_sample(spec, [Taste(0, keys(40), 40, has_more=False)], name="aa"),
        a_sample(spec, [Taste(0, keys(40, 20), 40, has_more=False)], name="bb"),
    ]
    one = an_estimate(spec, samples)
    assert (one.found, one.overlap) == (60, 0.25)
    assert one.candidates.expected == 60


def test_an_engine_that_stands_by_adds_nothing():
    """Engines of one index are counted once, and the report names who was asked."""
    spec = a_spec(engines=("aa", "bb"), categories={"robin": ("robin",)})
    leader = a_sample(spec, [Taste(0, keys(40), 40, has_more=False)])
    other = a_sample(spec, [], name="bb")
    other.stands_by_for = "aa"
    one = an_estimate(spec, [leader, other])
    assert one.candidates.expected == 40
    assert one.engines[1].stands_by_for == "aa"


def test_trouble_is_told():
    """An engine that refuses has its status, kind and words in the estimate, and no yield."""
    spec = a_spec()
    sample = a_sample(spec, [])
    sample.trouble = Page(EngineStatus.BLOCKED, kind=BlockKind.QUOTA, detail="used up")
    [one] = an_estimate(spec, [sample]).engines
    assert (one.status, one.kind, one.detail) == (EngineStatus.BLOCKED, BlockKind.QUOTA, "used up")
    assert one.images == Counts(low=0, expected=0, high=0)


def test_enough_jobs_take_the_place_of_general_experience():
    """With a few finished jobs on the engine, their survival, bytes and time count."""
    spec = a_spec(max_images=50)
    sample = a_sample(spec, [Taste(0, keys(400), 400, has_more=False)])
    past = [a_past_job(good=good) for good in range(40, 40 + 2 * MIN_JOBS, 2)]
    few, many = (an_estimate(spec, [sample], past[:count]) for count in (MIN_JOBS - 1, MIN_JOBS))
    assert "too few" in few.engines[0].survival_from
    assert str(MIN_JOBS) in many.engines[0].survival_from
    assert many.engines[0].survival.low < 0.44 <= many.engines[0].survival.high < 0.7
    assert many.bytes.expected == pytest.approx(50 / 0.44 * 10**5, rel=0.05)
    assert an_estimate(spec, [sample], [a_past_job("other")] * 9).bytes == few.bytes


def test_tiny_jobs_teach_nothing():
    """Of a job of a few candidates, most is chance."""
    spec = a_spec()
    sample = a_sample(spec, [Taste(0, keys(40), 40, has_more=False)])
    tiny, small = (
        an_estimate(spec, [sample], [a_past_job(candidates=count, good=1)] * MIN_JOBS).engines[0]
        for count in (MIN_CANDIDATES - 1, MIN_CANDIDATES)
    )
    assert "too few" in tiny.survival_from
    assert small.survival.expected == 1 / MIN_CANDIDATES


def test_what_does_not_depend_on_the_number_is_counted_once():
    """Jobs that took no longer than any job does teach that candidates cost nothing."""
    spec = a_spec(max_images=50)
    sample = a_sample(spec, [Taste(0, keys(400), 400, has_more=False)])
    one = an_estimate(spec, [sample], [a_past_job(seconds=OVERHEAD_S.low)] * MIN_JOBS)
    assert one.minutes.expected == round(OVERHEAD_S.expected / 60, 2)


def test_jobs_of_many_engines_teach_too():
    """Where no job was on one engine alone, those that it took part in speak for it."""
    spec = a_spec(engines=("aa", "bb", "cc"))
    sample = a_sample(spec, [Taste(0, keys(40), 40, has_more=False)])
    parts = {"aa": 30, "bb": 40, "cc": 30}
    past = [PastJob(parts, 100, 60, 10**7, 60)] * MIN_JOBS
    [one] = an_estimate(spec, [sample], past).engines
    assert one.survival.expected == 0.6
    assert one.survival_from == f"the last {MIN_JOBS} jobs with this engine"


def test_stated_bytes_count_until_jobs_teach():
    """What engines say of their pictures' bytes tells more than experience in general."""
    spec = a_spec(max_images=20)
    light = Taste(0, keys(64), 64, has_more=False, stated_bytes=(10_000,) * 64)
    lies = Taste(0, keys(64), 64, has_more=False, stated_bytes=(10**15,) * 64)
    few = Taste(0, keys(64), 64, has_more=False, stated_bytes=(10_000,) * 5)
    none = Taste(0, keys(64), 64, has_more=False)
    found = [an_estimate(spec, [a_sample(spec, [one])]).bytes for one in (light, few, none, lies)]
    assert found[0] == Counts(low=256_000, expected=576_000, high=1_280_000)
    assert found[1] == found[2]
    assert found[3].high < 64 * 60_000_000


def test_a_quota_that_is_not_reached_costs_no_time():
    """The requests of a quota may be sent at once: only those beyond it wait."""
    spec = a_spec(max_images=500, categories={"robin": ("robin",)})
    taste = Taste(0, keys(10), 10, has_more=True)
    free, wide = (
        an_estimate(spec, [a_sample(spec, [taste], quotas=quotas)])
        for quotas in ((), (Quota(requests=100, seconds=60),))
    )
    assert wide.minutes == free.minutes


def test_at_best_nobody_waits_for_a_quota():
    """The other engines may give everything meanwhile: a quota costs time at worst."""
    spec = a_spec(max_images=500)
    tastes = [Taste(n, keys(10, n * 10), 10, has_more=False) for n in range(2)]
    free, slow = (
        an_estimate(spec, [a_sample(spec, tastes, quotas=quotas)])
        for quotas in ((), (Quota(requests=1, seconds=60),))
    )
    assert slow.minutes.low == free.minutes.low
    assert slow.minutes.expected == pytest.approx(free.minutes.expected + 1, abs=0.05)


def test_nobody_waits_for_another_day():
    """What an engine may not give today, the others give: it costs no time."""
    spec = a_spec(engines=("aa", "bb"), max_images=5000, categories={"robin": ("robin",)})
    daily = (Quota(requests=2, seconds=86_400),)
    taste = Taste(0, keys(10), 10, has_more=True)
    plenty = a_sample(spec, [Taste(0, keys(9000, 10), 9000, has_more=False)], name="bb")
    with_quota, without = (
        an_estimate(spec, [a_sample(spec, [taste], quotas=quotas), plenty])
        for quotas in (daily, ())
    )
    assert with_quota.minutes.high <= without.minutes.high


def test_the_round_that_passes_a_budget_of_bytes_is_finished():
    """However few bytes a job may download, its first round goes on to its end."""
    spec = a_spec(max_images=500, budget={"max_bytes": 1})
    sample = a_sample(spec, [Taste(0, keys(300), 300, has_more=False)])
    candidates = an_estimate(spec, [sample]).candidates
    assert (candidates.low, candidates.high) == (0, 65)


def test_quotas_cost_time_and_cap_a_day():
    """An engine of one request a minute makes a job wait; what a day allows is all there is."""
    spec = a_spec(max_images=500, categories={"robin": ("robin",)})
    taste = Taste(0, keys(10), 10, has_more=True)
    free, slow = (
        an_estimate(spec, [a_sample(spec, [taste], quotas=quotas)])
        for quotas in ((), (Quota(requests=1, seconds=60),))
    )
    assert slow.minutes.expected > free.minutes.expected + 5
    day = a_sample(spec, [taste], quotas=(Quota(requests=5, seconds=86_400),))
    assert an_estimate(spec, [day]).candidates.high == 50


def test_a_budget_is_kept():
    """What the job file allows is the most that is estimated."""
    sample_of = [Taste(0, keys(500), 500, has_more=False)]
    for budget in (Budget(max_candidates=70), Budget(max_requests=1)):
        spec = a_spec(max_images=400, budget=budget)
        one = an_estimate(spec, [a_sample(spec, sample_of)])
        assert one.candidates.high == (budget.max_candidates or 500)
    spec = a_spec(max_images=400, budget=Budget(max_bytes=10**6))
    assert an_estimate(spec, [a_sample(spec, sample_of)]).bytes.expected <= 1.1 * 10**6


def test_nothing_found_is_nothing():
    """Without any find there is no image, no byte and no credit, only the time to see that."""
    spec = a_spec()
    one = an_estimate(spec, [a_sample(spec, [Taste(0, frozenset(), 0, has_more=False)])])
    nothing = Counts(low=0, expected=0, high=0)
    assert (one.images, one.bytes, one.credits) == (nothing, nothing, nothing)
    assert one.engines[0].status is EngineStatus.EMPTY
    assert one.minutes.high > 0


@pytest.mark.parametrize("kind", [Counts, Measures])
def test_an_interval_is_in_order(kind):
    """No interval can be written that is not one."""
    with pytest.raises(ValidationError):
        kind(low=2, expected=1, high=3)
    with pytest.raises(ValidationError):
        kind(low=-1, expected=1, high=3)


TASTES = st.builds(
    lambda query, count, extra, start, more, total, stated: Taste(
        query, keys(count, start), count + extra, more, total, (stated,) * count
    ),
    st.integers(0, 7), st.integers(0, 120), st.integers(0, 50), st.integers(0, 200),
    st.booleans(), st.one_of(st.none(), st.integers(0, 10**12)),
    st.integers(1, 10**12),
)  # fmt: skip
ENGINES = st.lists(
    st.tuples(
        st.lists(TASTES, max_size=3, unique_by=lambda taste: taste.query),
        st.fixed_dictionaries(
            {
                "access": st.sampled_from(Access),
                "max_results": st.one_of(st.none(), st.integers(0, 10**6)),
                "quotas": st.lists(
                    st.builds(Quota, requests=st.integers(1, 999), seconds=st.floats(0.1, 10**6)),
                    max_size=2,
                ),
            }
        ),
    ),
    max_size=3,
)
PAST = st.lists(
    st.builds(
        lambda engine, candidates, good, size, seconds: PastJob(
            {engine: candidates}, candidates, good, size, seconds
        ),
        st.sampled_from(["aa", "bb", "zz"]), st.integers(0, 5000), st.integers(0, 6000),
        st.integers(0, 10**11), st.floats(0, 10**6),
    ),
    max_size=12,
)  # fmt: skip
BUDGETS = st.builds(
    Budget,
    max_requests=st.one_of(st.none(), st.integers(1, 500)),
    max_candidates=st.one_of(st.none(), st.integers(1, 5000)),
    max_bytes=st.one_of(st.none(), st.integers(1, 10**11)),
)


@STEADY
@given(ENGINES, PAST, BUDGETS, st.integers(1, 10_000), st.integers(1, 10_000))
def test_more_never_costs_less(engines, past, budget, some, more):
    """Whatever the sample and the past: intervals are in order, and grow with what is wanted."""
    some, more = sorted((some, more))
    made = []
    for wanted in (some, more):
        expand = {"per_keyword": 3}
        spec = a_spec(max_images=wanted, engines=("aa", "bb", "cc"), expand=expand, budget=budget)
        samples = [
            a_sample(spec, tastes, name=name, **facts)
            for name, (tastes, facts) in zip(("aa", "bb", "cc"), engines, strict=False)
        ]
        made.append(an_estimate(spec, samples, past))
    less, most = made
    assert less.images.high <= some
    for field in ("images", "bytes", "minutes", "credits"):
        for bound in ("low", "expected", "high"):
            assert getattr(getattr(less, field), bound) <= getattr(getattr(most, field), bound)
