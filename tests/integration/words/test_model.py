"""A language model over real connections: three forms, and everything that can go wrong."""

from __future__ import annotations

import logging

import pytest

from pixcrawler.adapters.words.forms import endpoint
from pixcrawler.adapters.words.model import ModelWords
from pixcrawler.domain.errors import SourceBlocked, SourceChanged, SourceUnavailable
from pixcrawler.pipeline.words.ports import WordAsk
from tests.fakes.chat import Says, completion, refusal, words

pytestmark = pytest.mark.integration

KEY = "sk-very-secret-0123456789"
ASK = WordAsk("owl", "variations", 5, "animal")
SOURCE_ERRORS = (SourceUnavailable, SourceBlocked, SourceChanged)


@pytest.fixture
def waits():
    """The waits that were asked for."""
    return []


@pytest.fixture
def model(chat, waits):
    """Makes a source that does not really wait between tries."""

    def make(path="/v1", form="auto", timeout_s=20.0):
        place = endpoint(f"{chat.origin}{path}", "m", KEY, form)
        return ModelWords(place, timeout_s, sleep=waits.append)

    return make


@pytest.mark.parametrize(
    ("path", "form", "asked_at", "sent"),
    [
        (
            "/openai/deployments/d?api-version=2024-10-21",
            "auto",
            "/openai/deployments/d/chat/completions?api-version=2024-10-21",
            ("api-key", KEY, None),
        ),
        ("", "azure", "/openai/v1/chat/completions", ("api-key", KEY, "m")),
        ("/v1", "auto", "/v1/chat/completions", ("Authorization", f"Bearer {KEY}", "m")),
    ],
)
def test_three_forms(chat, model, path, form, asked_at, sent):
    """Azure's deployments, Azure v1 and OpenAI-compatible servers are asked as each wants it."""
    chat.say(words("barn owl", "tawny owl"))
    assert model(path, form).words(ASK) == ("barn owl", "tawny owl")
    (asked,) = chat.asked
    assert asked.path == asked_at
    name, value, named = sent
    assert (asked.headers[name], asked.body.get("model")) == (value, named)
    assert asked.about == {"about": "owl", "count": 5, "what_it_is": "animal"}
    assert asked.body["response_format"]["type"] == "json_schema"


def test_a_server_without_schemas_is_asked_for_plain_json(chat, model):
    """Its refusal of the form is noticed once, and remembered."""
    source = model()
    chat.answer = lambda asked: (
        refusal(400, "unsupported_value")
        if asked.body["response_format"]["type"] == "json_schema"
        else words("barn owl")
    )
    assert source.words(ASK) == source.words(ASK) == ("barn owl",)
    forms = [asked.body["response_format"]["type"] for asked in chat.asked]
    assert forms == ["json_schema", "json_object", "json_object"]


def test_a_question_that_is_never_understood_ends(chat, model):
    """Both forms are tried, once each."""
    chat.say(refusal(400, "invalid_request_error"))
    with pytest.raises(SourceBlocked, match="status 400, invalid_request_error"):
        model().words(ASK)
    assert len(chat.asked) == 2


@pytest.mark.parametrize(
    ("busy", "waited"),
    [
        (refusal(429, "slow", Retry_After="2"), [2.0]),
        (refusal(429, "slow", retry_after_ms="250", Retry_After="9"), [0.25]),
        (refusal(503, "down"), [1.0]),
        (refusal(529, "down", Retry_After="Fri, 20 Nov 2026 00:00:00 GMT"), [1.0]),
    ],
)
def test_a_busy_server_is_asked_again(chat, model, waits, busy, waited):
    """After as long as it says, or a second."""
    chat.say(busy, words("barn owl"))
    assert model().words(ASK) == ("barn owl",)
    assert waits == waited


