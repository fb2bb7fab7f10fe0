"""The commands of ./dev: each is set up first, then turns into the program that does it."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from devtools.checks import check
from devtools.clean import clean
from devtools.places import PYTHON, ROOT, Refused, child_environment, say
from devtools.set_up import set_up

CLIENT = ("run", "serve", "jobs", "status", "cancel", "download")
COMMANDS = (*CLIENT, "test", "check", "bench", "clean")
INTERRUPTED = 130


def run(command: str, arguments: list[str]) -> int:
    """Run ``command``; return its exit code, if it returns at all."""
    try:
        if command == "clean":
            return clean(arguments)
        if command in CLIENT:
            set_up("stack")
            _become("pixcrawler.cli", [command, *arguments])
        set_up("dev")
        if command == "check":
            return check(arguments)
        os.chdir(ROOT)
        _become("pytest" if command == "test" else "bench", arguments)
    except Refused as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted; what was begun is done again at the next start")
        return INTERRUPTED


def _become(module: str, arguments: list[str]) -> NoReturn:
    """Turn into ``python -m module``, so that signals and the exit code are its own."""
    # -P: a file called requests.py in the person's folder must not become a library.
    command = [str(PYTHON), "-P", "-m", module, *arguments]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, {**child_environment(), "PIXCRAWLER_ENTRY": "./dev"})  # noqa: S606 - no shell
