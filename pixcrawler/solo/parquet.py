"""Lists of addresses as Parquet, row group by row group, read in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pixcrawler.adapters.engines.uploads.rows import Columns
from pixcrawler.solo.columns import ColumnNames
from pixcrawler.solo.order import CannotFetch

# The reader is native code, and hostile bytes may break it: it sees what we can import, and none
# of our environment.
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from pixcrawler.solo.parquet_rows import main; sys.exit(main(*sys.argv[2:]))"
)
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "LANG", "SYSTEMROOT")


def read_parquet(path: Path, names: ColumnNames) -> Iterator[tuple[int, list[Any] | str, Columns]]:
    """Yield (number, values, columns) of each row; last a sentence where it breaks off.

    Raises:
        CannotFetch: it cannot be read from the start, or lacks a column.
    """
    command = [sys.executable, "-I", "-c", _START, json.dumps(sys.path), str(path)]
    child = subprocess.Popen(
        [*command, json.dumps([names.url, names.caption])],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
    )
    try:
        yield from _rows(child, names)
    finally:
        child.kill()
        if child.stdout:
            child.stdout.close()
        child.wait()


def _rows(
    child: subprocess.Popen[bytes], names: ColumnNames
) -> Iterator[tuple[int, list[Any] | str, Columns]]:
    lines = iter(child.stdout or ())
    heading = _said(next(lines, b""))
    if not isinstance(heading, list):
        raise CannotFetch(f"its Parquet cannot be read: {heading}")
    columns = {meant: place for place, meant in enumerate(heading)}
    lack = names.lack(columns)
    if lack:
        raise CannotFetch(f"the list has {lack}")
    number = 0
    for number, line in enumerate(lines, 1):
        values = _said(line)
        if not isinstance(values, list):
            yield number, f"the Parquet file is damaged from here on ({values})", columns
            return
        yield number, values, columns
    if child.wait() != 0:
        yield number + 1, "the Parquet file is damaged from here on", columns


def _said(line: bytes) -> Any:
    """One line of the child's: a list, or a text that says what is wrong."""
    try:
        return json.loads(line)
    except ValueError:
        return "it is damaged, or takes more memory than a list should"
