"""Expansion with a language model: its words first, templates where it fails, notes about that."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.adapters.memory.jobs import MemoryJobs
from pixcrawler.domain.errors import SourceBlocked, SourceChanged, SourceUnavailable
from pixcrawler.domain.job import Job, JobStatus
from pixcrawler.domain.jobfile import parse_job
from pixcrawler.domain.keyword import folder_name
from pixcrawler.domain.storage import WORK, expanded_ref, queries_ref
from pixcrawler.pipeline.expand import QUERIES, expand
from pixcrawler.pipeline.limits import QUERY_MAX_CHARS
from pixcrawler.pipeline.payloads import JobRef
from pixcrawler.pipeline.words import consult as consult_module
from pixcrawler.pipeline.words.consult import NOT_SET_UP

STEADY = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
REF = JobRef(job_id="job-1")
MODEL = {"mode": "model", "per_keyword": 2}


class Oracle:
    """Answers out of a dictionary; an error in it is raised."""

    name = "oracle"

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def words(self, ask):
        self.asked.append(ask)
        answer = self.answers.get(ask.about.replace(" ", "_"), ())
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def expanded(start, jobs, blobs):
    """Makes a job of a spec and expands it: the queries."""

    def run(oracle, **spec):
        start(**{"expand": MODEL, **spec})
        expand(REF, jobs=jobs, blobs=blobs, words=oracle)
        return QUERIES.validate_json(blobs.get(queries_ref("job-1")))

    return run


def kept(blobs):
    return list(blobs.names(WORK, "cache/words/"))


def test_the_models_words_come_first(expanded, jobs):
    """Then templates, up to as many as the job file asks for; all went well, so no note."""
    oracle = Oracle(owl=("barn owl",), wren=("a", "b", "c"))
    made = expanded(oracle, categories={"birds": ["owl", "wren"]})
    assert [(q.text, q.keyword, q.expansion) for q in made] == [
        ("owl", "owl", 0),
        ("wren", "wren", 0),
        ("barn owl", "owl", 1),
        ("a", "wren", 1),
        ("owl photo", "owl", 2),
        ("b", "wren", 2),
    ]
    assert jobs.notes("job-1") == ()


def test_what_the_model_is_told(expanded):
    """The plain keyword, what it names, how many, in which language; operators stay here."""
    oracle = Oracle(big_cat=("lynx",))
    made = expanded(
        oracle,
        categories={"c": ['"big cat" -toy']},
        expand={"mode": "model", "per_keyword": 1, "intent": "animal"},
        filters={"language": "de"},
    )
    (ask,) = oracle.asked
    assert (ask.about, ask.kind, ask.count, ask.intent, ask.language) == (
        *("big cat", "variations", 1, "animal", "de"),
    )
    assert [(q.text, q.exclude) for q in made] == [('"big cat"', ("toy",)), ("lynx", ("toy",))]


def test_a_topic_becomes_keywords(expanded):
    """As many as wanted, each a folder of its own below the topic, each with variations."""
    oracle = Oracle(garden_birds=("robin", "Robin!", "wren", "ROBIN", "great tit", "jay"))
    made = expanded(
        oracle,
        topic="garden birds",
        expand={"mode": "model", "per_keyword": 1, "keywords": 3},
    )
    assert {q.category for q in made} == {"garden birds"}
    assert [q.text for q in made if q.expansion == 0] == ["robin", "wren", "great tit"]
    assert {(ask.about, ask.kind, ask.count) for ask in oracle.asked} == {
        ("garden birds", "topic", 3),
        ("robin", "variations", 1),
        ("wren", "variations", 1),
        ("great tit", "variations", 1),
    }


def test_what_a_topic_leaves_out_its_keywords_leave_out(expanded):
    """Words that are not wanted are neither keywords nor variations, and go along everywhere."""
    oracle = Oracle(birds=("robin", "rubber duck"), robin=("robin drawing", "robin nest"))
    made = expanded(oracle, topic="birds -drawing -rubber -photo", expand=MODEL)
    assert [q.text for q in made] == ["robin", "robin nest", "robins"]
    assert {q.exclude for q in made} == {("drawing", "rubber", "photo")}


def test_translations_of_a_topic_are_asked_beside_its_keywords(expanded):
    """What the user gave is never dropped because a model knew words as well."""
    oracle = Oracle(birds=("robin",))
    made = expanded(oracle, topic="birds", expand={**MODEL, "translations": {"birds": ["Vögel"]}})
    assert [(q.text, q.keyword) for q in made if q.expansion == 0] == [
        ("robin", "robin"),
        ("birds", "birds"),
        ("Vögel", "birds"),
    ]


def test_a_cancelled_job_asks_nothing_more(start, jobs, blobs):
    """Nobody waits for the words of a job that is given up."""
    start(categories={"c": ["owl"]}, expand=MODEL)
    jobs.cancel("job-1")
    oracle = Oracle(owl=("barn owl",))
    expand(REF, jobs=jobs, blobs=blobs, words=oracle)
    assert oracle.asked == []


@pytest.mark.parametrize(
    "error",
    [
        SourceUnavailable("no connection could be made"),
        SourceBlocked("the model refused to answer"),
        SourceChanged("the answer is no JSON"),
        (),
        ("<b>", "https://x.example"),
    ],
    ids=["away", "refused", "broken", "nothing", "rubbish"],
)
def test_templates_take_the_place_of_what_fails(expanded, jobs, blobs, error):
    """The job goes on with templates where there were no words, and a note says where and why."""
    oracle = Oracle(owl=("barn owl", "tawny owl"), wren=error)
    made = expanded(oracle, categories={"birds": ["owl", "wren"]})
    assert [q.text for q in made if q.keyword == "wren"] == ["wren", "wren photo", "wrens"]
    assert [q.text for q in made if q.keyword == "owl"] == ["owl", "barn owl", "tawny owl"]
    (note,) = jobs.notes("job-1")
    assert (note.code, note.subject) == ("expansion_fell_back", "model")
    cause = str(error) if isinstance(error, Exception) else "gave no words"
    assert "wren" in note.message
    assert "owl" not in note.message
    assert cause in note.message
    assert len(kept(blobs)) == 1


def test_a_topic_without_an_answer_is_its_own_keyword(expanded, jobs):
    """A model that is away costs a topic its keywords, not the job."""
    made = expanded(Oracle(owls=SourceUnavailable("no connection")), topic="owls")
    assert [q.text for q in made] == ["owls", "owls photo", "owls close up"]
    assert "owls" in jobs.notes("job-1")[0].message


def test_without_a_model_the_person_is_told(expanded, jobs):
    """A job that wants a model where none is set up runs on templates and has a note."""
    made = expanded(None, categories={"c": ["owl"]})
    assert [q.text for q in made] == ["owl", "owl photo", "owls"]
    assert jobs.notes("job-1") == (NOT_SET_UP,)


@pytest.mark.parametrize("mode", ["off", "templates"])
def test_nobody_is_asked_unasked(expanded, mode):
    """Only the mode `model` asks a model."""
    oracle = Oracle(owl=("barn owl",))
    expanded(oracle, categories={"c": ["owl"]}, expand={"mode": mode})
    assert oracle.asked == []


def test_answers_are_kept_for_all_jobs(blobs):
    """Asked once; for another model, count, intent or language it is another question."""
    wishes = [
        ("a", {}, {}),
        ("a", {}, {}),
        ("b", {}, {}),
        ("a", {"per_keyword": 3}, {}),
        ("a", {"intent": "animal"}, {}),
        ("a", {}, {"language": "de"}),
    ]
    for number, (name, expansion, filters) in enumerate(wishes):
        jobs, oracle = MemoryJobs(), Oracle(owl=("barn owl", "tawny owl", "eagle owl"))
        oracle.name = name
        spec = {"expand": {**MODEL, **expansion}, "filters": filters}
        _start(jobs, f"job-{number}", categories={"c": ["owl"]}, **spec)
        expand(JobRef(job_id=f"job-{number}"), jobs=jobs, blobs=blobs, words=oracle)
        assert len(oracle.asked) == (0 if number == 1 else 1)
    made = [QUERIES.validate_json(blobs.get(queries_ref(f"job-{number}"))) for number in (0, 1)]
    assert made[0] == made[1]


@pytest.mark.parametrize("rubbish", [b"", b"{", b'{"a": 1}', b"[1]", b'["<b>"]', b"\xff", b"[]"])
def test_a_broken_kept_answer_is_asked_anew(expanded, blobs, rubbish):
    """What cannot be read is no answer, and is replaced."""
    oracle = Oracle(owl=("barn owl",))
    expanded(oracle, categories={"c": ["owl"]})
    (name,) = kept(blobs)
    place = queries_ref("x").model_copy(update={"name": name})
    good = blobs.get(place)
    blobs.put(place, rubbish)
    blobs.delete_prefix(WORK, "job-1/")
    expanded(oracle, categories={"c": ["owl"]})
    assert len(oracle.asked) == 2
    assert blobs.get(place) == good


def test_no_failure_is_kept(expanded, blobs):
    """A refusal today is no answer for tomorrow's job."""
    expanded(Oracle(owl=SourceBlocked("no")), categories={"c": ["owl"]})
    assert kept(blobs) == []


