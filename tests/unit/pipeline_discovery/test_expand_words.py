"""Expansion by the job file's own words: intents, plurals, translations, operators, topics."""

from __future__ import annotations

from typing import get_args

import pytest

from pixcrawler.domain.job import Expand, Intent
from pixcrawler.domain.jobfile import parse_job
from pixcrawler.domain.wording import wording_of
from pixcrawler.pipeline.expand import queries_of
from pixcrawler.pipeline.words.plurals import plural_of
from pixcrawler.pipeline.words.templates import templated

INTENTS = get_args(Intent)
OFF = {"mode": "off"}


def queries(**spec):
    return queries_of(parse_job({"name": "test", **spec}))


@pytest.mark.parametrize("intent", INTENTS)
def test_every_intent_has_enough_templates(intent):
    """Whatever the keywords name, there are as many variations as a job file may ask for."""
    texts = list(templated(wording_of("XYZ"), Expand(intent=intent)))
    assert len(set(texts)) == len(texts) >= 20
    assert texts[0] == "XYZ photo"
    assert all(text.startswith("XYZ ") for text in texts)


def test_templates_fit_the_intent():
    """A place is seen from the air and at sunset, an animal from the side."""
    place = " ".join(templated(wording_of("beach"), Expand(intent="place")))
    animal = " ".join(templated(wording_of("robin"), Expand(intent="animal")))
    assert "aerial view" in place
    assert "side view" not in place
    assert "side view" in animal
    assert "robins" in animal
    assert "beaches" not in place


def test_own_templates_come_first():
    """The user's templates are asked before ours, as text: braces of a keyword mean nothing."""
    expand = {"templates": ["young  {k}", "{k} in the garden"], "per_keyword": 3}
    made = queries(categories={"c": ["owl {0.__class__}"]}, expand=expand)
    assert [query.text for query in made] == [
        "owl {0.__class__}",
        "young owl {0.__class__}",
        "owl {0.__class__} in the garden",
        "owl {0.__class__} photo",
    ]


@pytest.mark.parametrize(
    ("keyword", "plural"),
    [
        ("goose", "geese"),
        ("mouse", "mice"),
        ("wolf", "wolves"),
        ("thief", "thieves"),
        ("red panda", "red pandas"),
        ("great tit", "great tits"),
        ("camera lens", "camera lenses"),
        ("bus stop", "bus stops"),
        ("banana tree", "banana trees"),
        ("building", "buildings"),
        ("kiwi", "kiwis"),
    ],
)
def test_plurals_of_common_nouns(keyword, plural):
    """Regular or not, the plural is the one that people write."""
    assert plural_of(keyword) == plural


@pytest.mark.parametrize(
    "keyword",
    [
        *("fish", "sheep", "salmon", "series"),  # the same in the plural
        *("glasses", "cats", "geese", "scissors", "children", "fungi", "emus"),  # plurals
        *("rice", "snow", "furniture", "brick and mortar"),  # not counted
        *("BMW", "bmw", "Tokyo", "Eiffel Tower", "boeing 747"),  # names
        *("erithacus rubecula", "turdus merula", "parus major", "homo sapiens", "pica pica"),
        *("canis lupus familiaris", "monstera deliciosa", "quercus robur"),  # Latin
        *("bird of paradise", "cats and dogs", "mother-in-law", "running", "cat sleeping"),
        *("猫", "Käfer", "ox", "", "-", "'"),
    ],
)
def test_no_plural_where_it_may_be_wrong(keyword):
    """Names, Latin, plurals, what is not counted and what is not English are left alone."""
    assert plural_of(keyword) is None


def test_a_phrase_stays_as_it_stands():
    """Only a word outside of the quotation marks has a plural."""
    for keyword, plural in (('"snowy owl"', None), ('"red list" owl', '"red list" owls')):
        made = queries(categories={"c": [keyword]}, expand={"per_keyword": 20})
        assert [q.text for q in made if "owls" in q.text] == ([plural] if plural else [])


def test_translations_are_asked_like_the_keyword():
    """Each comes right after its keyword, and what it finds is the keyword's."""
    made = queries(
        categories={"birds": ["robin", "wren -lego"]},
        expand={
            **OFF,
            "translations": {"robin": ["Rotkehlchen", "ロビン"], "wren -lego": ["Zaunkönig -Auto"]},
        },
    )
    assert [(q.text, q.keyword, q.category, q.expansion) for q in made] == [
        ("robin", "robin", "birds", 0),
        ("Rotkehlchen", "robin", "birds", 0),
        ("ロビン", "robin", "birds", 0),
        ("wren", "wren", "birds", 0),
        ("Zaunkönig", "wren", "birds", 0),
    ]
    assert [q.exclude for q in made][3:] == [("lego",), ("lego", "Auto")]


def test_operators_are_no_part_of_the_name():
    """Phrases stay quoted in what is asked; exclusions go along; the label is the plain words."""
    made = queries(categories={"cats": ['jaguar -car "big cat" -"sports team"']})
    assert made[0].text == 'jaguar "big cat"'
    assert made[1].text == 'jaguar "big cat" photo'
    assert all(q.keyword == "jaguar big cat" for q in made)
    assert all(q.exclude == ("car", "sports team") for q in made)
    assert "jaguar big cats" not in {q.text for q in made}


def test_a_topic_without_a_model_is_its_own_keyword():
    """One category named after it, with templates."""
    made = queries(topic="garden birds -plastic", expand={"per_keyword": 1})
    assert [(q.text, q.keyword, q.category) for q in made] == [
        ("garden birds", "garden birds", "garden birds"),
        ("garden birds photo", "garden birds", "garden birds"),
    ]
    assert made[0].exclude == ("plastic",)


def test_a_topic_beside_own_addresses():
    """The user's own list is a category beside the topic's."""
    made = queries(topic="owls", urls={"mine": ["https://a.example/1.jpg"]}, expand=OFF)
    assert [q.category for q in made] == ["mine", "owls"]
