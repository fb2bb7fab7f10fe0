"""The checks: format, lint, types, imports; with --fix, what can be mended is."""

from __future__ import annotations

import subprocess
import time

from devtools.places import PYTHON, ROOT, Refused, child_environment

IMPORTS = "from importlinter.cli import lint_imports_command as c; c(['--no-logo'])"


def check(arguments: list[str]) -> int:
    """Run every check to its end; return 1 when any found something.

    Raises:
        Refused: an argument is not known.
    """
    if arguments not in ([], ["--fix"]):
        raise Refused("check takes no argument but --fix")
    results = [_timed(name, command) for name, command in _commands(fix=bool(arguments))]
    print("== summary")
    for name, code, seconds in results:
        print(f"{name:8} {'FAILED' if code else 'ok':6} {seconds:5.1f} s")
    return 1 if any(code for _, code, _ in results) else 0


def _commands(*, fix: bool) -> list[tuple[str, list[str]]]:
    commands = [
        ("format", ["-m", "ruff", "format", *([] if fix else ["--check"]), "."]),
        ("lint", ["-m", "ruff", "check", *(["--fix"] if fix else []), "."]),
        ("types", ["-m", "mypy"]),
        ("imports", ["-c", IMPORTS]),
    ]
    if fix:
        commands.append(("readme", ["-m", "tests.architecture.readme"]))
    return commands


def _timed(name: str, arguments: list[str]) -> tuple[str, int, float]:
    print(f"== {name}", flush=True)
    started = time.monotonic()
    code = subprocess.run(
        [str(PYTHON), "-P", *arguments], cwd=ROOT, env=child_environment(), check=False
    ).returncode
    return name, code, time.monotonic() - started
