"""Removes what was made here: local data, and with --all what was installed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from devtools.places import CACHE, ROOT, STATE, VENV, Refused, say
from pixcrawler.cli.processes import runs

STOP_WAIT_S = 30
TOOL_CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache")


def clean(arguments: list[str]) -> int:
    """Remove the local data; ``--all`` also the environment, ``--stop`` stops a running stack.

    Raises:
        Refused: an argument is not known, a stack is running, or a file cannot be removed.
    """
    unknown = set(arguments) - {"--all", "--stop"}
    if unknown:
        raise Refused(f"clean does not know {', '.join(sorted(unknown))}: only --all and --stop")
    pid = running_stack()
    if pid is not None:
        _stop(pid, wanted="--stop" in arguments)
    everything = "--all" in arguments
    doomed = [path for path in STATE.glob("*") if everything or path != CACHE]
    if everything:
        doomed += [STATE, VENV, *(ROOT / name for name in TOOL_CACHES)]
    for path in doomed:
        _remove(path)
    say("removed the local data" + (" and what was installed" if everything else ""))
    return 0


def running_stack() -> int | None:
    """Return the process id of this folder's stack, if one runs."""
    try:
        pid = int(json.loads((STATE / "stack.json").read_bytes())["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return pid if runs(pid) else None


def _stop(pid: int, *, wanted: bool) -> None:
    if not wanted and sys.stdin.isatty():
        answer = input(f"[dev] The local stack is running (process {pid}). Stop it? [y/N] ")
        wanted = answer.strip().lower() in ("y", "yes")
    if not wanted:
        raise Refused(
            f"the local stack is running (process {pid}): stop it with ./dev serve --stop, or say "
            "./dev clean --stop"
        )
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_WAIT_S
    while running_stack() == pid:
        if time.monotonic() > deadline:
            raise Refused(f"the local stack (process {pid}) did not stop in {STOP_WAIT_S} s")
        time.sleep(0.1)


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise Refused(f"cannot remove {path}: {error.strerror}") from None
