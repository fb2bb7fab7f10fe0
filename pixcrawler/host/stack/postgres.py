"""One private PostgreSQL server per folder, a child of this process."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg
from typing_extensions import override

from pixcrawler.host.stack import pgaccount, processes
from pixcrawler.host.stack.errors import CannotStart
from pixcrawler.host.stack.files import SecretFile
from pixcrawler.host.stack.pgservers import installed, server_for
from pixcrawler.host.stack.ports import free_port, is_free
from pixcrawler.host.stack.resident import Resident

SUPERUSER = "supabase_admin"  # as on hosted Supabase, where "postgres" is an ordinary role
_READY_TIMEOUT_S = 60
_POLL_S = 0.02
_TRIES = 4
_LOG_TAIL_CHARS = 2000
_STOPPING = (
    (signal.SIGINT, 30.0),  # fast: end sessions, write a checkpoint
    (signal.SIGQUIT, 10.0),  # immediate: the next start replays the log
    (signal.SIGKILL, 10.0),
)
# For a small machine with a few processes of ours as the only clients.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # their paths are limited to 107 bytes, ours are not
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "min_wal_size": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_worker_processes": "2",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "password_encryption": "scram-sha-256",
    "log_min_duration_statement": "1000",
}
_SETTINGS_SINCE = {18: {"io_method": "sync"}}  # no extra I/O processes
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# What a server that was killed a moment ago leaves behind for a short while.
_PASSING = ("pre-existing shared memory block", "lock file", "Address already in use")

_CONNECT_S = 30
"""A laptop that is busy with other things takes long to fork one more server process."""


class Postgres(Resident):
    """A PostgreSQL server on 127.0.0.1 whose data live in one folder.

    Roles log in with scram passwords that are made on first use and kept in a secret file. The
    server ends when this process ends, however that happens, and starts again on the same data.

    Args:
        folder: holds data/, postgres.log, secrets.json; made when missing; one owner at a time.
        port: 0 chooses a free one at the first start.
        secret_file: where passwords are kept; default ``folder``/secrets.json.
        durable: False gives up safety against a power cut, for tests.
        settings: further settings of postgresql.conf.
        log: where the server's log goes; default ``folder``/postgres.log.
    """

    stopping = _STOPPING

    def __init__(  # noqa: PLR0913 - all but the folder have defaults
        self,
        folder: Path,
        *,
        port: int = 0,
        secret_file: SecretFile | None = None,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
        log: Path | None = None,
        candidates: list[pgaccount.Account] | None = None,
    ) -> None:
        super().__init__(folder)
        self.port = port
        self._port_is_ours = port == 0
        self._secrets = secret_file or SecretFile(self.folder / "secrets.json")
        self._settings = {**_SETTINGS, **({} if durable else _NOT_DURABLE), **(settings or {})}
        self._log = log or self.folder / "postgres.log"
        self._candidates = candidates

    def password(self, role: str) -> str:
        """Return the password of a role; made the first time it is asked for."""
        return self._secrets.get(f"postgres.{role}")

    def dsn(self, role: str = SUPERUSER, database: str = "postgres") -> str:
        """Return the ``postgresql://`` address of a database for a role, password included."""
        who = f"{quote(role, safe='')}:{quote(self.password(role), safe='')}"
        return f"postgresql://{who}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def connect(
        self, role: str = SUPERUSER, database: str = "postgres"
    ) -> psycopg.Connection[tuple[object, ...]]:
        """Open an autocommit connection to ``database`` as ``role``."""
        where = self.dsn(role, database)
        return psycopg.connect(where, autocommit=True, connect_timeout=_CONNECT_S)

    @override
    def _start(self) -> None:
        data = pgaccount.data_folder(self.folder)
        self._refuse_foreign(data)
        server = server_for(data, installed())
        place = pgaccount.settle(self.folder, server.programs, self._candidates)
        _end_leftover(place.data)
        if not (place.data / "PG_VERSION").exists():
            self._initialise(place, server.major)
        for major, values in _SETTINGS_SINCE.items():
            if server.major >= major:
                self._settings = {**values, **self._settings}
        for attempt in range(1, _TRIES + 1):
            self._settle_port()
            failure = self._launch(place)
            if failure is None:
                return
            if attempt == _TRIES or not any(sign in failure for sign in _PASSING):
                raise CannotStart(f"PostgreSQL did not start:\n{failure}")
            time.sleep(attempt)

    def _settle_port(self) -> None:
        if self.port and is_free(self.port):
            return
        if not self._port_is_ours:
            raise CannotStart(f"port {self.port} is taken by another program")
        self.port = free_port()

    @staticmethod
    def _refuse_foreign(data: Path) -> None:
        if os.geteuid() != 0 and data.exists() and data.stat().st_uid != os.geteuid():
            raise CannotStart(
                f"{data} belongs to another user: start as that user, or move the folder away"
            )

    def _initialise(self, place: pgaccount.Place, major: int) -> None:
        # Made aside and renamed, so that a start that is killed halfway leaves nothing behind.
        draft = place.data.with_name(f"new-data-{secrets.token_hex(4)}")
        draft.mkdir(mode=0o700)
        password = draft.with_suffix(".password")
        try:
            password.touch(mode=0o600)
            password.write_text(self.password(SUPERUSER), encoding="ascii")
            for path in (draft, password):
                if place.account.who != "self":
                    os.chown(path, place.account.uid, place.account.gid)
            _initdb(place, draft, password, major)
            draft.rename(place.data)
        finally:
            password.unlink(missing_ok=True)
            shutil.rmtree(draft, ignore_errors=True)

    def _launch(self, place: pgaccount.Place) -> str | None:
        """Start the server and wait until it answers; return the end of its log if it does not."""
        settings = {**self._settings, "port": str(self.port)}
        options = [part for item in settings.items() for part in ("-c", "=".join(item))]
        start = processes.Launch(place.account.who, signal.SIGINT, self._log, _environment())
        written = self._log.stat().st_size if self._log.exists() else 0
        program = place.programs / "postgres"
        self.process = processes.spawn([program, "-D", place.data, *options], start)
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while self.process.poll() is None:
            if self._answers():
                return None
            if time.monotonic() > deadline:
                processes.stop(self.process, _STOPPING)
                break
            time.sleep(_POLL_S)
        self.process = None
        with self._log.open("rb") as log:
            log.seek(written)
            return log.read().decode(errors="replace")[-_LOG_TAIL_CHARS:]

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError), self.connect():
            return True
        return False


