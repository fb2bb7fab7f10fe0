"""Other processes, known by more than their number; nothing but the standard library."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

STACK_MODULE = "pixcrawler.host.stack"


def runs(pid: int, module: str = STACK_MODULE) -> bool:
    """Say whether process ``pid`` is there and runs ``python -m module``.

    A number alone proves nothing: it may by now belong to somebody else. A process that has
    ended and waits to be asked for (a zombie) does not run.
    """
    arguments = _linux(pid) if Path("/proc/self/cmdline").exists() else _posix(pid)
    return module in arguments


def _linux(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    return []


def _posix(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        shown = subprocess.run(
            ["ps", "-ww", "-o", "args=", "-p", str(pid)],
            env={**os.environ, "COLUMNS": "4096"},
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        return shown.split()
    return []
