"""Runs one measurement, or all of them: ./dev bench [NAME [ARGUMENTS]]."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main(arguments: list[str]) -> int:
    """Run what ``arguments`` name; return 1 when a measurement failed, 2 for an unknown name."""
    known = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))
    name, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if name and name not in known:
        print(f"there is no bench {name!r}; there is: {', '.join(known)}", file=sys.stderr)
        return 2
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.platform()}")
    # A process each: none measures what another one left behind.
    return max([_run(one, rest) for one in ([name] if name else known)], default=0)


def _run(name: str, arguments: list[str]) -> int:
    print(f"== {name}", flush=True)
    command = [sys.executable, "-P", "-m", f"bench.{name}", *arguments]
    return min(subprocess.run(command, cwd=FOLDER.parent, check=False).returncode & 0xFF, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
