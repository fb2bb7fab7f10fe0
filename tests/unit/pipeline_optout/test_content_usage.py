"""Content-Usage: what its Dictionary says, in headers and in robots.txt."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.domain.purpose import Purpose
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.optout.content_usage import ContentUsage, dictionary, preference_of
from pixcrawler.pipeline.optout.gate import Gate
from pixcrawler.pipeline.optout.signal import SiteRules
from pixcrawler.pipeline.visits.ports import SiteFile

STEADY = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
SITE = "https://pictures.example"
DIGEST = "ef" * 32


def site(robots: str, status: int | None = 200) -> SiteRules:
    """The files of a site with this robots.txt and nothing else."""
    file = SiteFile(f"{SITE}/robots.txt", status, robots.encode(), DIGEST)
    return SiteRules(file, SiteFile(f"{SITE}/.well-known/tdmrep.json", 404))


def said(robots: str, path: str, status: int | None = 200) -> list[str]:
    """The lines that decide for a path."""
    return [one.rule for one in ContentUsage().of_site(SITE + path, site(robots, status))]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("train-ai=n", "n"),
        ("train-ai=y", "y"),
        ("search=y, train-ai=n", "n"),
        ("train-ai=n,search=y", "n"),
        ("  train-ai=n  ", "n"),
        ("train-ai=n \t, \tsearch=y", "n"),
        ("train-ai=n;source=site;q=1.5;flag", "n"),
        ('train-ai=n; note="a, \\"b\\"", x', "n"),
        ("train-ai=y, train-ai=n", "n"),
        ("train-ai=n, train-ai=y", "y"),
        ('x=(1 2 "c");p, train-ai=n', "n"),
        ("x=( a  b ), y=(), train-ai=n", "n"),
        ('x=:aGk=:, y=?1, z=@1659578233, d=%"f%c3%bc", n=-12.5, train-ai=n', "n"),
        ("train-ai", None),
        ("train-ai;n", None),
        ("train-ai=N", None),
        ("train-ai=no", None),
        ('train-ai="n"', None),
        ("train-ai=?0", None),
        ("train-ai=(n)", None),
        ("train-ai=0", None),
        ("Train-AI=n", None),
        ("TRAIN-AI=n, search=y", None),
        ("train-ai =n", None),
        ("train-ai= n", None),
        ("train-ai=n,", None),
        (",train-ai=n", None),
        ("train-ai=n,,search=y", None),
        ("train-ai=n search=y", None),
        ("train-ai=n; search=y", "n"),
        ("train-ai=n ;x", None),
        ("train-ai=n, x=", None),
        ('train-ai=n, x="open', None),
        ("train-ai=n, x=(1 2", None),
        ("train-ai=n, x=(1  (2))", None),
        ("train-ai=n, x=1.2345", None),
        ("train-ai=n, x=1234567890123456", None),
        ("train-ai=n, x=\u00e9", None),
        ("train-ai=n\n", None),
        ("noai", None),
        ("", None),
    ],
    ids=repr,
)
def test_a_header_is_a_dictionary_of_rfc_9651(value, expected):
    """One that breaks the grammar is ignored whole; of a repeated key the last counts."""
    assert preference_of(value) == expected


def test_members_are_told_as_written():
    """Without their parameters; what has no single value is empty."""
    assert dictionary('a=1;x=2, b, c=(1 2), d="t"') == {"a": "1", "b": "", "c": "", "d": '"t"'}


def test_several_headers_are_one_dictionary():
    """RFC 9651, 4.2: they are joined by commas, and one broken line spoils all."""
    gate = Gate(Purpose.GENERATIVE)
    split = [("Content-Usage", "search=y"), ("content-usage", "train-ai=n")]

    assert gate.of_answer("u", split).refusal.rule == "train-ai=n"
    assert gate.of_answer("u", [*split, ("content-usage", "=")]).refusal is None


# The example of draft-ietf-aipref-attach, section 4.
DRAFT = """\
User-Agent: *
Allow: /
Disallow: /never/
Content-Usage: train-ai=n
Content-Usage: /ai-ok/ train-ai=y

