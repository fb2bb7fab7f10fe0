"""Makes the virtual environment once, whole, and by one ./dev at a time."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devtools.places import CACHE, LOG, PYTHON, ROOT, STAMPS, VENV, Refused, child_environment, say

UNFINISHED = STAMPS / "unfinished"
CONSTRAINTS = ROOT / "constraints.txt"
ALONE = "alone"
WITH_ALONE = ("stack", "dev")
"""Groups that have all that it has."""
LOG_LINES_SHOWN = 15
NODE_OLDEST = 20
NODE_ANSWER_S = 20


def set_up(group: str) -> None:
    """Install what ``group`` (alone, stack or dev) needs; next to free when it is all there.

    Raises:
        Refused: it cannot be done; the reason is in the message.
    """
    if group == ALONE and any(map(_is_ready, WITH_ALONE)):
        return
    groups = [group]
    if group != ALONE and not _is_ready("node") and not _node_is_new_enough():
        groups.append("node")
    if all(_is_ready(name) for name in groups):
        return
    try:
        CACHE.mkdir(parents=True, exist_ok=True)
        with _alone() as lock:
            for name in groups:
                if not _is_ready(name):
                    _make_venv(lock)
                    _install(name, lock)
    except OSError as error:
        raise Refused(f"cannot set up in {ROOT}: {error}") from None


# ------------------------------------------------------------------ what is there


def _requirement_files(group: str) -> list[Path]:
    """The files that make up ``group``, its own first."""
    files = [ROOT / f"requirements-{group}.txt"]
    for path in files:
        lines = path.read_text(encoding="utf-8").splitlines()
        files += [ROOT / line.split()[1] for line in lines if line.startswith("-r ")]
    return files


def _stamp(group: str) -> str:
    """What a finished set-up of ``group`` wrote down: the same files and the same Python."""
    digest = hashlib.sha256((VENV / "pyvenv.cfg").read_bytes())
    for path in (*_requirement_files(group), CONSTRAINTS):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _is_ready(group: str) -> bool:
    if UNFINISHED.exists() or not PYTHON.exists():
        return False
    try:
        return (STAMPS / group).read_text(encoding="ascii") == _stamp(group)
    except FileNotFoundError:
        return False


def _node_is_new_enough() -> bool:
    """Say whether the machine brings a Node.js that Azurite runs on."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    try:
        version = subprocess.run(
            [node, "--version"], capture_output=True, text=True, timeout=NODE_ANSWER_S, check=True
        ).stdout
        return int(version.strip().removeprefix("v").split(".")[0]) >= NODE_OLDEST
    except (OSError, ValueError, subprocess.SubprocessError):
        return False


# ------------------------------------------------------------------ making it


@contextmanager
def _alone() -> Iterator[int]:
    """Hold the lock of the set-up, waiting for another ./dev where there is one."""
    # The entry itself is the lock file: it is always there, and `clean` never removes it.
    lock = os.open(ROOT / "dev", os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another ./dev is setting up in this folder: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


def _make_venv(lock: int) -> None:
    """Make the virtual environment; an unfinished or broken one is made anew."""
    if UNFINISHED.exists():
        say("the last set-up was interrupted: starting it again")
    elif PYTHON.exists() and (VENV / "pyvenv.cfg").exists():
        return
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise Refused(
            f"this Python {version} cannot make a virtual environment: its module ensurepip is "
            f"missing. On Debian and Ubuntu: sudo apt install python{version}-venv"
        )
    if VENV.exists():
        shutil.rmtree(VENV)
    STAMPS.mkdir(parents=True)
    UNFINISHED.touch()
    version = ".".join(str(part) for part in sys.version_info[:3])
    _logged(f"making .venv with Python {version}", [sys.executable, "-m", "venv", str(VENV)], lock)
    UNFINISHED.unlink(missing_ok=True)


def _install(group: str, lock: int) -> None:
    STAMPS.mkdir(exist_ok=True)
    UNFINISHED.touch()
    pip = [str(PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    requirements = _requirement_files(group)[0]
    _logged(
        f"installing {requirements.name} (the first time takes a minute or two)",
        [*pip, "-r", str(requirements), "-c", str(CONSTRAINTS)],
        lock,
    )
    (STAMPS / group).write_text(_stamp(group), encoding="ascii")
    UNFINISHED.unlink()


def _logged(what: str, command: list[str], lock: int) -> None:
    """Run ``command`` with its output in the log; show the log's end when it fails."""
    say(f"{what} ...")
    started = time.monotonic()
    with LOG.open("wb") as log:
        # The child keeps the lock: should we be killed, nobody else begins before it has ended.
        code = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=child_environment(),
            pass_fds=(lock,),
            check=False,
        ).returncode
    if code == 0:
        say(f"done in {time.monotonic() - started:.0f} s")
        return
    lines = LOG.read_text(encoding="utf-8", errors="replace").splitlines()
    if not any("Installing collected packages" in line for line in lines):
        UNFINISHED.unlink(missing_ok=True)  # nothing was changed yet: what is there stays good
    shown = "\n".join(f"    {line}" for line in lines[-LOG_LINES_SHOWN:])
    raise Refused(f"that failed (exit code {code}):\n{shown}\nThe whole log: {LOG}")
