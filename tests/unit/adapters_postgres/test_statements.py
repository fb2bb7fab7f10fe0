"""Named SQL: every statement is found, used, and has the parameters it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pixcrawler.adapters.postgres as adapter
from pixcrawler.adapters.postgres.statements import statements

FOLDER = Path(adapter.__path__[0])
FILES = sorted(path.stem for path in (FOLDER / "queries").glob("*.sql"))


@pytest.mark.parametrize("file", FILES)
def test_every_statement_is_used(file: str) -> None:
    """No statement lies around that the adapter of that name does not run."""
    source = (FOLDER / f"{file}.py").read_text(encoding="utf-8")
    unused = [name for name in statements(file) if not re.search(f'"{name}"', source)]
    assert unused == []


@pytest.mark.parametrize("file", FILES)
def test_values_come_as_parameters(file: str) -> None:
    """Nothing is formatted into a statement."""
    for name, text in statements(file).items():
        assert "{" not in re.sub(r"'[^']*'", "", text), name
        assert not re.search(r"%(?!\(\w+\)s)", text), name
