"""The commands, against a server that behaves like the API."""

import pytest

from tests.fakes.api_server import DATASET_ID, JOB_ID, a_job, an_archive


def test_words_become_a_dataset_on_disk(cli, server, tmp_path):
    """Words go in; the archive, its folder and a summary come out."""
    said = cli("run", "red panda", "--max", "10", "--engine", "openverse")
    assert said.code == 0
    assert server.will.posted == [
        {"keywords": ["red panda"], "max_images": 10, "engines": ["openverse"]}
    ]
    assert (tmp_path / "out/birds-v1.zip").read_bytes() == server.will.archive
    assert (tmp_path / "out/birds-v1/images/a/a/0001.png").exists()
    for part in ("10 images", "gone_404_410", "no longer there", "local", "out/birds-v1"):
        assert part in said.out


def test_programs_get_one_json_document(cli, tmp_path):
    """With --json stdout is one document: the job and where the files are."""
    said = cli("run", "fox", "--json")
    assert said.json["job"]["id"] == JOB_ID
    assert said.json["files"]["folder"].endswith("out/birds-v1")


def test_a_job_that_gives_less_exits_with_3(cli, server, tmp_path):
    """Fewer images than wanted is a dataset, told as partial and by its exit code."""
    job = a_job(status="partial", message="No engine has more.", progress={"kept": 7})
    server.will.story = [job]
    said = cli("run", "fox")
    assert said.code == 3
    assert "birds, version 1: No engine has more." in said.out
    assert (tmp_path / "out/birds-v1").is_dir()


def test_a_failed_job_says_why_and_what_to_do(cli, server, tmp_path):
    """A job that failed for its engines: the API's sentence, advice, exit code 1, no files."""
    report = {"engine": "openverse", "status": "failed", "candidates": 0, "detail": "no route"}
    error = {"code": "source_unavailable", "message": "openverse could not be reached"}
    server.will.story = [a_job(status="failed", error=error, engines=[report])]
    said = cli("run", "red panda", "--engine", "openverse", "--json")
    assert said.code == 1
    assert "openverse could not be reached" in said.err
    assert "run it again once" in said.err
    assert said.json["error"]["code"] == "source_unavailable"
    assert not (tmp_path / "out").exists()


def test_a_refused_job_names_field_rule_and_value(cli, server):
    """Every violation is told with field, rule and value; the exit code says mistake."""
    violations = [
        {"field": "max_images", "rule": "less_than_equal", "value": 10001, "message": "too many"},
        {"field": "keywords.0", "rule": "too_short", "value": "", "message": "empty"},
    ]
    server.will.refusal = (
        422,
        {"code": "invalid_request", "message": "two faults", "details": {"violations": violations}},
    )
    said = cli("run", "fox", "--json")
    assert said.code == 2
    assert "max_images: too many (rule: less_than_equal, value: 10001)" in said.err
    assert "keywords.0: empty (rule: too_short, value: '')" in said.err
    assert said.json["error"]["details"]["violations"] == violations


def test_notes_are_told_before_and_after(cli, server):
    """What a person should know is said before the wait, and with what came later at the end."""
    early = {"code": "expansion_fell_back", "subject": "model", "message": "No model is set up."}
    late = {"code": "filter_ignored", "subject": "local", "message": "local knows no colours."}
    server.will.story = [
        a_job(status="pending", stage="queued", notes=[early]),
        a_job(notes=[early, late]),
    ]
    said = cli("run", "fox")
    assert "note: No model is set up." in said.err
    assert said.err.index("note: No model") < said.err.index("succeeded")
    assert [line for line in said.out.splitlines() if line.startswith("note")] == [
        "note: No model is set up.",
        "note: local knows no colours.",
    ]


def test_no_wait_returns_at_once(cli, server, tmp_path):
    """With --no-wait the job's id is the result, and nothing is fetched."""
    server.will.story = [a_job(status="pending")]
    said = cli("run", "fox", "--no-wait")
    assert (said.code, said.out) == (0, f"{JOB_ID}\n")
    assert not (tmp_path / "out").exists()


def test_jobs_are_listed(cli, server):
    """Each job is one line with its state and counts."""
    server.will.jobs = [a_job(status="running", stage="downloading"), a_job(name="cats")]
    said = cli("jobs")
    assert "birds v1" in said.out
    assert "downloading" in said.out
    assert "cats v1" in said.out
    assert len(cli("jobs", "--json").json) == 2
    assert len(cli("jobs", "--limit", "1", "--json").json) == 1


