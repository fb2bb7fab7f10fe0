"""The command `retry`, against a server that behaves like the API."""

from __future__ import annotations

import pytest

from tests.fakes.api_server import JOB_ID, a_job

BASE = "00001111-2222-4333-8444-555555555555"
TOLD = "12 of 40 failed candidates are fetched again (throttled 10, timed_out 2)."
NOTE = {"code": "retry", "subject": BASE, "message": TOLD}


def a_retry(**changes):
    """Return a retry as the API shows it."""
    given = {"retry_of": BASE, "retry_reasons": ["throttled"], "version": 1, "notes": [NOTE]}
    return a_job(**{**given, **changes})


@pytest.fixture
def retried(server):
    """The server knows a job that can be retried."""
    server.will.story = [a_retry(status="pending", stage="queued"), a_retry()]
    return server.will


def test_a_job_is_retried_and_its_dataset_brought_here(cli, retried, tmp_path):
    """What comes again is said before the wait; the new version is delivered at the end."""
    said = cli("retry", JOB_ID)
    assert said.code == 0
    assert ("POST", f"/api/v1/jobs/{JOB_ID}/retry") in retried.seen
    assert retried.posted == [{}]
    assert said.err.index(TOLD) < said.err.index("succeeded")
    assert (tmp_path / "out/birds-v1/images/a/a/0001.png").exists()


def test_the_beginning_of_an_id_and_of_a_reason(cli, retried):
    """Both may be cut short where it is clear what is meant; several reasons are several."""
    assert cli("retry", JOB_ID[:6], "--reason", "gone", "--reason", "throttled").code == 0
    assert retried.posted == [{"reasons": ["gone_404_410", "throttled"]}]


def test_every_retry_has_a_key(cli, retried):
    """A line that breaks costs a repetition, never a second retry; the next retry is another."""
    retried.ill = ["drop"]
    cli("retry", JOB_ID, "--no-wait")
    retried.story = [a_retry()]
    cli("retry", JOB_ID, "--no-wait")
    assert len(retried.keys) == len(set(retried.keys)) == 2
    assert all(retried.keys)


def test_no_wait_returns_at_once(cli, retried, tmp_path):
    """With --no-wait the new job's id is the result, what it fetches is said, and no file comes."""
    said = cli("retry", JOB_ID, "--no-wait")
    assert (said.code, said.out) == (0, f"{JOB_ID}\n")
    assert TOLD in said.err
    assert not (tmp_path / "out").exists()


def test_programs_get_one_json_document(cli, retried, tmp_path):
    """With --json stdout is one document: the job, of which it is a retry, and where files are."""
    said = cli("retry", JOB_ID, "--json", "--out", "there", "--force")
    assert said.json["job"]["retry_of"] == BASE
    assert said.json["files"]["folder"] == "there/birds-v1"


def test_nothing_to_retry_is_a_mistake(cli, retried):
    """What the API says of it is shown in its words, with exit code 2."""
    error = {"code": "conflict", "message": "Nothing is fetched again: 28 failed for other"}
    retried.refusal = (409, {**error, "details": {"failed": {"gone_404_410": 28}}})
    said = cli("retry", JOB_ID, "--json")
    assert (said.code, said.err) == (2, f"error: {error['message']}\n")
    assert said.json["error"]["details"]["failed"] == {"gone_404_410": 28}


def test_an_unknown_reason_is_sent_as_it_stands(cli, retried):
    """The server knows which reasons there are: a newer one knows more."""
    cli("retry", JOB_ID, "--reason", "sunspots", "--no-wait")
    assert retried.posted == [{"reasons": ["sunspots"]}]


def test_status_says_of_what_a_job_is_a_retry(cli, retried):
    """Which job it retries, and for which reasons; other jobs have no such line."""
    retried.story = [a_retry()]
    assert f"retry of {BASE} (throttled)" in cli("status", JOB_ID).out
    retried.story = [a_job()]
    assert "retry of" not in cli("status", JOB_ID).out
