"""The child process that reads a Parquet file of any length: hostile bytes end it alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from pixcrawler.adapters.engines.uploads.parquet_rows import plain_value
from pixcrawler.solo.columns import ColumnNames

try:
    import resource
except ImportError:  # where there are no such limits, the file's owner has to look after it
    resource = None  # type: ignore[assignment]

MEMORY_BYTES = 2 * 1024**3
"""Row groups of a few hundred megabytes are customary in large lists."""
CANNOT_READ = 2
_BATCH_ROWS = 1024
_MAX_COLUMNS = 1000


def main(path: str, ordered: str) -> int:
    """Write the names of the known columns, then one JSON list a row; last why it ended, if so."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        for line in _lines(path, ColumnNames(*json.loads(ordered))):
            sys.stdout.write(line)
    except BrokenPipeError:
        return CANNOT_READ
    except Exception as error:  # noqa: BLE001 - the door of a process; its reader raises plain ones
        sys.stdout.write(json.dumps(" ".join(str(error).split())[:200]) + "\n")
        return CANNOT_READ
    return 0


def _lines(path: str, names: ColumnNames) -> Iterator[str]:
    from arro3.io import read_parquet  # noqa: PLC0415 - after the limits

    reader = read_parquet(path, batch_size=_BATCH_ROWS)
    columns = names.of(enumerate(reader.schema.names[:_MAX_COLUMNS]))
    yield json.dumps(list(columns)) + "\n"
    for batch in reader:
        values = [batch.column(place).to_pylist() for place in columns.values()]
        for row in zip(*values, strict=True):
            yield json.dumps([plain_value(value) for value in row]) + "\n"
