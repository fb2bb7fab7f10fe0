"""The local stack is started when needed, shared, and stopped by whoever leaves last."""

import json
import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pixcrawler.cli.connection import Connection
from pixcrawler.cli.errors import Unreachable
from pixcrawler.cli.http import Caller, Patience, new_session
from pixcrawler.cli.stack import ROOT, Stack, _left_running
from pixcrawler.cli.tokens import LocalUser
from tests.fakes.api_server import serving, wait_until

MODULE = "tests.fakes.stack_program"


@pytest.fixture
def notes():
    """Collect what is said."""
    return []


@pytest.fixture
def stack(tmp_path, notes):
    """Return a stack whose program is ours; whatever still runs at the end is stopped."""
    state = tmp_path / "a state"
    made = Stack(state, notes.append, MODULE)
    yield made
    pid = made.pid()
    if pid is not None:
        made.stop(pid)
    while _left_running:
        _left_running.pop().wait(10)


def another(stack):
    """Return what a second command would use."""
    return Stack(stack.state, lambda _: None, MODULE)


def test_a_stack_of_ours_runs_while_it_is_used(stack, notes):
    """It is started for a command, passes on what it says, and is gone afterwards."""
    with stack.used(keep=False):
        assert stack.pid() is not None
    assert stack.pid() is None
    assert "  making the database" in notes
    assert "stopping the local stack" in notes


def test_a_kept_stack_goes_on(stack):
    """With --keep it is still there for the next command, and stays after that one, too."""
    with stack.used(keep=True):
        pid = stack.pid()
    with another(stack).used(keep=False):
        pass
    assert stack.pid() == pid


def test_a_stack_of_somebody_else_is_left_alone(stack):
    """A stack that a command found running is not stopped by it."""
    stack.state.mkdir()
    served = subprocess.Popen(
        [sys.executable, "-m", MODULE, "--app", str(ROOT), "--state", str(stack.state)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: stack.pid() is not None)
        with stack.used(keep=False):
            pass
        assert served.poll() is None
    finally:
        served.terminate()
        served.wait(10)


def test_the_last_user_stops_it(stack):
    """While another command uses it, the one that started it leaves it running."""
    second = another(stack)
    with second_leaves(stack, second):
        assert stack.pid() is not None
    assert stack.pid() is None


class second_leaves:  # noqa: N801 - reads as a block
    """Have two users; the first one leaves when the block begins, the second at its end."""

    def __init__(self, first, second):
        self._first, self._second = first.used(keep=False), second.used(keep=False)

    def __enter__(self):
        self._first.__enter__()
        self._second.__enter__()
        self._first.__exit__(None, None, None)

    def __exit__(self, *error):
        self._second.__exit__(*error)


def test_two_commands_at_once_start_one_stack(stack):
    """Commands that start together share one stack."""
    met = threading.Barrier(2)
    pids, errors = [], []

    def use(mine):
        try:
            with mine.used(keep=False):
                pids.append(mine.pid())
                met.wait(20)
        except Exception as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=use, args=(mine,)) for mine in (stack, another(stack))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    assert pids[0] == pids[1]
    assert (stack.state / "starts").read_text() == "x"
    assert stack.pid() is None


def test_a_dead_stack_is_started_again(stack):
    """What a killed stack has left behind does not pass for a running one."""
    stack.state.mkdir()
    (stack.state / "stack.json").write_text(
        json.dumps({"pid": os.getpid(), "api": "http://127.0.0.1:1", "started_at": 1})
    )
    with stack.used(keep=False):
        assert stack.pid() not in (None, os.getpid())


def test_a_stack_that_does_not_start_shows_its_last_words(stack):
    """Its own words are shown, with the place of all of them."""
    stack.state.mkdir()
    (stack.state / "fail").touch()
    with pytest.raises(Unreachable, match="no room for it") as caught, stack.used(keep=False):
        pass
    assert "stack.log" in caught.value.message


def test_ctrl_c_while_starting_leaves_nothing(stack, monkeypatch):
    """Interrupted while it starts, no process is left."""

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(stack, "_lines", interrupt)
    with pytest.raises(KeyboardInterrupt), stack.used(keep=False):
        pass
    assert stack._child.poll() is not None


@pytest.fixture
def auth(tmp_path):
    """Return an issuer, and a function that makes a command's view of the local user."""
    with serving() as server, new_session(proxies=False) as session:
        facts = {"auth_url": server.address, "publishable_key": "sb_publishable_test"}
        caller = Caller(session, Patience(), lambda _: None)
        yield server.will, lambda: LocalUser(tmp_path, lambda: facts, caller)


def test_the_local_user_signs_up_once(auth, tmp_path):
    """The first command signs up, the next ones sign in; nobody else can read the password."""
    will, user = auth
    user().token()
    user().token()
    assert len(will.users) == 1
    assert stat.S_IMODE((tmp_path / "user.json").stat().st_mode) == 0o600
    assert [path for _, path in will.seen].count("/auth/v1/signup") == 1


def test_a_token_is_used_until_it_nears_its_end(auth):
    """One sign-in serves many requests; a token near its end is refreshed."""
    will, user = auth
    mine = user()
    assert mine.token() == mine.token()
    will.token_life_s = 30
    short = user()
    assert short.token() != short.token()
    assert "/auth/v1/token?grant_type=refresh_token" in [path for _, path in will.seen]


def test_two_first_commands_at_once_are_one_user(auth, tmp_path):
    """Commands that meet a new database at the same time all get in, as the same user."""
    will, user = auth
    users = [user() for _ in range(8)]
    met = threading.Barrier(len(users))

    def sign_in(mine):
        met.wait(20)
        return mine.token()

    with ThreadPoolExecutor(len(users)) as pool:
        tokens = list(pool.map(sign_in, users))
    assert len(set(tokens)) == len(users)
    assert len(will.users) == 1


def test_a_new_database_signs_the_same_user_up_again(auth):
    """When the database is new, the known credentials are signed up there."""
    will, user = auth
    user().token()
    will.users.clear()
    assert user().token()


def test_damaged_credentials_are_named(auth, tmp_path):
    """A damaged credentials file is told with its path."""
    _, user = auth
    (tmp_path / "user.json").write_text("{")
    with pytest.raises(Unreachable, match=r"user\.json is damaged"):
        user().token()


def test_a_connection_may_have_no_stack():
    """With --api there is no stack to look after."""
    assert Connection(None, Patience()).stack is None
