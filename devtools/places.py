"""Where things are, and how ./dev speaks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / ".set-up"
STATE = ROOT / ".pixcrawler"
CACHE = STATE / "cache"
LOG = STATE / "set-up.log"

# They would lead our Python or pip to packages and folders that are not ours.
_ASTRAY = ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV")


class Refused(Exception):
    """The command cannot go on; the message says why and what to do."""


def say(text: str) -> None:
    """Tell the person, without disturbing what a program may read from stdout."""
    print(f"[dev] {text}", file=sys.stderr, flush=True)


def child_environment() -> dict[str, str]:
    """Return our environment as it is good for the programs we start."""
    environment = {name: value for name, value in os.environ.items() if name not in _ASTRAY}
    environment["PIP_USER"] = "0"
    environment["PYTHONPATH"] = str(ROOT)
    environment.setdefault("PIXCRAWLER_CACHE", str(CACHE))
    if not os.access(os.path.expanduser("~"), os.W_OK):  # noqa: PTH111 - Path.home() may raise
        environment.setdefault("npm_config_cache", str(CACHE / "npm"))
    return environment