def test_a_server_that_stays_busy_is_left(chat, model, waits):
    """Three tries, no more."""
    chat.say(refusal(429, "slow"))
    with pytest.raises(SourceUnavailable, match="slow down"):
        model().words(ASK)
    assert (len(chat.asked), waits) == (3, [1.0, 2.0])


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_no_proxy_stands_before_a_model_on_this_machine(chat, model, monkeypatch, name):
    """A way out that the environment names is none to here."""
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    chat.say(words("barn owl"))
    assert model().words(ASK) == ("barn owl",)


def test_what_is_used_up_is_told_at_once(chat, model, waits):
    """It comes with the status of a busy server, and no waiting helps."""
    chat.say(refusal(429, "insufficient_quota"))
    with pytest.raises(SourceBlocked, match="status 429, insufficient_quota"):
        model().words(ASK)
    assert (len(chat.asked), waits) == (1, [])


def test_a_long_pause_is_not_waited_for(chat, model, waits):
    """A pause beyond the question's own time ends it at once."""
    chat.say(refusal(429, "slow", Retry_After="86400"))
    with pytest.raises(SourceUnavailable, match="429"):
        model().words(ASK)
    assert (len(chat.asked), waits) == (1, [])


@pytest.mark.parametrize(
    ("says", "error", "cause"),
    [
        ("rude", SourceUnavailable, "closed"),
        ("garbled", SourceUnavailable, "failed"),
        ("short", SourceUnavailable, "closed"),
        ("endless", SourceChanged, "larger than 1024 kB"),
        (Says(b"<!doctype html><title>Sign in</title>"), SourceChanged, "no JSON"),
        (Says(b"\x1f\x8b\x08 packed", 200, {"Content-Encoding": "gzip"}), SourceChanged, "no JSON"),
        (Says(b""), SourceChanged, "no JSON"),
        (Says(b"[1, 2]"), SourceChanged, "another structure"),
        (completion('{"variations": ["barn o', "length"), SourceChanged, "cut off"),
        (completion(None, refusal="I am sorry."), SourceBlocked, "refused"),
        (refusal(400, "content_filter"), SourceBlocked, "content filter"),
        (refusal(401, "invalid_api_key", f"Wrong key {KEY}"), SourceBlocked, "WORDS_KEY"),
        (refusal(404, "DeploymentNotFound"), SourceBlocked, "404"),
    ],
)
def test_every_fault_is_one_of_three(chat, model, says, error, cause, caplog):
    """Whatever the server does, the source says why in words, without the key."""
    caplog.set_level(logging.DEBUG)
    chat.say(says)
    with pytest.raises(error, match=cause) as caught:
        model().words(ASK)
    assert KEY not in f"{caught.value}{caught.value.__cause__}{caplog.text}"
    assert chat.origin not in str(caught.value)


@pytest.mark.parametrize("way", ["silent", "dripping_headers", "dripping_body"])
def test_the_deadline_holds(chat, model, way):
    """Neither silence nor a drip keeps a job: no test's patience is needed."""
    chat.say(way)
    with pytest.raises(SourceUnavailable, match="in time"):
        model(timeout_s=0.5).words(ASK)


def test_a_redirect_is_not_followed(chat, model):
    """The key goes where the operator said and nowhere else."""
    chat.say(Says(b"", 307, {"Location": f"{chat.origin}/elsewhere"}))
    with pytest.raises(SourceBlocked, match="redirects"):
        model().words(ASK)
    assert len(chat.asked) == 1


def test_nobody_there(chat, waits):
    """A server that does not run is told in words."""
    chat.close()
    place = endpoint(f"{chat.origin}/v1", "m", KEY)
    with pytest.raises(SourceUnavailable, match="no connection"):
        ModelWords(place, 20.0, sleep=waits.append).words(ASK)


def test_the_name_tells_models_and_places_apart(chat, model):
    """Answers of another model, or of another place, are other answers; the key is not in it."""
    names = {model(path).name for path in ("/v1", "/v2")}
    assert len(names) == 2
    assert not any(KEY in name for name in names)