def _environment() -> dict[str, str]:
    # PGDATA, PGPORT and their like would be obeyed.
    return {key: value for key, value in os.environ.items() if not key.startswith("PG")}


def _initdb(place: pgaccount.Place, data: Path, password: Path, major: int) -> None:
    argv: list[str | Path] = [
        *(place.programs / "initdb", "-D", data, "-U", SUPERUSER, f"--pwfile={password}"),
        *("--encoding=UTF8", "--auth=scram-sha-256", "--no-sync", "--no-instructions"),
    ]
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    text = ""
    for locale in [builtin] if major >= 17 else [["--locale=C.UTF-8"], ["--locale=C"]]:  # noqa: PLR2004 - the first with a locale of its own
        code, text = processes.run([*argv, *locale], place.account.who)
        if code == 0:
            return
    raise CannotStart(f"PostgreSQL could not make its data folder:\n{text[-_LOG_TAIL_CHARS:]}")


def _end_leftover(data: Path) -> None:
    """End the server of an owner that was killed, and forget it where it is gone.

    The caller holds the folder's lock, so whatever server runs on these data is a leftover.
    """
    try:
        pid = int((data / "postmaster.pid").read_text(encoding="utf-8").split("\n")[0])
    except (FileNotFoundError, ValueError):
        return
    if str(data) in processes.command_line(pid):
        mark = processes.Mark.of(pid)
        # It got the same signal when its owner died: first give it time to finish.
        if not processes.wait_until_gone(mark, _STOPPING[0][1]):
            processes.end_stranger(mark, _STOPPING)
    elif Path(f"/proc/{pid}").exists():
        # A zombie, or a stranger that got the number: the server would take it for a rival.
        (data / "postmaster.pid").unlink(missing_ok=True)