def test_sweeping_a_job_leaves_the_answers(expanded, blobs):
    """They belong to no job: its working files go, they stay."""
    expanded(Oracle(owl=("barn owl",)), categories={"c": ["owl"]})
    blobs.delete_prefix(WORK, "job-1/")
    assert len(kept(blobs)) == 1


def test_a_model_that_is_away_is_not_asked_for_every_keyword(expanded, jobs):
    """After a few questions without an answer the rest go on without it, in one note."""
    words = [f"word{n}" for n in range(100)]
    oracle = Oracle(**dict.fromkeys(words, SourceUnavailable("no connection could be made")))
    made = expanded(oracle, categories={"c": words}, expand={**MODEL, "per_keyword": 1})
    assert len(made) == 200
    assert len(oracle.asked) < 10
    (note,) = jobs.notes("job-1")
    assert note.message.count("no connection could be made") == 1
    assert "and 95 more" in note.message


def test_time_is_up(expanded, jobs, monkeypatch):
    """A job does not wait for ever for words."""
    monkeypatch.setattr(consult_module, "CONSULT_BUDGET_S", -1.0)
    oracle = Oracle(owl=("barn owl",))
    expanded(oracle, categories={"c": ["owl"]})
    assert oracle.asked == []
    assert "no time left" in jobs.notes("job-1")[0].message


