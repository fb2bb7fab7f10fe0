"""Plays the local stack: python -m tests.fakes.stack_program --app FOLDER --state FOLDER."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from tests.fakes.api_server import serving


def main() -> int:
    """Serve until SIGTERM; a second one exits with 3, and a file named ``fail`` makes it fail."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--app", required=True)
    parser.add_argument("--state", type=Path, required=True)
    state = parser.parse_args().state
    if (state / "fail").exists():
        sys.stderr.write("making the database\nno room for it\n")
        return 1
    lock = os.open(state / "lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return 3
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    sys.stderr.write("making the database\n")
    sys.stderr.flush()
    time.sleep(0.1)
    with serving() as server:
        facts = {
            "pid": os.getpid(),
            "api": server.address,
            "auth_url": server.address,
            "publishable_key": "sb_publishable_test",
            "site": server.address,
            "started_at": time.time(),
            "version": 1,
        }
        draft = state / "stack.json.new"
        draft.write_text(json.dumps(facts))
        draft.replace(state / "stack.json")
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()
        with (state / "starts").open("a") as starts:
            starts.write("x")
        stopped.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
