"""Trouble on the way: told in one sentence, waited out where it may pass, never for ever."""

import socket

import pytest

from pixcrawler.cli import archive
from tests.fakes.api_server import TOKEN, a_job, an_archive


def a_running_job():
    """Return a job that goes on."""
    return a_job(status="running", stage="downloading")


@pytest.mark.parametrize("trouble", ["503", "drop", "hang", "drip"])
def test_an_outage_while_polling_is_waited_out(cli, server, tmp_path, trouble):
    """A server that is away, broken or hanging for a while does not end a run."""
    server.will.story = [a_running_job(), a_running_job(), a_job()]
    server.will.ill = ["ok", "ok", trouble, trouble]
    assert cli("run", "fox").code == 0
    assert (tmp_path / "out/birds-v1").is_dir()


def test_a_long_outage_is_told(cli, server):
    """A person sees that the server is away, why, and that it came back."""
    server.will.story = [a_running_job(), a_job()]
    server.will.ill = ["ok", "ok", *["hang"] * 3]
    said = cli("run", "fox")
    assert said.code == 0
    assert "no answer (no answer in time); trying again" in said.err
    assert "connected again" in said.err


def test_an_outage_ends_the_patience(cli, server):
    """A server that stays away ends the run with exit code 4."""
    server.will.story = [a_running_job()]
    server.will.ill = ["ok", *["drop"] * 1000]
    said = cli("run", "fox")
    assert said.code == 4
    assert "does not answer" in said.err
    assert "is not lost: `status" in said.err
    assert "Traceback" not in said.err


def test_a_job_is_created_once(cli, server):
    """A creating request that is repeated carries the same key, so that one job comes of it."""
    server.will.ill = ["503", "503"]
    server.will.seen.clear()
    assert cli("run", "fox", "--no-wait").code == 0
    assert len(server.will.keys) == 1
    assert server.will.keys[0]


def test_a_long_wait_is_told_instead_of_waited_for(cli, server):
    """A server that has enough of us for an hour is not asked again and again."""
    server.will.ill = ["429 3000"]
    said = cli("estimate", "robin")
    assert (said.code, said.out) == (1, "")
    assert "ask again in 50 min." in said.err
    assert [path for _, path in server.will.seen] == ["/api/v1/jobs/estimate"]


@pytest.mark.parametrize("stated", ["0", "1", "-1", "nan", "Fri, 20 Nov 2026 07:28:00 GMT"])
def test_a_short_wait_is_waited_for(cli, server, stated):
    """Whatever a busy server says of when, a moment later it is asked again."""
    server.will.ill = [f"429 {stated}"]
    assert cli("estimate", "robin").code == 0


def test_nobody_there_exits_with_4(cli):
    """An address where nobody listens is told as such, soon."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    said = cli("jobs", "--json", api=f"http://127.0.0.1:{free}")
    assert said.code == 4
    assert "connection refused" in said.err
    assert said.json["error"]["code"] == "unreachable"


def test_another_server_exits_with_4(cli, server):
    """A web server that is not ours is recognised."""
    server.will.ill = ["page"]
    said = cli("jobs")
    assert said.code == 4
    assert "does not speak PixCrawler's API" in said.err


@pytest.mark.parametrize(
    ("api", "said"),
    [
        ("ftp://example.org", "an address such as"),
        ("example.org", "an address such as"),
        ("http://example.org", "https is needed"),
        ("http://[::1", "not an address"),
    ],
)
def test_a_wrong_address_is_a_mistake(cli, api, said):
    """An address that cannot be used is told before anything is sent."""
    answer = cli("jobs", api=api)
    assert answer.code == 2
    assert said in answer.err


def test_a_refused_token_exits_with_4(cli, monkeypatch):
    """An expired or foreign token is told as such."""
    monkeypatch.setenv("PIXCRAWLER_TOKEN", "expired")
    said = cli("jobs")
    assert said.code == 4
    assert "the access token is refused" in said.err
    assert "expired\n" not in said.err.replace("refused: expired", "")


def test_a_missing_token_says_where_to_put_it(cli, monkeypatch):
    """Without a token the person learns how to give one."""
    monkeypatch.delenv("PIXCRAWLER_TOKEN")
    said = cli("jobs")
    assert said.code == 4
    assert "PIXCRAWLER_TOKEN" in said.err


def test_a_token_file_may_be_renewed_while_we_run(cli, server, tmp_path):
    """When the token of a file is refused, the file is read again."""
    file = tmp_path / "token"
    file.write_text("old")
    original = server.will.tokens
    server.will.tokens = {"old"}
    server.will.story = [a_running_job(), a_job()]
    assert cli("jobs", "--token-file", str(file)).code == 0
    server.will.tokens = original
    file.write_text(f"{TOKEN}\n")
    assert cli("jobs", "--token-file", str(file)).code == 0
    assert cli("jobs", "--token-file", str(tmp_path / "none")).code == 4


def test_a_broken_download_goes_on_where_it_was(cli, server, tmp_path):
    """A connection that breaks costs only what was not yet there."""
    server.will.archive = an_archive({"a.bin": bytes(range(256)) * 4000})
    server.will.break_after = [300_000, 300_000]
    assert cli("download", "birds").code == 0
    assert (tmp_path / "out/birds-v1.zip").read_bytes() == server.will.archive
    assert not list((tmp_path / "out").glob(".*"))


def test_a_store_without_ranges_starts_again(cli, server, tmp_path):
    """Where a store cannot resume, the download begins anew and is right."""
    server.will.archive = an_archive({"a.bin": bytes(range(256)) * 4000})
    server.will.break_after = [300_000]
    server.will.ranges = False
    assert cli("download", "birds").code == 0
    assert (tmp_path / "out/birds-v1.zip").read_bytes() == server.will.archive


def test_an_expired_link_is_asked_for_again(cli, server):
    """A link that has expired meanwhile is replaced."""
    server.will.expire_links = 1
    assert cli("download", "birds").code == 0


def test_a_download_that_never_ends_well_is_told(cli, server, tmp_path, monkeypatch):
    """After a few broken tries the person learns it, and what has come is kept."""
    monkeypatch.setattr(archive, "_ATTEMPTS", 3)
    server.will.break_after = [10] * 50
    said = cli("download", "birds")
    assert said.code == 4
    assert "failed 3 times" in said.err
    assert [p.stat().st_size for p in (tmp_path / "out").glob(".*.part")] == [30]


def test_a_damaged_download_is_not_delivered(cli, server, tmp_path):
    """What does not have the announced SHA-256 never gets its name."""
    server.will.announced_sha256 = "0" * 64
    said = cli("download", "birds")
    assert said.code == 1
    assert "arrived damaged" in said.err
    assert list((tmp_path / "out").iterdir()) == []


def test_a_hostile_archive_writes_nothing_outside(cli, server, tmp_path):
    """An archive with a path that leads out is refused, and nothing of it is unpacked."""
    server.will.archive = an_archive({"../../evil": b"1"})
    said = cli("download", "birds")
    assert said.code == 1
    assert "plain relative path" in said.err
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["birds-v1.zip", "out"]


def test_a_folder_that_cannot_be_made_is_named(cli, tmp_path):
    """A target that cannot be written is told by its name."""
    (tmp_path / "out").write_text("a file")
    said = cli("download", "birds")
    assert said.code == 1
    assert "out: File exists" in said.err


def test_an_answer_of_another_age_is_no_traceback(cli, server):
    """A server whose answers lack fields is told, without a traceback."""
    server.will.jobs = [{"unexpected": 1}]
    said = cli("jobs")
    assert said.code == 1
    assert "lacks something" in said.err