def test_the_first_expansion_wins(start, jobs, blobs):
    """A model that answers otherwise the second time changes neither queries nor notes."""
    start(categories={"c": ["owl", "wren"]}, expand=MODEL)
    expand(REF, jobs=jobs, blobs=blobs, words=Oracle(owl=("a",), wren=SourceBlocked("first")))
    queries, notes = blobs.get(queries_ref("job-1")), jobs.notes("job-1")
    blobs.delete(queries_ref("job-1"))
    expand(REF, jobs=jobs, blobs=blobs, words=Oracle(owl=("z",), wren=("y",)))
    assert (blobs.get(queries_ref("job-1")), jobs.notes("job-1")) == (queries, notes)


def test_the_first_of_two_that_expand_at_once_wins(start, jobs, blobs):
    """Whoever is slower goes on with what the other one wrote."""
    start(categories={"c": ["owl"]}, expand=MODEL)

    class Slow(Oracle):
        def words(self, ask):
            expand(REF, jobs=jobs, blobs=blobs, words=Oracle(owl=("a",)))
            blobs.delete(queries_ref("job-1"))
            return super().words(ask)

    expand(REF, jobs=jobs, blobs=blobs, words=Slow(owl=("z",)))
    made = QUERIES.validate_json(blobs.get(queries_ref("job-1")))
    assert "a" in [query.text for query in made]


def test_a_kill_between_the_files_loses_no_note(start, jobs, blobs):
    """The notes are in the first file written, so that a second run tells them."""
    start(categories={"c": ["owl"]}, expand=MODEL)
    other = MemoryJobs()
    _start(other, "job-1", categories={"c": ["owl"]}, expand=MODEL)
    expand(REF, jobs=other, blobs=blobs, words=None)
    blobs.delete(queries_ref("job-1"))
    assert blobs.exists(expanded_ref("job-1"))
    expand(REF, jobs=jobs, blobs=blobs, words=Oracle(owl=("a",)))
    assert jobs.notes("job-1") == (NOT_SET_UP,)


SAID = st.lists(
    st.text(max_size=30)
    | st.sampled_from(["barn owl", "{0.__class__}", "%s", "../x", "-owl", '"', "OWL", "a" * 300])
    | st.integers()
    | st.none(),
    max_size=40,
)


@STEADY
@given(SAID, SAID, st.integers(1, 20), st.booleans())
def test_whatever_the_model_says(topic_said, said, per_keyword, is_topic):
    """Queries keep their limits, folders stay apart, and nothing raises."""
    jobs, blobs = MemoryJobs(), MemoryBlobs()

    class Anything:
        name = "anything"

        def words(self, ask):
            return topic_said if ask.kind == "topic" else said

    wish = {"topic": "owls"} if is_topic else {"categories": {"owls": ["owl", "barn owl"]}}
    expansion = {"mode": "model", "per_keyword": per_keyword, "keywords": 5}
    _start(jobs, "job-1", expand=expansion, **wish)
    expand(REF, jobs=jobs, blobs=blobs, words=Anything())
    made = QUERIES.validate_json(blobs.get(queries_ref("job-1")))
    keywords = {query.keyword for query in made}
    assert 1 <= len(keywords) <= 5
    assert len({folder_name(keyword) for keyword in keywords}) == len(keywords)
    assert all(folder_name(keyword) for keyword in keywords)
    assert {query.category for query in made} == {"owls"}
    assert all(0 < len(query.text) <= QUERY_MAX_CHARS for query in made)
    assert [q.expansion for q in made] == sorted(q.expansion for q in made)
    assert max(q.expansion for q in made) <= per_keyword
    assert len({query.text.casefold() for query in made}) == len(made)
    assert len(made) <= len(keywords) * (1 + per_keyword)


def _start(jobs, job_id, **spec):
    jobs.add(
        Job(
            id=job_id,
            user_id="user-1",
            dataset_id="dataset-1",
            version=1,
            status=JobStatus.RUNNING,
            spec=parse_job({"name": "test", **spec}),
        )
    )
