"""The whole embedded stack as a subprocess, and a small client of its HTTP API."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import requests

ROOT = Path(__file__).resolve().parents[1]
READY_S = 120
PASSWORD = "correct horse battery staple"
FINAL = {"succeeded", "partial", "failed", "cancelled"}


def until(what: str, probe: Callable[[], Any], seconds: float = 60, pause: float = 0.1) -> Any:
    """Return the first truthy answer of ``probe``; fail with ``what`` when none comes."""
    deadline = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(pause)


class Stack:
    """One embedded stack with its state folder; may be killed and started again."""

    def __init__(self, state: Path, *options: str, **environment: str) -> None:
        self.state, self.options = state, options
        self.environment = {**os.environ, **environment}
        self.process: subprocess.Popen[str] | None = None
        self.about: dict[str, Any] = {}

    def start(self) -> Stack:
        command = [sys.executable, "-m", "pixcrawler.host.stack", "--app", str(ROOT)]
        command += ["--state", str(self.state), *self.options]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the stack did not start: {self.logs()}")
        self.about = json.loads((self.state / "stack.json").read_text())
        return self

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
        if self.process:
            self.process.stdout.close()

    def kill(self) -> None:
        """SIGKILL to everything at once, as a power button would."""
        parts = [psutil.Process(self.process.pid)]
        parts += parts[0].children(recursive=True)
        for part in parts:
            _kill(part)
        self.process.wait(30)
        self.process.stdout.close()

    def kill_host(self) -> None:
        """SIGKILL to the Functions host alone."""
        _kill(self.host())

    def kill_worker(self) -> None:
        """SIGKILL to one worker process of the host."""
        workers = self.host().children()
        if workers:
            _kill(workers[0])

    def host(self) -> psutil.Process:
        def find() -> psutil.Process | None:
            for part in psutil.Process(self.process.pid).children(recursive=True):
                try:
                    command = part.cmdline()
                    parent = part.parent()
                except psutil.Error:
                    continue
                if "pixcrawler.host" in command and "--app" in command and parent is not None:
                    return part
            return None

        return until("a Functions host", find, 30)

    def ready(self) -> None:
        """Wait until the API answers again."""

        def healthy() -> bool:
            try:
                answer = requests.get(f"{self.about['api']}/api/v1/health", timeout=5)
            except requests.RequestException:
                return False
            return answer.status_code == 200

        until("a healthy API", healthy, READY_S, 0.05)

    def client(self, email: str = "first@example.org") -> Client:
        return Client(self, email)

    def operator(self) -> Client:
        """The stack's own user, who may switch engines."""
        person = json.loads((self.state / "user.json").read_text())
        return Client(self, person["email"], person["password"])

    def logs(self) -> str:
        """The ends of all logs, for a failing test's message."""
        folder = self.state / "logs"
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}"
            for log in sorted(folder.glob("*.log"))
        )


def _kill(part: psutil.Process) -> None:
    try:
        part.kill()
    except psutil.NoSuchProcess:
        return


class Client:
    """Signs a user in and calls the API as that user."""

    def __init__(self, stack: Stack, email: str, password: str = PASSWORD) -> None:
        self.stack = stack
        self.token = self._signed_in(email, password)

    def _signed_in(self, email: str, password: str) -> str:
        about = self.stack.about
        base, key = about["auth_url"].rstrip("/"), about["publishable_key"]
        body = {"email": email, "password": password}
        headers = {"apikey": key}
        answer = requests.post(f"{base}/auth/v1/signup", json=body, headers=headers, timeout=30)
        if answer.status_code != 200:
            address = f"{base}/auth/v1/token?grant_type=password"
            answer = requests.post(address, json=body, headers=headers, timeout=30)
        return str(answer.json()["access_token"])

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        address = f"{self.stack.about['api']}/api/v1{path}"
        return requests.request(method, address, headers=headers, timeout=60, **options)

    def create(self, **job: Any) -> dict[str, Any]:
        answer = self.call("POST", "/jobs", json=job)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.call("GET", f"/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ended(self, job_id: str, seconds: float = 240) -> dict[str, Any]:
        """Wait for the job's end, through restarts of the stack."""

        def look() -> dict[str, Any] | None:
            try:
                answer = self.call("GET", f"/jobs/{job_id}")
            except requests.RequestException:
                return None
            job = answer.json() if answer.status_code == 200 else {}
            return job if job.get("status") in FINAL else None

        return until(f"the end of job {job_id}\n{self.stack.logs()}", look, seconds)

    def link(self, job: dict[str, Any], **options: Any) -> dict[str, Any]:
        path = f"/datasets/{job['dataset_id']}/versions/{job['version']}/link"
        answer = self.call("POST", path, json=options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def archive(self, job: dict[str, Any]) -> zipfile.ZipFile:
        answer = requests.get(self.link(job)["url"], timeout=120)
        assert answer.status_code == 200, answer.text
        return zipfile.ZipFile(io.BytesIO(answer.content))

    def manifest(self, job: dict[str, Any]) -> dict[str, Any]:
        return json.loads(self.archive(job).read("manifest.json"))


def running(state: Path, *options: str, **environment: str) -> Iterator[Stack]:
    """Start a stack for a fixture and stop it afterwards."""
    stack = Stack(state, *options, **environment).start()
    try:
        yield stack
    finally:
        stack.stop()
