"""Lists of addresses as Parquet, read in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

from pixcrawler.adapters.engines.uploads.lists import LIST_FORM, Listing, listing_of
from pixcrawler.adapters.engines.uploads.parquet_rows import CANNOT_READ
from pixcrawler.adapters.engines.uploads.rows import find_of
from pixcrawler.adapters.engines.uploads.tally import Tally, UnreadableUpload
from pixcrawler.pipeline.engines.ports import Find

PATIENCE_S = 90
_READERS = threading.BoundedSemaphore(2)
"""At once in this process: each may take a gigabyte."""

# The child sees what we can import, but none of the settings, which hold secrets.
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from pixcrawler.adapters.engines.uploads.parquet_rows import main; sys.exit(main())"
)
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "LANG", "SYSTEMROOT")


def read_parquet(data: bytes) -> Listing:
    """Return what a Parquet file holds; only its known columns are looked at.

    Its reader is native code, and a file of a few kilobytes may unpack to gigabytes or break it:
    so it works in a child process with bounded memory and time.

    Raises:
        UnreadableUpload: it is damaged, too large when unpacked, or has no column of addresses.
    """
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        with _READERS:
            done = subprocess.run(
                [sys.executable, "-I", "-c", _START, json.dumps(sys.path)],
                input=data,
                env=environment,
                capture_output=True,
                timeout=PATIENCE_S,
                check=False,
            )
    except subprocess.TimeoutExpired:
        raise UnreadableUpload("its Parquet takes too long to read: send it in parts") from None
    if done.returncode == CANNOT_READ:
        reason = done.stderr.decode("utf-8", "replace") or "no reason is known"
        raise UnreadableUpload(f"its Parquet cannot be read: {reason}")
    if done.returncode != 0:
        raise UnreadableUpload(
            "its Parquet is damaged, or takes more than 1 GB of memory: send it in parts, or as CSV"
        )
    return listing_of(_finds(done.stdout), Tally("row"))


def _finds(output: bytes) -> Iterator[tuple[int, Find | None]]:
    heading, *rows = output.splitlines()
    columns = {meant: place for place, meant in enumerate(json.loads(heading))}
    if "url" not in columns:
        raise UnreadableUpload(f"it has no column of addresses: {LIST_FORM}")
    for number, row in enumerate(rows, 1):
        yield number, find_of(columns, dict(enumerate(json.loads(row))))
