"""Runs the local stack in this terminal, and says what is where."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from typing import Any

from pixcrawler.cli.errors import FAILED, OK, CliError
from pixcrawler.cli.processes import STACK_MODULE
from pixcrawler.cli.stack import ROOT, Stack
from pixcrawler.cli.talk import Talk

_ALREADY_RUNNING = 3


def serve(options: argparse.Namespace, talk: Talk) -> int:
    """Run the stack until it is told to stop (Ctrl-C); with --stop, stop the one that runs.

    Raises:
        CliError: one is running already, or does not stop.
    """
    stack = Stack(options.state, talk.note)
    running = stack.pid()
    if options.stop:
        return _stopped(stack, running, talk)
    if running is not None:
        raise CliError(f"the local stack is already running (process {running})")
    # It shares our terminal and group: Ctrl-C reaches it directly.
    child = subprocess.Popen(
        [
            *(sys.executable, "-P", "-m", STACK_MODULE),
            *("--app", str(ROOT), "--state", str(stack.state)),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    )
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    try:
        _show_ready(child, stack, talk)
        code = child.wait()
    except KeyboardInterrupt:
        code = child.wait()
        return OK
    if code == _ALREADY_RUNNING:
        raise CliError("the local stack is already running")
    return OK if code in (0, -signal.SIGTERM, -signal.SIGINT) else FAILED


def _stopped(stack: Stack, running: int | None, talk: Talk) -> int:
    if running is None:
        talk.note("no local stack is running")
    elif not stack.stop(running):
        raise CliError(f"the local stack (process {running}) did not stop")
    return OK


def _show_ready(child: subprocess.Popen[str], stack: Stack, talk: Talk) -> None:
    """Wait for the stack's ready line and show the addresses; later lines are dropped."""
    for line in child.stdout or ():
        try:
            facts = json.loads(line)
        except ValueError:
            continue
        if talk.as_json:
            talk.json(facts)
        elif isinstance(facts, dict):
            _show(facts, stack, talk)


def _show(facts: dict[str, Any], stack: Stack, talk: Talk) -> None:
    talk.line()
    for name, value in {
        "API": f"{facts.get('api')}/api/v1",
        "health": f"{facts.get('api')}/api/v1/health",
        "sign-in": f"{facts.get('auth_url')}/auth/v1 (as Supabase Auth)",
        "pictures": facts.get("site"),
        "data": stack.state,
    }.items():
        talk.line(f"  {name:9} {value}")
    talk.line()
    talk.line("  In another terminal, ./dev run uses this stack. Ctrl-C stops it; jobs that were")
    talk.line("  running go on at the next start.")
