"""Starts real hosts on the apps of these tests, and talks to them over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
APPS = ROOT / "tests" / "apps"
DEADLINE_S = 40.0
_CONNECTION_LOST = (urllib.error.URLError, http.client.HTTPException, ConnectionError)


class HostProcess:
    """A host in a process of its own; its state survives `stop` and `kill`."""

    def __init__(
        self,
        app: str,
        folder: Path,
        *,
        processes: int = 0,
        drain_s: int = 2,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.log = folder / "host.log"
        self.url = ""
        self.ready: dict[str, Any] = {}
        self._command = [
            *(sys.executable, "-m", "pixcrawler.host"),
            *("--app", str(APPS / app), "--port", "0"),
            *("--state", str(folder / "state"), "--processes", str(processes)),
            *("--drain", str(drain_s)),
        ]
        self._environment = {
            **os.environ,
            "DURABLE_TEST_FOLDER": str(folder),
            "DURABLE_TEST_HUB": "TestHub",
            **(environment or {}),
        }
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """The host's process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> HostProcess:
        """Start, or start again, and wait for the line that says it is ready."""
        if not self.try_to_start():
            raise AssertionError("the host did not start:\n" + self.log.read_text()[-4000:])
        return self

    def try_to_start(self) -> bool:
        """Start, and say whether it became ready; an app may end its host before that."""
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._close()
            return False
        self.ready = json.loads(line)
        self.url = self.ready["ready"]
        return True

    def has_died(self) -> bool:
        """Whether the process is gone."""
        return self._process is not None and self._process.poll() is not None

    def kill(self) -> None:
        """End it like kill -9."""
        if self._process is not None:
            self._process.kill()
            self._close()

    def stop(self) -> None:
        """End it in good order."""
        if self._process is not None:
            self._process.terminate()
            self._close()

    def _close(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            self._process.wait(DEADLINE_S)
        finally:
            self._process.kill()
            self._process.stdout.close()

    def request(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and body, decoded when it is JSON."""
        request = urllib.request.Request(  # noqa: S310 - our own host
            path if path.startswith("http") else self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json", **(headers or {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - as above
                return response.status, _decoded(response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _decoded(error.read().decode())

    def start_instance(
        self, name: str, value: Any = None, *, instance_id: str = "", wait_ms: int = 0
    ) -> tuple[int, Any]:
        """POST to the app's start function."""
        query = "&".join(
            [f"id={instance_id}"] * bool(instance_id) + [f"wait={wait_ms}"] * bool(wait_ms)
        )
        return self.request("POST", f"/api/start/{name}?{query}", value)

    def run(self, name: str, value: Any = None, *, instance_id: str = "") -> tuple[int, Any]:
        """Start an instance and wait for its output."""
        return self.start_instance(name, value, instance_id=instance_id, wait_ms=20_000)

    def client(self, operation: str, **told: Any) -> Any:
        """Run a method of the durable client and give its result."""
        status, body = self.client_raw(operation, **told)
        assert status == 200, (operation, status, body)
        return body["result"]

    def client_raw(self, operation: str, **told: Any) -> tuple[int, Any]:
        """Run a method of the durable client, which may fail."""
        return self.request("POST", f"/api/client/{operation}", told)

    def status(self, instance_id: str, **told: Any) -> Any:
        """The status as the SDK sees it."""
        return self.client("status", id=instance_id, **told)

    def until_status(self, instance_id: str, *wanted: str) -> Any:
        """Poll until the runtime status is one of those, and give the whole status."""

        def look() -> Any:
            try:
                found = self.status(instance_id)
            except (AssertionError, *_CONNECTION_LOST):
                return None  # the request was in the worker that just died
            return found if found and found["runtimeStatus"] in wanted else None

        return until(look)


def until(condition: Callable[[], Any], deadline_s: float = DEADLINE_S) -> Any:
    """Poll until ``condition`` is true, and give what it said."""
    deadline = time.monotonic() + deadline_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
    return found


def _decoded(text: str) -> Any:
    # The SDK sends a str output unquoted although it says application/json.
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text
