"""Starts hosts as people do, in processes of their own, and talks to them over HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
APPS = ROOT / "tests" / "apps"
DEADLINE_S = 40.0


def until(what: str, probe: Callable[[], Any], *, within_s: float = DEADLINE_S) -> Any:
    """Return the first truthy answer of a probe; fail with ``what`` when none comes."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = probe()
        if found:
            return found
        time.sleep(0.03)
    raise AssertionError(f"not within {within_s} s: {what}")


class Answer:
    """One HTTP answer."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class RunningHost:
    """A host on one app; its state survives `stop` and `kill`."""

    def __init__(
        self,
        app: Path | str,
        folder: Path,
        *options: str,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.app = APPS / app if isinstance(app, str) else app
        self.state = folder / "state"
        self.log_path = folder / "host.log"
        self.notes_path = folder / "notes.jsonl"
        self.ready: dict[str, Any] = {}
        self._options = options
        self._environment = {
            **os.environ,
            "TEST_NOTES": str(self.notes_path),
            **(environment or {}),
        }
        self._process: subprocess.Popen[str] | None = None

    def launch(self) -> subprocess.Popen[str]:
        """Start the process without waiting for anything."""
        with self.log_path.open("a") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "pixcrawler.host", "--app", str(self.app)),
                    *("--port", "0", "--state", str(self.state), *self._options),
                ],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        return self._process

    def start(self) -> RunningHost:
        """Start and wait for the ready line."""
        line = self.launch().stdout.readline()
        if not line:
            self.stop()
            raise AssertionError(f"the host did not start:\n{self.log[-3000:]}")
        self.ready = json.loads(line)
        return self

    @property
    def log(self) -> str:
        """Everything the host has logged."""
        return self.log_path.read_text() if self.log_path.exists() else ""

    @property
    def keys(self) -> Any:
        """The host's keys.json."""
        return json.loads((self.state / "keys.json").read_text())

    def notes(self, kind: str) -> list[Any]:
        """What functions of the app wrote down, oldest first."""
        if not self.notes_path.exists():
            return []
        # The last line may be half written.
        lines = self.notes_path.read_text().split("\n")[:-1]
        return [note for note in map(json.loads, lines) if note["kind"] == kind]

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Make one request; ``path`` may be a whole address."""
        address = path if path.startswith("http") else self.ready["ready"] + path
        request = urllib.request.Request(  # noqa: S310 - our own host
            address, body, headers or {}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:  # noqa: S310 - as above
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def get(self, path: str, **headers: str) -> Answer:
        """GET a path."""
        return self.request("GET", path, headers=headers)

    def signal(self, number: signal.Signals) -> None:
        """Send the host process a signal."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for the host to end; its exit code."""
        code = self._process.wait(DEADLINE_S)
        self._process.stdout.close()
        return code

    def kill(self) -> None:
        """End it like kill -9."""
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self) -> int:
        """End it in good order, whatever state it is in."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.wait()
        finally:
            self._process.kill()
