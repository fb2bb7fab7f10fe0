"""SQL by name, from the files in queries/."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import LiteralString, cast

_MARK = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def statements(file: str) -> dict[str, LiteralString]:
    """Return the statements of ``queries/<file>.sql`` by name; each begins ``-- name: NAME``."""
    text = resources.files(__package__).joinpath("queries", f"{file}.sql").read_text("utf-8")
    _, *parts = _MARK.split(text)
    found = dict(zip(parts[::2], (body.strip() for body in parts[1::2]), strict=True))
    # Our own files, not input: psycopg may take them as literals.
    return cast("dict[str, LiteralString]", found)
