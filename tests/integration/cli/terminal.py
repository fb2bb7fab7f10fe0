"""A terminal of its own for a command line."""

import os
import pty
import subprocess
import sys

from pixcrawler.cli.stack import ROOT
from tests.fakes.api_server import TOKEN


def on_a_terminal(server, folder, *arguments, typed="", stderr=None):
    """Run the command line on a terminal of its own; return its exit code and what it showed."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "pixcrawler.cli", *arguments, "--api", server.address],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PIXCRAWLER_TOKEN": TOKEN, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs if stderr is None else stderr,
        start_new_session=True,
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    shown = bytearray()
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # how a terminal tells that the other side is gone
        pass
    finally:
        os.close(ours)
    return child.wait(20), shown.decode()
