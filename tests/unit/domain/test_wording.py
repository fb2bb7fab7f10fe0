"""Operators of keywords: what is looked for, what stands together, what is left out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixcrawler.domain.errors import InvalidRequest
from pixcrawler.domain.jobfile import parse_job
from pixcrawler.domain.keyword import KEYWORD_MAX_CHARS
from pixcrawler.domain.wording import Wording, wording_of


@pytest.mark.parametrize(
    ("keyword", "wording"),
    [
        ("red panda", Wording(label="red panda", text="red panda")),
        ("t-rex", Wording(label="t-rex", text="t-rex")),
        ("jaguar -car", Wording(label="jaguar", text="jaguar", exclude=("car",))),
        ("-car jaguar -car", Wording(label="jaguar", text="jaguar", exclude=("car",))),
        ('"big cat" x', Wording(label="big cat x", text='"big cat" x')),
        ("\u201cbig  cat\u201d", Wording(label="big cat", text='"big cat"')),
        ('cat -"big cat"', Wording(label="cat", text="cat", exclude=("big cat",))),
        ("猫 -犬", Wording(label="猫", text="猫", exclude=("犬",))),
    ],
)
def test_operators_are_read(keyword, wording):
    """Quotation marks, also curly ones, hold words together; a dash leaves a word out."""
    assert wording_of(keyword) == wording


@pytest.mark.parametrize(
    ("keyword", "rule"),
    [
        ("-car", "only_exclusions"),
        ('-"big cat" -b', "only_exclusions"),
        ("cat - dog", "lone_dash"),
        ("cat -!", "lone_dash"),
        ('3.5" floppy', "unbalanced_quotes"),
        ('"big cat', "unbalanced_quotes"),
        ('rock"n"roll', "unbalanced_quotes"),
        ('cat ""', "empty_phrase"),
        ('cat -"!"', "empty_phrase"),
        ("cat -Cat", "contradiction"),
        ('a "big cat" -cat', "contradiction"),
        ("! -a", "value_error"),
    ],
)
@pytest.mark.parametrize("field", ["keywords", "topic"])
def test_what_cannot_be_read_is_told_at_creation(keyword, rule, field):
    """The violation names the field, the rule and the value, before the job exists."""
    with pytest.raises(InvalidRequest) as caught:
        parse_job({field: [keyword] if field == "keywords" else keyword})
    (violation,) = caught.value.violations
    place = "keywords.0" if field == "keywords" else "topic"
    assert (violation.field, violation.rule, violation.value) == (place, rule, keyword)


@settings(deadline=None, derandomize=True)
@given(st.text(alphabet="ab \"-'\u201c猫!", max_size=KEYWORD_MAX_CHARS))
def test_any_text_is_read_or_refused(text):
    """Whatever is typed: a wording whose text reads as the same again, or a ValueError."""
    try:
        wording = wording_of(text)
    except ValueError:
        return
    assert '"' not in wording.label
    assert wording_of(wording.text).label == wording.label
    assert all('"' not in words and words.strip("-") for words in wording.exclude)
    assert len(wording.text) <= len(text)


def test_a_keyword_category_is_named_without_operators():
    """`keywords` makes a category of each word's plain part; two of one part are told."""
    spec = parse_job({"keywords": ["jaguar -car", '"big cat"']})
    assert spec.name == "jaguar"
    assert spec.categories == {"jaguar": ("jaguar -car",), "big cat": ('"big cat"',)}
    with pytest.raises(InvalidRequest, match="share one folder"):
        parse_job({"keywords": ["jaguar -car", "jaguar -cat"]})


@pytest.mark.parametrize(
    ("document", "broken"),
    [
        ({"topic": "birds", "keywords": ["robin"]}, ("topic", "synonym")),
        ({"topic": "birds", "categories": {"a": ["robin"]}}, ("topic", "synonym")),
        ({"topic": "birds", "engines": ["urls"]}, ("urls", "missing")),
        (
            {"topic": "birds", "urls": ["https://p.example/"], "engines": ["urls"]},
            ("engines", "missing"),
        ),
        (
            {"topic": "Birds", "urls": {"birds": ["https://p.example/"]}},
            ("urls", "duplicate"),
        ),
        (
            {"keywords": ["owl"], "expand": {"translations": {"eule": ["owl"]}}},
            ("expand.translations.eule", "unknown_keyword"),
        ),
        (
            {"keywords": ["owl"], "expand": {"translations": {"owl": ["-owl"]}}},
            ("expand.translations.owl.0", "only_exclusions"),
        ),
        (
            {
                "keywords": ["owl"],
                "expand": {"translations": {"owl": [f"w{n}" for n in range(1001)]}},
            },
            ("expand.translations", "too_long"),
        ),
        (
            {"keywords": ["owl"], "expand": {"templates": ["a {k} {k}"]}},
            ("expand.templates.0", "value_error"),
        ),
        (
            {"keywords": ["owl"], "expand": {"templates": ["{k!r} or {k}"]}},
            ("expand.templates.0", "value_error"),
        ),
    ],
)
def test_rules_of_topics_translations_and_templates(document, broken):
    """Each broken rule is told with the field as it was written."""
    with pytest.raises(InvalidRequest) as caught:
        parse_job(document)
    assert broken in [(v.field, v.rule) for v in caught.value.violations]


def test_a_topic_is_enough():
    """A topic alone makes a job named after it, on the engines that need no key; it round-trips."""
    spec = parse_job({"topic": "garden birds"})
    assert (spec.name, spec.topic, spec.categories) == ("garden birds", "garden birds", {})
    assert spec.keywords == {"garden birds": ("garden birds",)}
    assert spec.engines == ("openverse", "commons")
    assert parse_job(spec.model_dump(mode="json")) == spec


def test_a_topic_names_its_dataset_without_signs():
    """What is left out of a topic, and its quotes, are no part of the dataset's name."""
    assert parse_job({"topic": 'jaguar -car "big cat"'}).name == "jaguar big cat"
