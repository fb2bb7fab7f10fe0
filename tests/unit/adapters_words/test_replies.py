"""What a server answers becomes texts or one of three errors, and nothing else is raised."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixcrawler.adapters.words.replies import FormRefused, words_in
from pixcrawler.domain.errors import SourceBlocked, SourceChanged
from tests.fakes.chat import completion, refusal, words

STEADY = settings(deadline=None, derandomize=True)


def test_a_good_answer_gives_its_texts():
    """The texts come in their order; what is no text is left out."""
    assert words_in(200, words("barn owl", 7, None, "tawny owl", ["x"]).body) == (
        "barn owl",
        "tawny owl",
    )


@pytest.mark.parametrize(
    "content",
    [
        '```json\n{"variations": ["barn owl"]}\n```',
        'Here you are: {"variations": ["barn owl"]} Enjoy!',
    ],
)
def test_words_around_the_json_are_borne(content):
    """A server without schemas may talk around its JSON."""
    assert words_in(200, completion(content).body) == ("barn owl",)


@pytest.mark.parametrize(
    ("says", "error", "cause"),
    [
        (completion({"variations": []}, "length"), SourceChanged, "cut off"),
        (completion(None, "content_filter"), SourceBlocked, "content filter"),
        (completion(None, refusal="I cannot."), SourceBlocked, "refused"),
        (completion(None), SourceChanged, "no text"),
        (completion("not JSON"), SourceChanged, "no JSON"),
        (completion('{"variations": ["a"'), SourceChanged, "no JSON"),
        (completion({"phrases": ["a"]}), SourceChanged, "another structure"),
        (completion({"variations": {"a": 1}}), SourceChanged, "another structure"),
        (refusal(400, "content_filter"), SourceBlocked, "content filter"),
        (refusal(400, "unsupported_value"), FormRefused, "unsupported_value"),
        (refusal(401, "x"), SourceBlocked, "WORDS_KEY"),
        (refusal(403, "x"), SourceBlocked, "refused"),
        (refusal(404, "DeploymentNotFound"), SourceBlocked, "WORDS_MODEL"),
        (refusal(429, "insufficient_quota"), SourceBlocked, "429, insufficient_quota"),
        (refusal(302, "x"), SourceBlocked, "redirects"),
    ],
)
def test_every_refusal_has_its_cause(says, error, cause):
    """A person reads why there were no words."""
    with pytest.raises(error, match=cause):
        words_in(says.status, says.body)


def test_a_servers_own_text_is_never_shown():
    """Codes and messages of a server could hold a key, markup or lies."""
    for status in (400, 401, 403, 404, 418):
        says = refusal(status, "sk_secret", "sk_secret")
        with pytest.raises((SourceBlocked, FormRefused)) as caught:
            words_in(status, says.body)
        assert "sk_secret" not in str(caught.value)


@STEADY
@given(st.sampled_from([200, 302, 400, 401, 404, 422, 500]), st.binary(max_size=200))
def test_any_bytes_are_borne(status, body):
    """No body raises anything else."""
    _read(status, body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@STEADY
@given(JSON, st.sampled_from(["choices", "choice", "message", "content", "said", "all"]))
def test_any_structure_is_borne(value, place):
    """Whatever stands in whatever place, the answer is texts or one of the errors."""
    message = {"content": json.dumps({"variations": value}) if place == "said" else value}
    message = value if place == "message" else message
    choice = value if place == "choice" else {"message": message, "finish_reason": value}
    choices = value if place == "choices" else [choice]
    _read(200, json.dumps(value if place == "all" else {"choices": choices}).encode())


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 10_000, b"{}"])
def test_json_bombs_are_borne(body):
    """Depth and huge numbers end as an answer that is no chat completion."""
    with pytest.raises(SourceChanged):
        words_in(200, body)
    with pytest.raises(SourceChanged):
        words_in(200, completion(body.decode()).body)


def _read(status, body):
    try:
        texts = words_in(status, body)
    except (SourceBlocked, SourceChanged, FormRefused):
        return
    assert all(isinstance(text, str) for text in texts)
