"""The job file: what is accepted, what is refused, and how."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.domain.errors import InvalidRequest
from pixcrawler.domain.job import BUDGET_MAX, DEFAULT_ENGINES, JobSpec
from pixcrawler.domain.jobfile import parse_job


def refused(document) -> list[tuple[str, str]]:
    """The fields and rules that a document breaks."""
    with pytest.raises(InvalidRequest) as caught:
        parse_job(document)
    return [(violation.field, violation.rule) for violation in caught.value.violations]


def test_words_are_enough():
    """Everything but words has a default."""
    spec = parse_job({"keywords": ["red panda", "koala"]})

    assert spec.name == "red panda"
    assert spec.categories == {"red panda": ("red panda",), "koala": ("koala",)}
    assert spec.engines == DEFAULT_ENGINES
    assert spec.max_images == 100


def test_synonyms_are_written_back_in_our_words():
    """dataset_name, search_engines and fast are accepted and normalised."""
    spec = parse_job(
        {
            "dataset_name": "birds",
            "search_engines": ["commons"],
            "validation_level": "fast",
            "categories": {"robin": ["european robin"]},
        }
    )

    assert (spec.name, spec.engines, spec.validation_level) == ("birds", ("commons",), "basic")


@pytest.mark.parametrize("field", ["max_requests", "max_candidates", "max_bytes"])
def test_a_budget_is_a_number_that_can_be_reckoned_with(field):
    """Numbers of hundreds of digits would break the arithmetic of a running job."""
    asked = {"keywords": ["owl"], "budget": {field: BUDGET_MAX}}
    assert getattr(parse_job(asked).budget, field) == BUDGET_MAX
    for beyond in (0, BUDGET_MAX + 1, 10**400):
        told = refused({"keywords": ["owl"], "budget": {field: beyond}})
        assert [name for name, _ in told] == [f"budget.{field}"]


def test_urls_alone_bring_their_engine():
    """A list of addresses needs no engine named."""
    spec = parse_job({"name": "mine", "urls": ["https://example.org/a.jpg"]})

    assert spec.engines == ("urls",)
    assert spec.urls == {"mine": ("https://example.org/a.jpg",)}


def test_urls_beside_words_keep_the_other_engines():
    """Addresses add to what the engines find."""
    spec = parse_job({"keywords": ["owl"], "urls": {"owl": ["https://example.org/o.png"]}})

    assert spec.engines == (*DEFAULT_ENGINES, "urls")


@pytest.mark.parametrize(
    ("document", "broken"),
    [
        ({"keywords": ["a"], "colour": "red"}, ("colour", "extra_forbidden")),
        ({"keywords": ["a"], "max_images": -1}, ("max_images", "greater_than_equal")),
        ({"keywords": ["a"], "max_images": 10_001}, ("max_images", "less_than_equal")),
        ({"keywords": ["a"], "max_images": "many"}, ("max_images", "int_parsing")),
        ({"keywords": [""]}, ("keywords.0", "string_too_short")),
        ({"keywords": ["   "]}, ("keywords.0", "value_error")),
        ({"keywords": ["!!!"]}, ("keywords.0", "value_error")),
        ({"keywords": ["x" * 101]}, ("keywords.0", "string_too_long")),
        ({"keywords": []}, ("keywords", "too_short")),
        ({"keywords": "cat"}, ("keywords", "list_type")),
        ({"keywords": ["a"], "categories": {"b": ["b"]}}, ("keywords", "synonym")),
        ({"categories": {"x": []}}, ("categories.x", "too_short")),
        ({"categories": {"A b": ["q"], "a  B": ["r"]}}, ("categories", "duplicate")),
        ({"keywords": ["Owl"], "urls": {"owl": ["https://p.example/1"]}}, ("urls", "duplicate")),
        ({"urls": {"a": []}, "keywords": ["b"]}, ("urls.a", "too_short")),
        ({"urls": ["https://p.example:port/"]}, ("urls.images.0", "value_error")),
        ({"urls": ["https:///no-host"]}, ("urls.images.0", "value_error")),
        (
            {"keywords": ["a"], "urls": ["https://p.example/"], "engines": ["urls"]},
            ("engines", "missing"),
        ),
        (
            {"name": "a", "dataset_name": "b", "keywords": ["a"]},
            ("dataset_name", "synonym"),
        ),
        ({}, ("keywords", "missing")),
        ([], ("(whole document)", "object_type")),
        ({"keywords": ["a"], "engines": []}, ("engines", "value_error")),
        ({"keywords": ["a"], "engines": ["commons", "commons"]}, ("engines", "value_error")),
        ({"keywords": ["a"], "engines": ["urls"]}, ("urls", "missing")),
        ({"urls": ["file:///etc/passwd"]}, ("urls.images.0", "url_scheme")),
        ({"urls": ["ftp://example.org/a.jpg"]}, ("urls.images.0", "url_scheme")),
        ({"urls": ["https://u:p@example.org/a"]}, ("urls.images.0", "value_error")),
        ({"urls": ["http://example.com\\@evil.example/"]}, ("urls.images.0", "value_error")),
        ({"urls": ["https://example.org/a b.jpg"]}, ("urls.images.0", "value_error")),
        ({"keywords": ["a"], "validation_level": "strict"}, ("validation_level", "literal_error")),
        (
            {"keywords": ["a"], "filters": {"min_width": 0}},
            ("filters.min_width", "greater_than_equal"),
        ),
    ],
)
def test_bad_input_names_field_and_rule(document, broken):
    """Each mistake is told with the field as the person wrote it, and the broken rule."""
    assert broken in refused(document)


@pytest.mark.parametrize(
    ("field", "entry", "most"),
    [("keywords", "word {}", 200), ("urls", "https://p.example/{}", 10_000)],
)
def test_long_lists_have_an_end(field, entry, most):
    """As many words or addresses as the limit are a job; one more is told with the count."""
    entries = [entry.format(n) for n in range(most + 1)]

    assert refused({field: entries}) == [(field, "too_long")]
    assert parse_job({field: entries[:most]})


def test_a_word_given_twice_is_one_word():
    """The same keyword again asks for nothing more."""
    assert parse_job({"keywords": ["owl", "owl"]}) == parse_job({"keywords": ["owl"]})


def test_what_follows_from_a_mistake_is_not_told():
    """An empty keyword is one mistake; that nothing is left to search for is no second one."""
    assert refused({"keywords": [""]}) == [("keywords.0", "string_too_short")]


def test_every_mistake_is_told_at_once():
    """A person mends a job file in one go, not one error at a time."""
    rules = refused({"keywords": ["a"], "max_images": 0, "colour": 1, "expand": {"mode": "ai"}})

    assert {field for field, _ in rules} == {"max_images", "colour", "expand.mode"}


def test_a_huge_value_is_not_echoed_whole():
    """An error never carries a whole bad document back."""
    with pytest.raises(InvalidRequest) as caught:
        parse_job({"keywords": ["x" * 100_000]})

    assert len(str(caught.value.details)) < 2_000


# Making deep documents may take long on a busy machine; that is no fault of the parser.
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_no_document_breaks_the_parser(document):
    """Any document is either a job or refused with violations; nothing else is raised."""
    try:
        answer = parse_job({"keywords": document})
    except InvalidRequest as error:
        answer = error.violations

    assert answer


def test_a_normalised_job_parses_to_itself():
    """What is written back in manifests can be used as a job file again."""
    spec = parse_job({"keywords": ["owl"], "urls": ["https://example.org/o.png"], "name": "o"})

    assert parse_job(spec.model_dump(mode="json")) == spec
    assert isinstance(spec, JobSpec)
