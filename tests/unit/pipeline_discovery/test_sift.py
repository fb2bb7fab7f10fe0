"""Sifting: what cannot be wanted is left out before download, on evidence only."""

from __future__ import annotations

from datetime import date

import pytest

from pixcrawler.domain.engine import Access, EngineCard, EngineStatus, Honour
from pixcrawler.domain.filters import FilterName, Filters
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.discovery.sift import Excluded, Sieve, aspect_of, size_of
from pixcrawler.pipeline.engines.ports import Find, Page
from tests.unit.pipeline_discovery.engines import Broken, find

NOTHING = Excluded(())
JOB = "job-1"


def sieve_for(filters=None, *, name="one", **honours):
    """The sieve of an engine with these honours for the filters."""
    card = EngineCard(
        name=name,
        title=name,
        access=Access.OPEN,
        filters={FilterName(one): Honour(how) for one, how in honours.items()},
    )
    return Sieve(card, Filters(**(filters or {})))


def is_out(find_, filters=None, *, excluded=NOTHING, **engine):
    """Whether an engine's find is left out."""
    return sieve_for(filters, **engine).is_left_out(find_, excluded)


def a_find(width=None, height=None, **facts):
    """A find with what its engine says of it."""
    return Find(
        "https://p.example/1", Provenance(engine="one", **facts), width=width, height=height
    )


@pytest.mark.parametrize(
    ("title", "phrases", "is_in"),
    [
        ("A red panda toy", ("toy",), True),
        ("A red panda TOY", ("Toy",), True),
        ("Toyota on the road", ("toy",), False),
        ("red_panda_toy-2.jpg", ("toy",), True),
        ("A red, panda", ("red panda",), True),
        ("A panda, red", ("red panda",), False),
        ("Straße im Regen", ("STRASSE",), True),
        ("Straße im Regen", ("regen", "nothing"), True),
        ("可爱的玩具熊", ("玩具",), True),
        ("可爱的熊", ("玩具",), False),
        (None, ("toy",), False),
        ("", ("toy",), False),
        ("toy", (), False),
        ("toy", ("",), False),
        ("A toy!", ("!",), False),
    ],
)
def test_excluded_words(title, phrases, is_in):
    """Whole words in any case, phrases in their order, anywhere in scripts without spaces."""
    assert Excluded(phrases).is_in(title) is is_in


@pytest.mark.parametrize(
    ("width", "height", "is_small"),
    [
        (None, None, False),
        (100, 80, True),
        (111, 500, True),
        (112, 112, False),
        (200, 200, False),
        (5000, 100, True),
        (80, None, False),
    ],
)
def test_far_too_small(width, height, is_small):
    """Less than half of the least side is believed; a little less is looked at."""
    assert is_out(a_find(width, height)) is is_small


def test_a_picture_may_lie_on_its_side():
    """The engine may not know how the camera was held."""
    wish = {"min_width": 300, "min_height": 1000}
    assert not is_out(a_find(1000, 300), wish)
    assert is_out(a_find(1000, 100), wish)


def test_a_larger_original_saves_a_thumbnail():
    """The size of a small copy says nothing about the picture that it leads to."""
    sieve = sieve_for()
    assert sieve.is_left_out(a_find(100, 80), NOTHING)
    assert not sieve.is_left_out(a_find(100, 80), NOTHING, has_larger=True)
    large = sieve_for({"size": "large"}, size="sifted")
    assert large.is_left_out(a_find(640, 480), NOTHING)
    assert not large.is_left_out(a_find(640, 480), NOTHING, has_larger=True)


@pytest.mark.parametrize(
    ("stated", "honour", "out"),
    [
        ("by", None, False),
        ("by-nc", None, True),
        ("by-nc", "searched", True),
        (None, None, True),
        (None, "sifted", True),
        (None, "searched", False),
        ("see website", "searched", True),
    ],
)
def test_licences_are_believed_when_they_are_stated(stated, honour, out):
    """No licence is none, unless the engine looked for nothing else; a stated one decides."""
    honours = {"license": honour} if honour else {}
    assert is_out(a_find(license=stated), {"license": "commercial"}, **honours) is out


def test_nobody_asks_for_a_licence():
    """Without a wish, what is not stated is no reason."""
    assert not is_out(a_find())


@pytest.mark.parametrize(
    ("published", "honour", "out"),
    [
        (date(2020, 5, 1), None, False),
        (date(2019, 12, 31), None, True),
        (date(2021, 1, 1), "searched", True),
        (date(2020, 1, 1), "sifted", False),
        (date(2020, 12, 31), "sifted", False),
        (None, None, False),
        (None, "searched", False),
        (None, "sifted", True),
    ],
)
def test_days(published, honour, out):
    """A stated day decides; where it is the engine's only way, one that is missing does not fit."""
    wish = {"since": date(2020, 1, 1), "until": date(2020, 12, 31)}
    honours = {"date": honour} if honour else {}
    assert is_out(a_find(published=published), wish, **honours) is out


def test_shapes_of_engines_that_only_state_them():
    """Sizes and aspects are compared where that is how the engine honours the wish."""
    large = {"size": "large", "aspect": "wide"}
    assert not is_out(a_find(1600, 1200), large, size="sifted", aspect="sifted")
    assert is_out(a_find(640, 480), large, size="sifted")
    assert is_out(a_find(1200, 1600), large, aspect="sifted")
    assert not is_out(a_find(640, 480), large, size="searched")
    assert not is_out(a_find(), large, size="sifted")


def test_what_a_person_chose_is_not_sifted():
    """A list of one's own is downloaded whole, whatever the filters ask of engines."""
    wish = {"license": "free", "since": date(2020, 1, 1)}
    assert not is_out(a_find(10, 10), wish, name="urls")
    assert not is_out(a_find(10, 10), wish, name="uploads")


@pytest.mark.parametrize(
    ("width", "height", "size", "aspect"),
    [
        (300, 300, "small", "square"),
        (400, 250, "medium", "wide"),
        (1000, 1000, "large", "square"),
        (2000, 4000, "huge", "tall"),
        (1100, 1000, "large", "square"),
        (1101, 1000, "large", "wide"),
        (899, 1000, "medium", "tall"),
    ],
)
def test_classes(width, height, size, aspect):
    """The classes are those of the job file's documentation."""
    assert (size_of(width, height), aspect_of(width, height)) == (size, aspect)


def test_sifted_finds_are_counted_and_never_candidates(rounds, jobs, blobs):
    """What is left out is in the engine's report, and its pages do not end the query at once."""
    page = Page(
        EngineStatus.OK,
        (
            find("one", "https://p.example/1", title="a toy owl"),
            find("one", "https://p.example/2", title="an owl", license="by"),
            find("one", "https://p.example/3", title="an owl"),
            find("one", "https://p.example/4", title="an owl", license="by-nc"),
        ),
    )
    engine = Broken("one", page)
    rounds.start([engine], categories={"birds": ["owl -toy"]}, filters={"license": "commercial"})
    assert [one.url for one in rounds.all(wanted=10)] == ["https://p.example/2"]
    [report] = jobs.engines(JOB)
    assert (report.sifted, report.candidates) == (3, 1)
