"""Child processes that die with us, and other processes known by more than their number."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pixcrawler.host.stack import launch
from pixcrawler.host.stack.files import read_json, write_json

# The kernel signals a child when the thread that started it ends: this one lives as long as we do.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="child-starter")
_POLL_S = 0.01


@dataclass(frozen=True)
class Launch:
    """How a child is started.

    As whom, which signal it gets when we die, where its output goes, its environment (default:
    ours), its working folder.
    """

    who: str = "self"
    death_signal: signal.Signals = signal.SIGTERM
    log: Path | None = None
    environment: Mapping[str, str] | None = None
    folder: Path = Path("/")


def command(argv: Sequence[str | Path], start: Launch) -> list[str]:
    """Return the command line that becomes ``argv`` under the terms of ``start``."""
    program = shutil.which(str(argv[0])) or str(argv[0])
    terms = [start.who, str(int(start.death_signal)), str(os.getpid())]
    return [
        *(sys.executable, "-I", "-S", launch.__file__),
        *terms,
        "--",
        program,
        *(str(part) for part in argv[1:]),
    ]


def spawn(
    argv: Sequence[str | Path], start: Launch, *, pipe_output: bool = False
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own that gets ``death_signal`` when this process ends.

    Its output goes to ``start.log`` (appended); with ``pipe_output`` its stdout is a pipe instead.
    """

    def begin() -> subprocess.Popen[bytes]:
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(start.log.open("ab")) if start.log else subprocess.DEVNULL
            return subprocess.Popen(
                command(argv, start),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipe_output else output,
                stderr=output,
                cwd=start.folder,
                env=dict(start.environment) if start.environment is not None else None,
                start_new_session=True,
            )

    return _starter.submit(begin).result()


def run(argv: Sequence[str | Path], who: str = "self", timeout_s: float = 120) -> tuple[int, str]:
    """Run a short program to its end; return its exit code and what it printed, both streams."""
    done = subprocess.run(
        command(argv, Launch(who=who, death_signal=signal.SIGKILL)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        check=False,
        timeout=timeout_s,
    )
    return done.returncode, done.stdout.decode(errors="replace")


def stop(process: subprocess.Popen[bytes], signals: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn until the child has ended, waiting the seconds beside it."""
    for number, patience_s in signals:
        if process.poll() is not None:
            return
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
    process.wait()


def command_line(pid: int) -> list[str]:
    """Return the command line of a running process; empty when it is gone or a zombie."""
    with contextlib.suppress(OSError, ValueError):
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        return raw.decode(errors="surrogateescape").rstrip("\0").split("\0") if raw else []
    return []


def started_ticks(pid: int) -> int:
    """Return when a process started, in clock ticks since boot; 0 when it is gone or a zombie."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return 0 if fields[0] in "ZX" else int(fields[19])
    return 0


@dataclass(frozen=True)
class Mark:
    """A process told apart from a later one with the same number."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Mark:
        """Return the mark of a process that runs now."""
        return cls(pid, started_ticks(pid))

    def is_alive(self) -> bool:
        """Say whether this very process still runs."""
        return self.started != 0 and started_ticks(self.pid) == self.started


def end_stranger(mark: Mark, signals: Sequence[tuple[signal.Signals, float]]) -> None:
    """End a process that is not our child: wait, then signal it, until it is gone."""
    for number, patience_s in signals:
        if mark.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(mark.pid, number)
        wait_until_gone(mark, patience_s)


def wait_until_gone(mark: Mark, patience_s: float) -> bool:
    """Wait for a process that is not our child to end; say whether it did."""
    deadline = time.monotonic() + patience_s
    while mark.is_alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def remember(file: Path, pid: int) -> None:
    """Write down a child, so that a later owner of its folder can end it."""
    mark = Mark.of(pid)
    write_json(file, {"pid": mark.pid, "started": mark.started})


def end_remembered(file: Path, own: str, signals: Sequence[tuple[signal.Signals, float]]) -> None:
    """End the child that `remember` wrote down, if it still runs.

    It is known by number, start and a word of its own command line, so that no stranger is hit.
    """
    known = read_json(file)
    mark = Mark(int(known.get("pid", 0)), int(known.get("started", 0)))
    if mark.is_alive() and any(own in word for word in command_line(mark.pid)):
        end_stranger(mark, signals)
    file.unlink(missing_ok=True)
