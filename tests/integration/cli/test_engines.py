"""The engines commands, against a server that behaves like the API."""

import io
import subprocess

import pytest

from pixcrawler.cli.engines import ANSWER_MAX_BYTES
from tests.fakes.api_server import a_page, an_engine
from tests.integration.cli.terminal import on_a_terminal

OPEN = an_engine(
    name="openverse", title="Openverse", state="ready", reason=None, access="open", terms=""
)
ILL = an_engine(
    name="commons",
    state="suspended",
    reason="a captcha was shown",
    suspended_until="2026-11-20T17:05:00.123Z",
)


def test_engines_are_listed_with_state_use_and_reason(cli, server):
    """One line an engine, and why it cannot be asked."""
    server.will.engines = [OPEN, ILL, an_engine()]
    said = cli("engines")
    lines = said.out.splitlines()
    assert said.code == 0
    assert lines[0].split()[:3] == ["engine", "state", "used"]
    assert lines[1].split() == ["openverse", "ready", "3", "of", "20/min", "Openverse"]
    words = " ".join(said.out.split())
    assert "suspended 3 of 20/min Bing Images: until 2026-11-20 17:05 UTC: a captcha" in words
    assert "switched off 3 of 20/min Bing Images: an operator has to accept its terms" in words
    assert cli("engines", "--json").json == server.will.engines


def test_an_engine_is_shown_in_full(cli, server):
    """Filters with what they lack, quotas, terms."""
    said = cli("engines", "show", "BING")
    for part in (
        "size (searched), type (searched, not face)",
        "at most 1,000 a query",
        "Microsoft does not want this.",
        "not told",
        "3 of 20/min",
    ):
        assert part in said.out
    assert cli("engines", "show", "bing", "--json").json == an_engine()


def test_a_saved_answer_is_read_from_a_file(cli, server, tmp_path):
    """The file is sent as it is; what it yields is a table."""
    (tmp_path / "answer.html").write_bytes(b"\x00<html>\xff")
    said = cli("engines", "parse", "bing", "answer.html")
    assert server.will.posted == [b"\x00<html>\xff"]
    assert said.code == 0
    for part in ("ok", "2 pictures", "1,234", "640x480", "Ann", "https://e.example/b.jpg"):
        assert part in said.out
    assert cli("engines", "parse", "bing", "answer.html", "--json").json == a_page()


def test_a_saved_answer_is_read_from_stdin(cli, server, monkeypatch):
    """With - the answer comes from stdin."""
    stdin = io.TextIOWrapper(io.BytesIO(b"from a pipe"))
    monkeypatch.setattr("sys.stdin", stdin)
    assert cli("engines", "parse", "bing", "-").code == 0
    assert server.will.posted == [b"from a pipe"]


@pytest.mark.parametrize(("status", "code"), [("empty", 0), ("changed", 1), ("blocked", 1)])
def test_an_answer_that_gives_nothing_says_so(cli, server, tmp_path, status, code):
    """A changed page and a block are told, and by the exit code."""
    server.will.parsed = a_page(status=status, detail="no card on it", finds=[], kind=None)
    (tmp_path / "a").write_bytes(b"x")
    said = cli("engines", "parse", "bing", "a")
    assert (said.code, status in said.out, "no card on it" in said.out) == (code, True, True)


def test_terms_are_accepted_by_a_word(cli, server):
    """With --accept-terms nothing is asked; the terms are shown all the same."""
    said = cli("engines", "enable", "bing", "--accept-terms")
    assert (said.code, said.out) == (0, "bing is ready\n")
    assert "Microsoft does not want this." in said.err
    assert server.will.posted == [{"on": True, "terms_digest": "ab" * 32}]


def test_terms_are_never_accepted_by_a_pipe(cli, server):
    """Without a terminal and without the word, nothing is switched."""
    said = cli("engines", "enable", "bing")
    assert said.code == 2
    assert "--accept-terms" in said.err
    assert server.will.posted == []


@pytest.mark.parametrize(
    ("typed", "code", "posted"),
    [("y", 0, [{"on": True, "terms_digest": "ab" * 32}]), ("n", 1, []), ("", 1, [])],
    ids=["yes", "no", "nothing"],
)
def test_a_person_is_asked(server, tmp_path, typed, code, posted):
    """On a terminal the terms are shown and the answer decides; nothing means no."""
    arguments = ("engines", "enable", "bing")
    ended, shown = on_a_terminal(server, tmp_path, *arguments, typed=f"{typed}\n")
    assert ended == code
    assert "Microsoft does not want this." in shown
    assert "[y/N]" in shown
    assert server.will.posted == posted


def test_nobody_accepts_what_they_cannot_see(server, tmp_path):
    """Where the terms go elsewhere than to the terminal, what is typed accepts nothing."""
    arguments = ("engines", "enable", "bing")
    ended, _ = on_a_terminal(server, tmp_path, *arguments, typed="y\n", stderr=subprocess.DEVNULL)
    assert (ended, server.will.posted) == (2, [])


def test_an_engine_without_terms_is_just_switched_on(cli, server):
    """Where there is nothing to accept, nothing is asked."""
    server.will.engines = [an_engine(terms="")]
    assert cli("engines", "enable", "bing").code == 0
    assert server.will.posted == [{"on": True, "terms_digest": "ab" * 32}]


def test_an_engine_that_lacks_its_key_is_told(cli, server):
    """Switched on is not yet usable, and the setting is named."""
    needy = {"state": "needs_key", "reason": "it needs a key: setting ENGINE_KEY_BING"}
    server.will.engines = [an_engine(terms="", **needy)]
    server.will.switched = needy
    said = cli("engines", "enable", "bing")
    assert said.out == "bing cannot be asked: it needs a key: setting ENGINE_KEY_BING\n"


def test_an_engine_that_is_on_stays_on(cli, server):
    """Enabling twice changes nothing."""
    server.will.engines = [an_engine(state="ready")]
    said = cli("engines", "enable", "bing")
    assert (said.code, said.out) == (0, "bing is on already\n")
    assert server.will.posted == []


def test_engines_are_switched_off_and_reopened(cli, server):
    """Both say how the engine stands afterwards."""
    assert cli("engines", "disable", "bing").out == "bing is switched off\n"
    assert cli("engines", "reopen", "bing").out == "bing is ready\n"
    assert server.will.posted == [{"on": False}, {}]


def test_only_operators_switch(cli, server):
    """Who is no operator is told so, with the exit code of missing rights."""
    server.will.refusal = (403, {"code": "forbidden", "message": "Only operators may do this."})
    said = cli("engines", "disable", "bing", "--json")
    assert (said.code, said.json["error"]["code"]) == (4, "forbidden")
    assert "Only operators may do this." in said.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("show",),
        ("show", "bing", "x"),
        ("parse", "bing"),
        ("enable",),
        ("list", "bing"),
        ("nosuch",),
        ("show", "nosuch"),
        ("parse", "bing", "nosuch.html"),
        ("parse", "bing", "."),
    ],
    ids=" ".join,
)
def test_mistakes_are_told(cli, server, arguments):
    """What does not fit together, and what is not there, is exit code 2 and nothing posted."""
    said = cli("engines", *arguments)
    assert said.code == 2
    assert said.err.startswith("error: ")
    assert server.will.posted == []


def test_an_answer_has_its_limit(cli, server, tmp_path):
    """A file larger than an answer can be is not sent."""
    (tmp_path / "big").write_bytes(b"x" * (ANSWER_MAX_BYTES + 1))
    assert cli("engines", "parse", "bing", "big").code == 2
    assert server.will.posted == []