@pytest.mark.parametrize("name", [JOB_ID, JOB_ID.upper(), JOB_ID[:4], JOB_ID[:13]])
def test_a_job_is_found_by_the_beginning_of_its_id(cli, name):
    """The first characters of an id do, when they fit one job."""
    assert f"job      {JOB_ID}" in cli("status", name).out


@pytest.mark.parametrize(
    ("name", "said"), [("111", "at least the first 4"), ("abcd", "there is no job"), ("cat", "no")]
)
def test_a_job_that_is_not_there_is_a_mistake(cli, name, said):
    """An unknown or too short id exits with 2 and says so."""
    answer = cli("status", name)
    assert answer.code == 2
    assert said in answer.err


def test_an_ambiguous_beginning_lists_the_jobs(cli, server):
    """A beginning that fits two jobs is refused and names both."""
    other = a_job(id="1111bbbb-2222-4333-8444-555555555555")
    server.will.jobs = [a_job(), other]
    answer = cli("status", "1111")
    assert answer.code == 2
    assert other["id"] in answer.err


def test_watching_ends_with_the_job(cli, server):
    """Status --watch stays until the end, and its exit code is that of the job."""
    server.will.story = [a_job(status="running", stage="downloading"), a_job(status="partial")]
    said = cli("status", JOB_ID, "--watch")
    assert said.code == 3
    assert "downloading" in said.err


def test_cancel_tells_the_new_state(cli):
    """Cancel asks for it and shows what the API answers."""
    assert cli("cancel", JOB_ID).out == f"job {JOB_ID} is cancelling\n"


def test_a_cancel_that_comes_too_late_says_so(cli, server):
    """What cannot be cancelled any more is told in the API's words."""
    server.will.cancel_refusal = (409, {"code": "conflict", "message": "the job has ended"})
    said = cli("cancel", JOB_ID)
    assert (said.code, said.err) == (2, "error: the job has ended\n")


@pytest.mark.parametrize("name", ["birds", "Birds", DATASET_ID])
def test_a_dataset_is_fetched_by_name_or_id(cli, tmp_path, name):
    """Download brings the latest version here."""
    assert cli("download", name, "--out", "here").code == 0
    assert (tmp_path / "here/birds-v1/manifest.json").exists()


@pytest.mark.parametrize("arguments", [["cats"], ["birds", "--version", "7"]])
def test_a_dataset_that_is_not_there_is_a_mistake(cli, arguments):
    """An unknown dataset or version exits with 2."""
    assert cli("download", *arguments).code == 2


def test_the_same_version_is_not_fetched_twice(cli, server):
    """A version that is here already, whole and the same, is used again."""
    cli("download", "birds")
    server.will.seen.clear()
    said = cli("download", "birds", "--json")
    assert said.json["files"]["reused"] is True
    assert not [path for _, path in server.will.seen if path.startswith("/blob/")]


def test_other_files_of_the_name_are_never_overwritten(cli, server, tmp_path):
    """Another dataset under the same name stays; the new one gets a name of its own."""
    cli("download", "birds")
    old = server.will.archive
    server.will.archive = an_archive({"manifest.json": b'{"new": 1}'})
    said = cli("download", "birds", "--json")
    assert (tmp_path / "out/birds-v1.zip").read_bytes() == old
    assert said.json["files"]["folder"] != "out/birds-v1"
    assert (tmp_path / said.json["files"]["folder"] / "manifest.json").read_bytes() == (
        b'{"new": 1}'
    )
    assert "stays as it is" in said.err


def test_force_replaces(cli, server, tmp_path):
    """With --force the files of that name are the new ones, and no old one is left."""
    cli("download", "birds")
    server.will.archive = an_archive({"manifest.json": b'{"new": 1}'})
    cli("download", "birds", "--force")
    files = sorted(p.relative_to(tmp_path / "out").as_posix() for p in tmp_path.rglob("*.*"))
    assert files == ["birds-v1.zip", "birds-v1/manifest.json"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required: COMMAND"),
        (["frobnicate"], "invalid choice"),
        (["run", "--max", "-1"], "at least 1"),
        (["run", "--max", "many"], "not a number"),
        (["run", "no.yaml"], "no such file"),
        (["jobs", "--lim", "1"], "unrecognized"),
    ],
)
def test_a_wrong_command_line_exits_with_2(cli, arguments, said):
    """What makes no sense is told in one line, and nothing is asked of the server."""
    answer = cli(*arguments, api=None)
    assert answer.code == 2
    assert said in answer.err
    assert answer.err.count("\n") == 1
