"""Keywords become queries: plain ones first, taking turns, then variations."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.domain.jobfile import parse_job
from pixcrawler.domain.keyword import KEYWORD_MAX_CHARS, folder_name
from pixcrawler.domain.storage import queries_ref
from pixcrawler.domain.wording import wording_of
from pixcrawler.pipeline.expand import QUERIES, expand, queries_of
from pixcrawler.pipeline.limits import QUERY_MAX_CHARS
from pixcrawler.pipeline.payloads import JobRef

# No time limits: a busy machine is not a broken promise.
STEADY = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
BIRDS = {"robin": ["european robin", "erithacus"], "blackbird": ["common blackbird"]}


def queries(**spec):
    return queries_of(parse_job({"name": "test", **spec}))


def test_off_gives_the_keywords_only():
    """Without expansion there is one query a keyword, taking turns over the categories."""
    given = queries(categories=BIRDS, expand={"mode": "off"})
    assert [(q.text, q.category, q.expansion) for q in given] == [
        ("european robin", "robin", 0),
        ("common blackbird", "blackbird", 0),
        ("erithacus", "robin", 0),
    ]


def test_variations_follow_all_keywords():
    """Every keyword's first variation comes after every keyword, the second after the first."""
    given = queries(categories=BIRDS, expand={"mode": "templates", "per_keyword": 2})
    assert [q.expansion for q in given] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [q.text for q in given][3:] == [
        "european robin photo",
        "common blackbird photo",
        "erithacus photo",
        "european robins",
        "common blackbirds",
        "erithacus close up",
    ]
    assert {q.keyword for q in given} == {"european robin", "erithacus", "common blackbird"}


@pytest.mark.parametrize(
    ("keyword", "plural"),
    [
        ("fox", "foxes"),
        ("butterfly", "butterflies"),
        ("red bus", "red buses"),
        ("sheep", None),
        ("key", "keys"),
        ("猫", None),
    ],
)
def test_plurals_only_where_they_are_easy(keyword, plural):
    """Plain English rules; words that do not follow them get no plural."""
    texts = [q.text for q in queries(categories={"c": [keyword]})]
    assert (plural in texts) == (plural is not None)
    assert f"{keyword}s" not in texts or plural == f"{keyword}s"


def test_no_text_is_asked_twice_in_a_category():
    """A variation that is another keyword, in whatever case, is left out."""
    texts = [q.text.casefold() for q in queries(categories={"pets": ["Cat", "cats", "cat photo"]})]
    assert len(texts) == len(set(texts))


def test_twenty_variations_can_be_had():
    """The largest number that a job file may ask for is there."""
    given = queries(categories={"c": ["owl"]}, expand={"mode": "templates", "per_keyword": 20})
    assert [q.expansion for q in given] == list(range(21))


def test_a_list_of_addresses_is_one_query_a_category():
    """The user's addresses travel in the query, whole and in order."""
    urls = {
        "mine": [f"https://a.example/{n}.jpg" for n in range(700)],
        "other": ["https://b.example/1"],
    }
    given = queries(urls=urls)
    assert [(q.category, q.keyword, len(q.addresses)) for q in given] == [
        ("mine", "mine", 700),
        ("other", "other", 1),
    ]


def folder(text):
    """The folder that a keyword is filed under; nothing for a text that is no keyword."""
    try:
        return folder_name(wording_of(normalize("NFKC", text)).label)
    except ValueError:
        return ""


WORDS = st.text(alphabet="ab CD㎞éﷺ-", min_size=1, max_size=40).filter(
    lambda text: folder(text) and len(normalize("NFKC", text)) <= KEYWORD_MAX_CHARS
)
CATEGORIES = st.dictionaries(
    st.text(alphabet="abcdef", min_size=1, max_size=5),
    st.lists(WORDS, min_size=1, max_size=4, unique_by=folder),
    min_size=1,
    max_size=4,
)


@STEADY
@given(CATEGORIES, st.integers(1, 20))
def test_queries_keep_their_promises(categories, per_keyword):
    """Whatever the words: in order, within the limit, none twice, every category asked first."""
    made = queries(categories=categories, expand={"per_keyword": per_keyword})
    assert [q.expansion for q in made] == sorted(q.expansion for q in made)
    assert all(len(q.text) <= QUERY_MAX_CHARS for q in made)
    texts = [(q.category, q.text.casefold()) for q in made]
    assert len(texts) == len(set(texts))
    assert {q.category for q in made[: len(categories)]} == set(categories)


def test_expanding_twice_is_expanding_once(start, jobs, blobs):
    """A second run says the same and writes the same bytes."""
    start(categories=BIRDS)
    ref = JobRef(job_id="job-1")
    first = expand(ref, jobs=jobs, blobs=blobs)
    written = blobs.get(queries_ref("job-1"))
    assert expand(ref, jobs=jobs, blobs=blobs) == first
    assert blobs.get(queries_ref("job-1")) == written
    assert first.queries == len(QUERIES.validate_json(written)) == 18
