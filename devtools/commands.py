"""The commands of ./dev: each is set up first, then turns into the program that does it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import NoReturn

from devtools.checks import check
from devtools.clean import clean
from devtools.places import CACHE, PYTHON, ROOT, Refused, child_environment, say
from devtools.set_up import set_up

ALONE = ("fetch",)
"""Commands that need no stack."""
CLIENT = (
    *("run", "estimate", "serve", "engines"),
    *("jobs", "status", "cancel", "retry", "download", "verify"),
)
COMMANDS = (*CLIENT, *ALONE, "test", "check", "bench", "clean")
INTERRUPTED = 130
_INSTALL_AZURITE = """
import pathlib, sys
from pixcrawler.host.stack.errors import CannotStart
from pixcrawler.host.stack.node import find_node, install_azurite
try:
    install_azurite(
        pathlib.Path(sys.argv[1]), find_node(), lambda text: print("[dev]", text, file=sys.stderr)
    )
except CannotStart as error:
    sys.exit(str(error))
"""


WORKERS_MOST = 4
"""Test files at once: each may start a whole stack of its own."""


def run(command: str, arguments: list[str]) -> int:
    """Run ``command``; return its exit code, if it returns at all."""
    try:
        if command == "clean":
            return clean(arguments)
        if command in (*CLIENT, *ALONE):
            set_up("alone" if command in ALONE else "stack")
            _become("pixcrawler.cli", [command, *arguments])
        set_up("dev")
        if command == "check":
            return check(arguments)
        if command == "test":
            _warm_up()
            arguments = [*_side_by_side(arguments), *arguments]
        os.chdir(ROOT)
        _become("pytest" if command == "test" else "bench", arguments)
    except Refused as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted; what was begun is done again at the next start")
        return INTERRUPTED


def _side_by_side(arguments: list[str]) -> list[str]:
    """Let whole test files run side by side; a person who chooses tests or debugs sees one run."""
    if arguments:
        return []
    # In the order of the folders: the slow files, which have few tests, are not left for the end.
    order = ["--dist", "loadfile", "--no-loadscope-reorder"]
    return ["-n", str(min(WORKERS_MOST, os.cpu_count() or 1)), *order]


def _warm_up() -> None:
    """Install Azurite before the first test that needs it, whose time is limited."""
    command = [str(PYTHON), "-P", "-c", _INSTALL_AZURITE, str(CACHE)]
    if subprocess.run(command, cwd=ROOT, env=child_environment(), check=False).returncode:
        say("Azurite could not be installed: tests that need it will fail")


def _become(module: str, arguments: list[str]) -> NoReturn:
    """Turn into ``python -m module``, so that signals and the exit code are its own."""
    # -P: a file called requests.py in the person's folder must not become a library.
    command = [str(PYTHON), "-P", "-m", module, *arguments]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, {**child_environment(), "PIXCRAWLER_ENTRY": "./dev"})  # noqa: S606 - no shell
