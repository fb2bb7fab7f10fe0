"""The whole stack of one state folder: what its parts are, in which order they start and stop."""

from __future__ import annotations

import os
import secrets
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pixcrawler.host.stack import bootstrap, logs
from pixcrawler.host.stack.azurite import Azurite
from pixcrawler.host.stack.errors import CannotStart, FolderInUse
from pixcrawler.host.stack.files import FolderLock, SecretFile, read_json, write_json
from pixcrawler.host.stack.node import cache_folder
from pixcrawler.host.stack.person import local_user
from pixcrawler.host.stack.ports import Ports
from pixcrawler.host.stack.postgres import Postgres
from pixcrawler.host.stack.programs import Module, Program
from pixcrawler.host.stack.supervisor import Part, Supervisor

VERSION = 1
_POLL_S = 0.02
_DRAIN_S = 8
# The host twice: its first signal lets open work end, its second one does not.
_HOST_PATIENCE = (
    (signal.SIGTERM, _DRAIN_S + 4.0),
    (signal.SIGTERM, 3.0),
    (signal.SIGKILL, 5.0),
)
# glibc gives large buffers back and faults them in again: with these, decoding pictures costs
# a third of the system time.
_MALLOC = {"MALLOC_TRIM_THRESHOLD_": "268435456", "MALLOC_MMAP_THRESHOLD_": "33554432"}


@dataclass(frozen=True)
class StackOptions:
    """What a stack is started with; ``port`` is that of the API, 0 for a remembered or free one.

    ``processes`` are those of the Functions host (None: its default); ``pictures`` are the good
    ones of each category on the website (None: no website).
    """

    app: Path
    state: Path
    port: int = 0
    processes: int | None = None
    pictures: int | None = 60


class AlreadyRunning(CannotStart):
    """A stack runs on this state folder."""


class StartingStopped(CannotStart):
    """Somebody asked to stop while the stack was starting."""


