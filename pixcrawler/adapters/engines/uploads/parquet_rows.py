"""The child process that reads a Parquet file: hostile bytes end it, and nothing else."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from typing import Any

from pixcrawler.adapters.engines.uploads.lists import LOOKED_AT_ROWS
from pixcrawler.adapters.engines.uploads.rows import columns_of

try:
    import resource
except ImportError:  # where there are no such limits, the parent's patience is the only one
    resource = None  # type: ignore[assignment]

MEMORY_BYTES = 1024 * 1024 * 1024
OUTPUT_BYTES = 128 * 1024 * 1024
CPU_S = 60
CANNOT_READ = 2

_BATCH_ROWS = 1024
_MAX_COLUMNS = 1000
_TEXT_MAX_CHARS = 4096


def main() -> int:
    """Read Parquet from stdin; write the names of known columns, then one JSON list a row."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    left = OUTPUT_BYTES
    try:
        for line in _lines(sys.stdin.buffer.read()):
            left -= len(line)
            if left < 0:
                break
            sys.stdout.write(line)
    except Exception as error:  # noqa: BLE001 - the door of a process; its reader raises plain ones
        sys.stderr.write(" ".join(str(error).split())[:200])
        return CANNOT_READ
    return 0


def _lines(data: bytes) -> Iterator[str]:
    from arro3.io import read_parquet  # noqa: PLC0415 - after the limits

    reader = read_parquet(io.BytesIO(data), batch_size=_BATCH_ROWS)
    columns = columns_of(enumerate(reader.schema.names[:_MAX_COLUMNS]))
    yield json.dumps(list(columns)) + "\n"
    if "url" not in columns:
        return
    rows = 0
    for batch in reader:
        rows += batch.num_rows
        if rows > LOOKED_AT_ROWS + _BATCH_ROWS:
            return
        values = [batch.column(place).to_pylist() for place in columns.values()]
        for row in zip(*values, strict=True):
            yield json.dumps([plain_value(value) for value in row]) + "\n"


def plain_value(value: Any) -> Any:
    """Return short texts and numbers; of everything else nothing is wanted."""
    if isinstance(value, str):
        return value if len(value) <= _TEXT_MAX_CHARS else None
    return value if isinstance(value, int | float) else None
