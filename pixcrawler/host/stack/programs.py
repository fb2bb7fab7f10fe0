"""A part of the stack that is a Python module of ours: it prints one JSON line when ready."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pixcrawler
from pixcrawler.host.stack import logs, processes
from pixcrawler.host.stack.errors import CannotStart

_READY_TIMEOUT_S = 120
_CHECKOUT = str(Path(pixcrawler.__file__).resolve().parents[1])


@dataclass(frozen=True)
class Module:
    """A module to run with ``python -m``: its arguments, settings, log, and where it is noted.

    ``environment`` comes on top of ours; a None takes a variable away. ``patience`` is how it is
    stopped: signals, each with the seconds it gets.
    """

    name: str
    arguments: Sequence[str | Path]
    log: Path
    note: Path
    environment: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    folder: Path = Path("/")
    patience: Sequence[tuple[signal.Signals, float]] = (
        (signal.SIGTERM, 5.0),
        (signal.SIGKILL, 5.0),
    )


class Program:
    """Runs a module as a child: `start` returns when it is ready, and it dies when we die."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the module, after ending one that an owner who was killed left behind.

        Raises:
            CannotStart: it ended, or did not become ready in time; with the end of its log.
        """
        module = self._module
        processes.end_remembered(module.note, module.name, ((signal.SIGKILL, 10.0),))
        written = logs.size_of(module.log)
        start = processes.Launch(
            death_signal=signal.SIGKILL,
            log=module.log,
            environment=self._environment(),
            folder=module.folder,
        )
        argv = [sys.executable, "-m", module.name, *module.arguments]
        self.process = processes.spawn(argv, start, pipe_output=True)
        processes.remember(module.note, self.process.pid)
        if not self._becomes_ready():
            code = self.process.poll()
            self.stop()
            how = "was not ready in time" if code is None else f"ended with code {code}"
            raise CannotStart(f"{module.name} {how}:\n{logs.tail(module.log, written)}")

    def stop(self) -> None:
        """Stop it; safe when it does not run."""
        if self.process is not None:
            processes.stop(self.process, self._module.patience)
            self.process = None
            self._module.note.unlink(missing_ok=True)

    def is_alive(self) -> bool:
        """Say whether its process runs."""
        return self.process is not None and self.process.poll() is None

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join(filter(None, (_CHECKOUT, os.environ.get("PYTHONPATH"))))
        changes = {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **self._module.environment}
        known = {**os.environ, **changes}
        return {name: value for name, value in known.items() if value is not None}

    def _becomes_ready(self) -> bool:
        assert self.process is not None  # noqa: S101 - just started
        assert self.process.stdout is not None  # noqa: S101 - it is a pipe
        answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
        threading.Thread(
            target=_follow, args=(self.process.stdout, self._module.log, answers), daemon=True
        ).start()
        try:
            return answers.get(timeout=_READY_TIMEOUT_S)
        except queue.Empty:
            return False


def _follow(output: IO[bytes], log: Path, answers: queue.SimpleQueue[bool]) -> None:
    """Report the ready line, or the end of the output; what else is printed goes to the log."""
    with output, log.open("ab", buffering=0) as file:
        for line in output:
            if _is_ready(line):
                answers.put(True)
            else:
                file.write(line)
    answers.put(False)


def _is_ready(line: bytes) -> bool:
    try:
        value = json.loads(line)
    except ValueError:
        return False
    return isinstance(value, dict) and "ready" in value