User-Agent: ExampleBot
Allow: /
Content-Usage: train-ai=y
"""


@pytest.mark.parametrize(
    ("robots", "path", "expected"),
    [
        pytest.param(DRAFT, "/test", ["Content-Usage: train-ai=n"], id="draft-all"),
        pytest.param(DRAFT, "/ai-ok/test", ["Content-Usage: /ai-ok/ train-ai=y"], id="draft-path"),
        pytest.param(
            DRAFT.replace("ExampleBot", "pixcrawler"),
            "/test",
            ["Content-Usage: train-ai=y"],
            id="draft-our-group",
        ),
        pytest.param(
            "User-agent: *\nContent-Usage: /a train-ai=n\nContent-Usage: /a train-ai=y\n",
            "/a",
            ["Content-Usage: /a train-ai=n", "Content-Usage: /a train-ai=y"],
            id="equal-paths-apply-both",
        ),
        pytest.param(
            "User-agent: *\nContent-Usage: /*.jpg$ train-ai=n\n",
            "/x/1.jpg",
            ["Content-Usage: /*.jpg$ train-ai=n"],
            id="wildcards",
        ),
        pytest.param(
            "User-agent: *\nCONTENT-USAGE :\t/a\t train-ai=n # ours\n",
            "/a/b",
            ["CONTENT-USAGE :\t/a\t train-ai=n"],
            id="case-tabs-comment",
        ),
        pytest.param("User-agent: *\nContent-Usage: /a train-ai=n\n", "/b", [], id="another-path"),
        pytest.param("User-agent: *\nContent-Usage: /a\n", "/a", [], id="no-preference"),
        pytest.param("User-agent: *\nContent-Usage: search=n\n", "/a", [], id="another-category"),
        pytest.param("User-agent: *\nContent-Usage: train-ai=maybe\n", "/a", [], id="unknown"),
        pytest.param("User-agent: b\nContent-Usage: train-ai=n\n", "/a", [], id="for-another"),
        pytest.param("Content-Usage: train-ai=n\n", "/a", [], id="for-nobody"),
        pytest.param(
            "User-agent: a\nContent-Usage: train-ai=y\nUser-agent: *\nContent-Usage: train-ai=n\n",
            "/a",
            ["Content-Usage: train-ai=n"],
            id="a-rule-ends-the-agents",
        ),
    ],
)
def test_the_longest_path_in_robots_txt_decides(robots, path, expected):
    """Within the group that is for us, as the draft has it."""
    assert said(robots, path) == expected


@pytest.mark.parametrize("status", [None, 404, 429, 500], ids=str)
def test_without_a_file_nothing_is_said(status):
    """Then other signals speak, or none."""
    assert said("User-agent: *\nContent-Usage: train-ai=n\n", "/a", status) == []


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [
        (Purpose.RESEARCH, None),
        (Purpose.RECOGNITION, None),
        (Purpose.GENERATIVE, RejectReason.OPTED_OUT),
    ],
    ids=str,
)
def test_train_ai_is_about_models_that_generate(purpose, expected):
    """By its definition; whatever it says is kept for the receipt."""
    gate = Gate(purpose)
    of_file = gate.of_site(f"{SITE}/a", site("User-agent: *\nContent-Usage: train-ai=n\n"))
    of_header = gate.of_answer(f"{SITE}/a", [("Content-Usage", "train-ai=n")])

    assert (of_file.reason, of_header.reason) == (expected, expected)
    assert [(one.signal, one.source, one.digest) for one in of_file.findings] == [
        ("robots.txt", f"{SITE}/robots.txt", DIGEST),
        ("content-usage", f"{SITE}/robots.txt", DIGEST),
    ]
    assert len(of_header.findings) == 1


@pytest.mark.parametrize("first", ["y", "n"])
def test_of_two_places_the_more_restrictive_counts(first):
    """A header does not lift what robots.txt says, nor the other way round."""
    gate = Gate(Purpose.GENERATIVE)
    other = "y" if first == "n" else "n"
    rules = site(f"User-agent: *\nContent-Usage: train-ai={first}\n")
    reasons = {
        gate.of_site(f"{SITE}/a", rules).reason,
        gate.of_answer(f"{SITE}/a", [("Content-Usage", f"train-ai={other}")]).reason,
    }

    assert RejectReason.OPTED_OUT in reasons


@pytest.mark.parametrize(
    "value",
    [
        "a=(" * 2500,
        "a=(" + "1 " * 4000,
        'a="' + "\\" * 8000,
        "a;" * 4000,
        "a=" + ";x" * 4000,
        "a" * 9000,
        "a=( " + " " * 8000,
        "a, " * 100_000,
        "a=" + "1" * 8000,
    ],
    ids=[
        "nested",
        "list",
        "escapes",
        "semicolons",
        "parameters",
        "key",
        "spaces",
        "long",
        "digits",
    ],
)
def test_hostile_headers_take_no_time(value):
    """No part of the grammar is tried twice."""
    began = time.perf_counter()
    for _ in range(10):
        assert preference_of(f"{value}, train-ai=n") is None

    assert time.perf_counter() - began < 2.0


ALPHABET = 'train-ai=ny,;:"\\()?@%* \t0.é'


@STEADY
@given(st.text(ALPHABET, max_size=40) | st.text(max_size=20))
def test_no_value_breaks_the_reader(value):
    """In a header or in robots.txt."""
    preference_of(value)
    said(f"User-agent: *\nContent-Usage: {value}\n", "/a")
