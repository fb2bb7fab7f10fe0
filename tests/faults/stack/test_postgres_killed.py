import os
import signal
import subprocess
import sys

import pytest

from pixcrawler.host.stack.postgres import Postgres
from pixcrawler.host.stack.processes import Mark

pytestmark = pytest.mark.faults

OWNER = """
import sys, time
from pathlib import Path
from pixcrawler.host.stack.postgres import Postgres
server = Postgres(Path(sys.argv[1])).start()
with server.connect() as connection:
    connection.execute("create table if not exists kept (one int)")
    connection.execute("insert into kept values (1)")
print(server.process.pid, flush=True)
time.sleep(100)
"""


def start_owner(folder):
    """Start a process that owns a server; return it and the mark of the server."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE)
    return owner, Mark.of(int(owner.stdout.readline()))


def rows(server):
    """Return what was kept."""
    with server.connect() as connection:
        return connection.execute("table kept").fetchall()


def test_owner_killed(tmp_path):
    """Killing the owner ends the server; the next start is immediate and has every row."""
    folder = tmp_path / "p g"
    for turn in (1, 2, 3):
        owner, server = start_owner(folder)
        owner.kill()
        owner.wait()
        owner.stdout.close()
        with Postgres(folder) as again:
            assert not server.is_alive()
            assert rows(again) == [(1,)] * turn


@pytest.mark.parametrize("whom", ["server", "everybody"])
def test_server_killed(tmp_path, whom):
    """Killing the server, or it and its owner at once, loses no committed row."""
    owner, server = start_owner(tmp_path)
    os.kill(server.pid, signal.SIGKILL)
    if whom == "server":
        owner.terminate()
    else:
        owner.kill()
    owner.wait()
    owner.stdout.close()
    with Postgres(tmp_path) as again:
        assert rows(again) == [(1,)]
