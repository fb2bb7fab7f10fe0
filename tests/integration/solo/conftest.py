"""``pixcrawler fetch`` as a program of its own, against a server of pictures on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.pictures_web import PictureServer

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 60


@dataclass
class Said:
    """What the program has printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """Stdout as JSON."""
        return json.loads(self.out)


class Program:
    """The command line in a folder."""

    def __init__(self, folder, server):
        self.folder, self.server = folder, server
        self.out = folder / "out"
        self.children = []

    def list(self, *paths, name="list.txt"):
        """Write a list; what begins with / is a path of the server."""
        whole = [f"{self.server.origin}{one}" if one.startswith("/") else one for one in paths]
        path = self.folder / name
        path.write_text("".join(f"{one}\n" for one in whole))
        return path.name

    def start(self, *arguments):
        """Begin a fetch."""
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "pixcrawler.cli", "fetch", *arguments],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "FETCH_ALLOW_ORIGINS": self.server.origin,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.children.append(child)
        return child

    def run(self, *arguments, stdin=""):
        """Fetch to the end."""
        child = self.start(*arguments)
        out, err = child.communicate(stdin, timeout=PATIENCE_S)
        return Said(child.returncode, out, err)

    def outcomes(self):
        """The lines of outcomes.jsonl."""
        return [json.loads(line) for line in (self.out / "outcomes.jsonl").read_text().splitlines()]


@pytest.fixture
def server():
    """A server of pictures."""
    running = PictureServer()
    yield running
    running.close()


@pytest.fixture
def program(tmp_path, server):
    """The program, in an empty folder."""
    running = Program(tmp_path, server)
    yield running
    for child in running.children:
        if child.poll() is None:
            child.kill()
        child.wait(10)
        for pipe in (child.stdin, child.stdout, child.stderr):
            pipe.close()
