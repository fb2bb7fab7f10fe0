"""The program's door: arguments in, exit code out, never a traceback for what can be expected."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import NoReturn

from pixcrawler.cli.arguments import parse
from pixcrawler.cli.commands import perform
from pixcrawler.cli.errors import INTERRUPTED, OK, ApiRefused, CliError
from pixcrawler.cli.talk import Talk

_TERMINATED = 143


def main(arguments: list[str] | None = None) -> int:
    """Do what ``arguments`` (default: the command line) say; return the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    talk = Talk(as_json="--json" in given)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        return perform(parse(given), talk)
    except CliError as error:
        _tell(error, talk)
        return error.exit_code
    except KeyboardInterrupt:
        talk.note("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python would complain once more at its end.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _terminated(*_: object) -> NoReturn:
    """Leave by the normal way, so that a stack of ours is stopped."""
    sys.exit(_TERMINATED)


def _tell(error: CliError, talk: Talk) -> None:
    for line in error.lines if isinstance(error, ApiRefused) else [error.message]:
        talk.error(line)
    if error.details.get("advice"):
        talk.note(str(error.details["advice"]))
    talk.json(error.as_json())
