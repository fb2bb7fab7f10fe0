"""The outcome tables: one line or row for each row of the list, as JSONL and as Parquet."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

from arro3.core import Array, DataType, Field, RecordBatch, RecordBatchReader, Schema
from arro3.io import write_parquet

_BATCH_ROWS = 5_000
_GROUP_ROWS = 50_000
_NUMBERS = ("width", "height", "bytes", "http_status", "elapsed_ms")
_COLUMNS = (
    *("key", "url", "caption", "status", "reason", "error_message", "width", "height", "format"),
    *("bytes", "sha256", "phash", "final_url", "http_status", "elapsed_ms", "shard"),
    *("duplicate_of", "findings", "fetched_at", "creator", "creator_url", "license"),
    *("license_url", "attribution", "page_url"),
)
_TYPES = {name: DataType.int64() if name in _NUMBERS else DataType.utf8() for name in _COLUMNS}
_SCHEMA = Schema([Field(name, kind, nullable=True) for name, kind in _TYPES.items()])


def write_tables(out: Path, work: Path, lines: Callable[[], Iterable[str]]) -> None:
    """Write outcomes.jsonl and outcomes.parquet; each is there whole, or as it was before."""
    with _replacing(out / "outcomes.jsonl", work) as file:
        file.writelines(f"{line}\n".encode() for line in lines())
    with _replacing(out / "outcomes.parquet", work) as file:
        # The writer takes the batches one by one: a list of any length needs no more memory.
        batches: Any = _batches(iter(lines()))
        reader = RecordBatchReader.from_batches(_SCHEMA, batches)
        write_parquet(reader, file, compression="zstd(3)", max_row_group_size=_GROUP_ROWS)


def write_json(place: Path, work: Path, value: Any) -> None:
    """Write a value for people and programs, in one go."""
    with _replacing(place, work) as file:
        file.write(json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n")


class _replacing:  # noqa: N801 - reads as a verb where it is used
    """A file that takes its place only when it is complete."""

    def __init__(self, place: Path, work: Path) -> None:
        self._place, self._draft = place, work / place.name

    def __enter__(self) -> IO[bytes]:
        self._file = self._draft.open("wb")
        return self._file

    def __exit__(self, kind: object, *_: object) -> None:
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        if kind is None:
            self._draft.replace(self._place)


def _batches(lines: Iterator[str]) -> Iterator[RecordBatch]:
    while part := list(islice(lines, _BATCH_ROWS)):
        rows = [json.loads(line) for line in part]
        for row in rows:
            row["findings"] = json.dumps(row["findings"], ensure_ascii=False)
        arrays = [Array([row[name] for row in rows], kind) for name, kind in _TYPES.items()]
        yield RecordBatch.from_arrays(arrays, schema=_SCHEMA)
