"""`pixcrawler estimate`, and estimates beside what came of them."""

from __future__ import annotations

import pytest

from tests.fakes.api_server import JOB_ID, a_job, an_estimate

CAME = {"images": 10, "bytes": 1_000_000, "minutes": 3.0, "credits": 10}


def test_an_estimate_is_shown(cli, server):
    """Figures with their bounds, engines with what they have, and what it all means."""
    said = cli("estimate", "robin", "--max", "10", "--engine", "local", "--name", "birds")
    assert said.code == 0, said.err
    [document] = server.will.posted
    assert document == {
        "keywords": ["robin"], "name": "birds", "max_images": 10, "engines": ["local"],
    }  # fmt: skip
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert "birds: 10 images wanted; 40 pictures seen in a sample" in lines
    assert "low expected high" in lines
    assert "images 6 9 10" in lines
    assert "download 500.0 kB 2.0 MB 9.0 MB" in lines
    assert "minutes 0.1 0.5 2.5" in lines
    assert "local ok 40 40 to 1,200 12 to 1,200" in lines
    assert "mirror stands by 0 40 to 1,200 12 to 1,200 searches what local does" in lines
    assert "- An image that is kept costs 1 credit." in lines
    assert "note: local cannot colour" in lines
    assert ("POST", "/api/v1/jobs") not in server.will.seen


def test_an_estimate_as_json(cli):
    """With --json the answer of the API is printed as it is."""
    assert cli("estimate", "robin", "--json").json == an_estimate()


def test_a_job_file_is_estimated_as_it_is(cli, server, tmp_path):
    """A job file goes to the server as it would for a run."""
    (tmp_path / "birds.yaml").write_text("name: birds\nkeywords: [robin]\n")
    assert cli("estimate", "birds.yaml").code == 0
    assert server.will.posted == [{"name": "birds", "keywords": ["robin"]}]


def test_a_refusal_is_a_mistake(cli, server):
    """What the server refuses of the job file is told like for a run."""
    server.will.refusal = (422, {"code": "invalid_request", "message": "no such engine"})
    said = cli("estimate", "robin")
    assert said.code == 2
    assert "no such engine" in said.err


@pytest.mark.parametrize("command", [("status", JOB_ID), ("run", "robin")])
def test_estimate_and_actual_stand_side_by_side(cli, server, command):
    """Who asked for an estimate sees at the end how good it was."""
    server.will.story = [a_job(estimate=an_estimate(), actual=CAME)]
    lines = [" ".join(line.split()) for line in cli(*command).out.splitlines()]
    assert "estimate between actual" in lines
    assert "images 9 6 to 10 10" in lines
    assert "download 2.0 MB 500.0 kB to 9.0 MB 1.0 MB" in lines
    assert "minutes 0.5 0.1 to 2.5 3.0 outside" in lines


@pytest.mark.parametrize("known", [{"estimate": an_estimate()}, {"actual": CAME}, {}])
def test_one_alone_is_not_compared(cli, server, known):
    """Without an estimate, or before the end, there is nothing to compare."""
    server.will.story = [a_job(**known)]
    said = cli("status", JOB_ID)
    assert said.code == 0
    assert "estimate" not in said.out
