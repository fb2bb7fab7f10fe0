"""Lists of addresses as Parquet, where its reader is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pixcrawler.adapters.engines.uploads.lists import LIST_FORM, Listing, listing_of
from pixcrawler.adapters.engines.uploads.rows import columns_of, find_of
from pixcrawler.adapters.engines.uploads.tally import Tally, UnreadableUpload
from pixcrawler.pipeline.engine_ports import Find

_BATCH_ROWS = 1024
_MAX_COLUMNS = 1000


def read_parquet(data: bytes) -> Listing:
    """Return what a Parquet file holds; only its known columns are read.

    Raises:
        UnreadableUpload: it is damaged, has no column of addresses, or its reader is missing.
    """
    try:
        # 166 MB installed, needed for this alone: an extra of the deployment.
        import pyarrow  # noqa: ICN001, PLC0415
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError:
        raise UnreadableUpload(
            "Parquet cannot be read here (requirements-parquet.txt is not installed): "
            "send the list as CSV or JSONL"
        ) from None
    try:
        file = pyarrow.parquet.ParquetFile(
            pyarrow.BufferReader(data),
            thrift_string_size_limit=len(data) + 1,
            thrift_container_size_limit=len(data) + 1,
        )
        return listing_of(_rows(file), Tally("row"))
    except (pyarrow.ArrowException, OSError, ValueError, LookupError, MemoryError) as error:
        if isinstance(error, UnreadableUpload):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableUpload(f"its Parquet cannot be read: {reason[:200]}") from None


def _rows(file: Any) -> Iterator[tuple[int, Find | None]]:
    names = list(file.schema_arrow.names)[:_MAX_COLUMNS]
    columns = columns_of((name, name) for name in names)
    if "url" not in columns:
        raise UnreadableUpload(f"it has no column of addresses: {LIST_FORM}")
    read = list(dict.fromkeys(columns.values()))
    number = 0
    for batch in file.iter_batches(_BATCH_ROWS, columns=read, use_threads=False):
        for row in batch.to_pylist():
            number += 1
            yield number, find_of(columns, row)
