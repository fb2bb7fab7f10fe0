"""A web in memory, and runs over a list with it."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pixcrawler.solo.fetch import Fetch
from pixcrawler.solo.order import FetchOrder
from tests.fakes.pictures_web import MemoryWeb


@dataclass
class Place:
    """A folder, a list, and the web that is asked."""

    root: Path
    web: MemoryWeb = field(default_factory=MemoryWeb)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def out(self):
        return self.root / "out"

    def list(self, *paths, name="list.txt"):
        """Write a list of addresses, one for each path."""
        path = self.root / name
        path.write_text("".join(f"http://a.example/{one}\n" for one in paths))
        return path

    def fetch(self, **options):
        """A run that has not begun."""
        given = {"source": str(self.root / "list.txt"), "out": self.out, **options}
        order = FetchOrder.model_validate(given)
        return Fetch(order, self.web, lambda event, facts: self.told.append((event, facts)))

    def run(self, **options):
        """Run to the end; return the report."""
        return self.fetch(**options).run()

    def outcomes(self):
        """The lines of outcomes.jsonl."""
        return [json.loads(line) for line in (self.out / "outcomes.jsonl").read_text().splitlines()]

    def members(self):
        """The names in each shard, in order."""
        found = {}
        for path in sorted(self.out.glob("*.tar")):
            with tarfile.open(path) as shard:
                found[path.name] = shard.getnames()
        return found


@pytest.fixture
def place(tmp_path):
    """An empty place."""
    return Place(tmp_path)