class Stack:
    """PostgreSQL, Azurite, sign-in, website and Functions host of one state folder.

    Args:
        options: see `StackOptions`.
        say: told what happens, in words for a person.
    """

    def __init__(self, options: StackOptions, say: Callable[[str], None]) -> None:
        self._options = options
        self._say = say
        self._state = options.state.absolute()
        self._state.mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(self._state)
        self._parts: dict[str, Part] = {}
        self._facts_file = self._state / "stack.json"
        self._secrets = SecretFile(self._state / "secrets.json")
        self._ports = Ports(self._state / "ports.json", say)

    def start(self, stopping: threading.Event) -> dict[str, Any]:
        """Start everything; return the facts that stack.json holds from now on.

        Raises:
            AlreadyRunning: a stack runs on this state folder already; the message says where.
            CannotStart: a part cannot start, or ``stopping`` was set meanwhile.
        """
        try:
            self._lock.take()
        except FolderInUse:
            raise AlreadyRunning(self._already_running()) from None
        self._facts_file.unlink(missing_ok=True)
        self._plan()
        with_website = self._options.pictures is not None
        self._at_once(
            stopping,
            [["PostgreSQL", "sign-in"], ["Azurite"], *([["website"]] if with_website else [])],
        )
        self._parts["host"] = self._host()
        self._at_once(stopping, [["host"]])
        facts = self._facts()
        write_json(self._facts_file, facts, mode=0o600)
        return facts

    def watch(self, stopping: threading.Event) -> None:
        """Start again what dies, until ``stopping`` is set.

        Raises:
            GaveUp: a part died again and again.
        """
        Supervisor(self._parts, self._say, stopping.wait).watch()

    def stop(self) -> None:
        """Stop everything, the host first, the database last; safe at any time."""
        for name in ("host", "website", "sign-in", "Azurite", "PostgreSQL"):
            if name in self._parts:
                self._parts[name].stop()
        self._facts_file.unlink(missing_ok=True)
        self._lock.release()

    def _plan(self) -> None:
        """Choose ports and build the parts that need nothing from each other's start."""
        self._api_port = self._ports.claim("host", self._options.port)
        self._auth_port = self._ports.claim("sign-in")
        self._site_port = self._ports.claim("website")
        self._postgres = Postgres(
            self._state / "postgres",
            port=self._ports.claim("postgres"),
            secret_file=self._secrets,
            log=self._log("postgres"),
        )
        self._azurite = Azurite(
            self._state / "azurite",
            cache=cache_folder(self._state),
            log=self._log("azurite"),
            say=self._say,
        )
        self._parts = {
            "PostgreSQL": self._postgres,
            "Azurite": self._azurite,
            "sign-in": self._sign_in(),
        }
        if self._options.pictures is not None:
            self._parts["website"] = self._website(self._options.pictures)

    def _at_once(self, stopping: threading.Event, chains: list[list[str]]) -> None:
        """Start chains of parts side by side, the parts of a chain one after the other."""
        troubles: list[CannotStart] = []
        # Not a pool: a chain that hangs must not keep the process from ending.
        threads = [
            threading.Thread(target=self._start_chain, args=(chain, troubles), daemon=True)
            for chain in chains
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(_POLL_S)
                if stopping.is_set():
                    raise StartingStopped("stopped while starting")
        if troubles:
            raise troubles[0]

    def _start_chain(self, chain: list[str], troubles: list[CannotStart]) -> None:
        try:
            for name in chain:
                began = time.monotonic()
                self._parts[name].start()
                if name == "PostgreSQL":
                    self._prepare_database()
                self._say(f"{name} ready after {time.monotonic() - began:.1f} s")
        except CannotStart as error:
            troubles.append(error)
        except Exception as error:  # noqa: BLE001 - the door of the thread: told, not lost
            troubles.append(CannotStart(f"{chain[0]}: {type(error).__name__}: {error}"))

    def _prepare_database(self) -> None:
        applied = bootstrap.prepare(self._postgres, self._options.app / "supabase" / "migrations")
        if applied:
            self._say(f"database: {len(applied)} migrations applied")
        bootstrap.make_operator(self._postgres, local_user(self._state))

    def _facts(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "api": f"http://127.0.0.1:{self._api_port}",
            "auth_url": f"http://127.0.0.1:{self._auth_port}",
            "publishable_key": self._publishable_key(),
            "site": self._site(),
            "started_at": datetime.now(UTC).isoformat(),
            "version": VERSION,
        }

    def _already_running(self) -> str:
        facts = read_json(self._facts_file)
        where = f" at {facts['api']}" if "api" in facts else " (it is starting)"
        return f"already running: process {facts.get('pid') or self._lock.holder()}{where}"

    def _site(self) -> str | None:
        with_website = self._options.pictures is not None
        return f"http://127.0.0.1:{self._site_port}" if with_website else None

    def _publishable_key(self) -> str:
        return self._secrets.get(
            "auth.publishable_key", lambda: f"sb_publishable_{secrets.token_urlsafe(22)}"
        )

    def _secret_key(self) -> str:
        return self._secrets.get(
            "auth.secret_key", lambda: f"sb_secret_{secrets.token_urlsafe(22)}"
        )

    def _log(self, name: str) -> Path:
        return logs.log_file(self._state / "logs", name)

    def _note(self, name: str) -> Path:
        folder = self._state / "processes"
        folder.mkdir(exist_ok=True)
        return folder / f"{name}.json"

    def _sign_in(self) -> Program:
        return Program(
            Module(
                "pixcrawler.host.stack.auth",
                ["--port", str(self._auth_port), "--keys", self._state / "signing-keys.json"],
                self._log("auth"),
                self._note("auth"),
                {
                    "PIXCRAWLER_AUTH_DSN": self._postgres.dsn(
                        bootstrap.AUTH_ROLE, bootstrap.DATABASE
                    ),
                    "PIXCRAWLER_AUTH_PUBLISHABLE": self._publishable_key(),
                    "PIXCRAWLER_AUTH_SECRET": self._secret_key(),
                },
            )
        )

    def _website(self, pictures: int) -> Program:
        arguments = ["--port", str(self._site_port), "--pictures", str(pictures)]
        return Program(
            Module(
                "pixcrawler.host.stack.website",
                [*arguments, "--cache", self._state / "website"],
                self._log("website"),
                self._note("website"),
            )
        )

    def _host(self) -> Program:
        arguments: list[str | Path] = ["--app", self._options.app.absolute()]
        arguments += ["--port", str(self._api_port), "--state", self._state / "host"]
        arguments += ["--drain", str(_DRAIN_S)]
        if self._options.processes is not None:
            arguments += ["--processes", str(self._options.processes)]
        return Program(
            Module(
                "pixcrawler.host",
                arguments,
                self._log("host"),
                self._note("host"),
                self._app_settings(),
                self._options.app.absolute(),
                _HOST_PATIENCE,
            )
        )

    def _app_settings(self) -> dict[str, str | None]:
        storage = self._azurite.connection_string
        settings: dict[str, str | None] = {
            **dict.fromkeys(("AzureWebJobsStorage", "DataStorage", "LakeStorage"), storage),
            "TASK_HUB_NAME": "pixcrawler",
            "DATABASE_API_URL": self._postgres.dsn(bootstrap.API_ROLE, bootstrap.DATABASE),
            "DATABASE_WORKER_URL": self._postgres.dsn(bootstrap.WORKER_ROLE, bootstrap.DATABASE),
            "SUPABASE_URL": f"http://127.0.0.1:{self._auth_port}",
            "SUPABASE_PUBLISHABLE_KEY": self._publishable_key(),
            "LOCAL_SITE_URL": self._site(),
            "AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1",
            "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
            "FUNCTIONS_WORKER_RUNTIME": "python",
            **_MALLOC,
        }
        if self._site():
            # The only private addresses that the crawler may fetch from: ours, and the operator's.
            given = os.environ.get("FETCH_ALLOW_ORIGINS")
            settings["FETCH_ALLOW_ORIGINS"] = ",".join(filter(None, (given, self._site())))
        return settings
