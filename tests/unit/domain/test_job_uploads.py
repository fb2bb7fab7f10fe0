"""Uploads in job files."""

import pytest

from pixcrawler.domain.errors import InvalidRequest
from pixcrawler.domain.job import DEFAULT_ENGINES
from pixcrawler.domain.jobfile import parse_job

ONE, TWO = "0" * 32, "1" * 32


def violations(**given):
    with pytest.raises(InvalidRequest) as refused:
        parse_job(given)
    return [(v.field, v.rule) for v in refused.value.violations]


def test_uploads_alone_bring_their_engine():
    """Nothing but the own things is read, and the first category names the dataset."""
    spec = parse_job({"uploads": {"birds": [ONE, TWO]}})

    assert (spec.name, spec.engines) == ("birds", ("uploads",))
    assert spec.uploads == {"birds": (ONE, TWO)}


def test_a_plain_list_is_one_category():
    """As with addresses, the dataset's name is the category."""
    assert parse_job({"name": "mine", "uploads": [ONE]}).uploads == {"mine": (ONE,)}


@pytest.mark.parametrize(
    ("more", "engines"),
    [
        ({"keywords": ["owl"]}, (*DEFAULT_ENGINES, "uploads")),
        ({"keywords": ["owl"], "engines": ["commons"]}, ("commons", "uploads")),
        ({"engines": ["uploads"]}, ("uploads",)),
        ({"urls": ["https://p.example/1.jpg"]}, ("urls", "uploads")),
    ],
    ids=["words", "chosen", "named", "urls"],
)
def test_uploads_beside_others_keep_their_engines(more, engines):
    """The engine of uploads is added once, behind the others."""
    assert parse_job({"name": "x", "uploads": {"a": [ONE]}, **more}).engines == engines


@pytest.mark.parametrize(
    ("given", "violation"),
    [
        ({"uploads": ["not an id"]}, ("uploads.images.0", "string_pattern_mismatch")),
        ({"uploads": ["../" + "0" * 29]}, ("uploads.images.0", "string_pattern_mismatch")),
        ({"uploads": {"a": []}}, ("uploads.a", "too_short")),
        ({"uploads": {"a": [f"{n:032x}" for n in range(101)]}}, ("uploads", "too_long")),
        ({"uploads": {"Owl": [ONE]}, "keywords": ["owl"]}, ("uploads", "duplicate")),
        ({"keywords": ["owl"], "engines": ["uploads"]}, ("uploads", "missing")),
        (
            {"keywords": ["owl"], "engines": ["uploads"], "uploads": {"a": [ONE]}},
            ("engines", "missing"),
        ),
    ],
    ids=["no-id", "path", "empty", "too-many", "folder", "none", "words-alone"],
)
def test_what_cannot_be_is_named(given, violation):
    """Each broken rule is told by its field."""
    assert violation in violations(**given)
