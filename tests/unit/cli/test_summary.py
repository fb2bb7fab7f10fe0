"""The end of a job, in words and as an exit code."""

import pytest

from pixcrawler.cli.summary import advice, ending, headline, notes_of, show_engines
from pixcrawler.cli.talk import Talk
from tests.fakes.api_server import a_job


@pytest.mark.parametrize(
    ("status", "code"), [("succeeded", 0), ("partial", 3), ("failed", 1), ("cancelled", 1)]
)
def test_each_end_has_its_exit_code(status, code):
    """A program can tell a full dataset, a smaller one and none apart."""
    assert ending(a_job(status=status))[0] == code


def test_a_failure_keeps_the_apis_code_and_sentence():
    """What the API says of a failed job is what is shown."""
    job = a_job(status="failed", error={"code": "source_unavailable", "message": "no engine"})
    _, error = ending(job)
    assert (error.code, error.message) == ("source_unavailable", "no engine")


def test_fewer_than_wanted_is_said():
    """A smaller dataset is never told as a full one."""
    job = a_job(status="partial", message="No engine has more.", progress={"kept": 7})
    assert headline(job) == "birds, version 1: No engine has more."
    assert headline({**job, "message": None}) == "birds, version 1: 7 images of 10 wanted."


def engine(status, **more):
    """Return an engine's report."""
    return {"engine": "openverse", "status": status, "candidates": 0, "detail": None, **more}


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (engine("failed"), "run it again once the engines can be reached"),
        (engine("blocked", retry_after_s=550), "left alone for 10 min"),
    ],
)
def test_engine_trouble_comes_with_advice(report, said):
    """A job that failed because of its engines says what to do."""
    text = advice(a_job(status="failed", engines=[report]))
    assert said in text


def test_no_advice_where_the_engines_answered():
    """Engines that answered are not blamed."""
    assert advice(a_job(engines=[engine("ok"), engine("empty")])) == ""


def test_notes_are_a_line_each():
    """What a person should know is told in their own words; a server without notes is fine."""
    notes = [{"code": "fell_back", "subject": "model", "message": "No model is set up."}]
    assert notes_of(a_job(notes=notes)) == ["note: No model is set up."]
    assert notes_of(a_job()) == []


def test_the_table_of_engines_says_why(capsys):
    """How each engine answered, what it cost, and why it gave no more, in one line each."""
    reports = [
        engine("ok", candidates=1200, requests=60, sifted=34, saturated=2),
        engine("ok", candidates=7, requests=1, is_used_up=True, engine="commons"),
        engine("blocked", kind="captcha", until="2026-05-01T14:05:00Z", engine="google"),
        engine("empty", stands_by_for="bing", engine="duckduckgo"),
        engine("ok", stands_in_for="bing", engine="ecosia"),
        engine("blocked", detail="slow down", retry_after_s=20, engine="flickr"),
    ]
    show_engines(Talk(), a_job(engines=reports))
    told = capsys.readouterr().out.splitlines()
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in told if line.split()}
    assert lines["openverse"] == "ok 1,200 60 34 hardly anything new at the end"
    assert lines["commons"] == "ok 7 1 0 used up"
    assert lines["google"] == "blocked (captcha) 0 0 0 (not before 2026-05-01 14:05 UTC)"
    assert lines["duckduckgo"] == "stands by 0 0 0 same index as bing"
    assert lines["ecosia"] == "ok 0 0 0 went on for bing"
    assert lines["flickr"] == "blocked 0 0 0 slow down (try again in 20 s)"
