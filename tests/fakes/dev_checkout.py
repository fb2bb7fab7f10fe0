"""A small project around the real ./dev."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLI = """\
import sys
print("cli", *sys.argv[1:])
sys.exit(7 if "--seven" in sys.argv else 0)
"""


def a_checkout(folder):
    """Make a small project around the real ./dev: nothing to install, a tiny command line."""
    shutil.copytree(ROOT / "devtools", folder / "devtools", ignore=shutil.ignore_patterns("__py*"))
    shutil.copy(ROOT / "dev", folder / "dev")
    (folder / "pixcrawler/cli").mkdir(parents=True)
    shutil.copy(ROOT / "pixcrawler/cli/processes.py", folder / "pixcrawler/cli")
    (folder / "pixcrawler/__init__.py").touch()
    (folder / "pixcrawler/cli/__init__.py").touch()
    (folder / "pixcrawler/cli/__main__.py").write_text(CLI)
    for group in ("", "-alone", "-stack", "-dev", "-node"):
        (folder / f"requirements{group}.txt").write_text("# nothing\n")
    (folder / "requirements-stack.txt").write_text("-r requirements.txt\n")
    (folder / "constraints.txt").touch()
    return folder


def environment(folder, **changes):
    """Return what ./dev sees: a Node.js that is new enough, and no place to write but its own."""
    programs = folder.parent / "programs"
    programs.mkdir(exist_ok=True)
    for name, words in {"node": "echo v20.1.0", "npm": "true"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{words}\n")
        (programs / name).chmod(0o755)
    home = {"HOME": "/nonexistent", "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return {"PATH": f"{programs}:/usr/bin:/bin", **home, **changes}


def run(folder, *arguments, **changes):
    """Run ./dev to its end, without a terminal, from another folder."""
    return subprocess.run(
        [sys.executable, str(folder / "dev"), *arguments],
        env=environment(folder, **changes),
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
