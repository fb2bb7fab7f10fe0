"""The local stack: found, or started in the background and stopped by whoever leaves last."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pixcrawler.cli.errors import Mistake, Unreachable
from pixcrawler.cli.http import TROUBLE, new_session
from pixcrawler.cli.processes import STACK_MODULE, runs

ROOT = Path(__file__).resolve().parents[2]
"""The folder of the function app, when this is a checkout."""
DEFAULT_STATE = ROOT / ".pixcrawler"
_ALREADY_RUNNING = 3
_START_S = 600.0
"""The first start installs Azurite from npm and makes a database."""
_ANSWER_S = 60.0
"""For the API of a stack whose process is there."""
_STOP_S = 40.0
_POLL_S = 0.05
_RETRY_S = 5.0
_LOG_MAX_BYTES = 5_000_000
_LOG_LINES_SHOWN = 8

_left_running: list[subprocess.Popen[bytes]] = []
"""Children that outlive us on purpose: Python complains of those that it loses sight of."""


class Stack:
    """The stack of one state folder."""

    def __init__(
        self, state: Path, note: Callable[[str], None], module: str = STACK_MODULE
    ) -> None:
        self.state = state.absolute()
        self._module = module
        self._note = note
        self._last: dict[str, Any] = {}
        self._child: subprocess.Popen[bytes] | None = None

    # -------------------------------------------------------------- what there is

    def facts(self) -> dict[str, Any]:
        """Return what stack.json says now, or said when there last was one."""
        with contextlib.suppress(OSError, ValueError):
            found = json.loads((self.state / "stack.json").read_bytes())
            if isinstance(found, dict) and "api" in found and "pid" in found:
                self._last = found
        return self._last

    def address(self) -> str:
        """Return where the API is; a stack that was restarted may have moved."""
        return str(self.facts().get("api", "http://127.0.0.1"))

    def pid(self) -> int | None:
        """Return the process id of the running stack, if there is one."""
        pid = self.facts().get("pid")
        return pid if isinstance(pid, int) and runs(pid, self._module) else None

    # -------------------------------------------------------------- using it

    @contextlib.contextmanager
    def used(self, *, keep: bool) -> Iterator[None]:
        """Have the stack running inside the block.

        One that a command started is stopped when the last command that uses it ends, unless
        ``keep``. One that somebody else started (`serve`) is left alone.

        Raises:
            Unreachable: it does not start.
        """
        if not (ROOT / "function_app.py").exists():
            raise Mistake(
                "this is not a checkout of PixCrawler, so there is no local stack to start: "
                "name a server with --api"
            )
        users = self._register()
        try:
            if self.pid() is None:
                self._start()
            self._wait_for_api()
            if keep:
                self._mark.unlink(missing_ok=True)
            yield
        finally:
            self._leave(users)

    def keep(self) -> None:
        """Leave the stack running when this command ends."""
        self._mark.unlink(missing_ok=True)

    @property
    def _mark(self) -> Path:
        """Says which stack was started by a command, and so may be stopped by one."""
        return self.state / "started-by-command"

    @property
    def log(self) -> Path:
        """What a stack that a command started has printed."""
        return self.state / "stack.log"

    def _register(self) -> int:
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            users = os.open(self.state / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Unreachable(f"{self.state} cannot be used: {error.strerror}") from None
        fcntl.flock(users, fcntl.LOCK_SH)
        return users

    def _leave(self, users: int) -> None:
        try:
            pid = self.pid()
            with contextlib.suppress(OSError, ValueError):
                if pid is not None and int(self._mark.read_text(encoding="ascii")) == pid:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while others use it
                    self.stop(pid)
        finally:
            os.close(users)
            if self._child is not None and self._child.poll() is None:
                _left_running.append(self._child)

    # -------------------------------------------------------------- start and stop

    def _start(self) -> None:
        """Start the stack, unless another command is just doing so."""
        self._note("starting the local stack (the first time takes a minute)")
        deadline = time.monotonic() + _START_S
        while self.pid() is None:
            before = self.facts().get("started_at")
            begin = self._log_size()
            self._child = self._spawn()
            try:
                code = self._wait_for_start(self._child, before, begin, deadline)
            except BaseException:
                self._end_child()
                raise
            if code is None:
                self._mark.write_text(str(self.facts()["pid"]), encoding="ascii")
            elif code != _ALREADY_RUNNING:
                last = "\n".join(f"    {line}" for line in self._lines(begin)[-_LOG_LINES_SHOWN:])
                raise Unreachable(
                    f"the local stack did not start (exit code {code}); its last words:\n{last}\n"
                    f"all of them: {self.log}"
                )
            else:
                self._wait_for_another(deadline)

    def _wait_for_another(self, deadline: float) -> None:
        """Wait a while for the stack that another command is starting."""
        until = min(time.monotonic() + _RETRY_S, deadline)
        while self.pid() is None and time.monotonic() < until:
            time.sleep(_POLL_S)

    def _spawn(self) -> subprocess.Popen[bytes]:
        if self._log_size() > _LOG_MAX_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C is for us, and we decide what becomes of the stack.
            return subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", self._module),
                    *("--app", str(ROOT), "--state", str(self.state)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                start_new_session=True,
            )

    def _wait_for_start(
        self, child: subprocess.Popen[bytes], before: Any, begin: int, deadline: float
    ) -> int | None:
        """Pass on what the stack says; return its exit code, or None once it is ready."""
        shown = 0
        while time.monotonic() < deadline:
            code = child.poll()
            lines = self._lines(begin)
            for line in lines[shown:]:
                if code is None and not line.startswith(("{", "already running")):
                    self._note(f"  {line}")
            shown = len(lines)
            if code is not None:
                return code
            if self.facts().get("started_at") != before and self.pid() is not None:
                return None
            time.sleep(_POLL_S)
        raise Unreachable(f"the local stack was not ready after {_START_S:.0f} s; see {self.log}")

    def _log_size(self) -> int:
        with contextlib.suppress(OSError):
            return self.log.stat().st_size
        return 0

    def _lines(self, begin: int) -> list[str]:
        """Return the whole lines of the log from byte ``begin`` on."""
        with contextlib.suppress(OSError), self.log.open("rb") as log:
            log.seek(begin)
            text = log.read().decode(errors="replace")
            return [line for line in text[: text.rfind("\n") + 1].splitlines() if line.strip()]
        return []

    def _wait_for_api(self) -> None:
        deadline = time.monotonic() + _ANSWER_S
        with new_session(proxies=False) as session:
            while True:
                with contextlib.suppress(*TROUBLE):
                    session.get(f"{self.address()}/api/v1/health", timeout=5).close()
                    return
                if self.pid() is None:
                    raise Unreachable(f"the local stack ended while starting; see {self.log}")
                if time.monotonic() > deadline:
                    raise Unreachable(
                        f"the local stack (process {self.pid()}) does not answer at "
                        f"{self.address()}; `serve --stop` stops it"
                    )
                time.sleep(_POLL_S)

    def stop(self, pid: int) -> bool:
        """Stop the stack; say whether it has ended in time. Its jobs go on at its next start."""
        self._note("stopping the local stack")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S
        while runs(pid, self._module) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        self._mark.unlink(missing_ok=True)
        return not runs(pid, self._module)

    def _end_child(self) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(_STOP_S)
