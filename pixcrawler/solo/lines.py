"""Lines of bounded length, out of rows of a bounded number of lines."""

from __future__ import annotations

import csv
from typing import IO

LINE_MAX_CHARS = 100_000
ROW_MAX_LINES = 100
"""Of a table: a quote that is never closed takes no more of it along."""


class FaultyLine(csv.Error):
    """A line cannot be used; the ones after it can."""

    def __init__(self, message: str, start: str) -> None:
        super().__init__(message)
        self.start = start


class Lines:
    """An iterator over lines, which goes on after it raised FaultyLine."""

    def __init__(self, source: IO[str]) -> None:
        self._source = source
        self.number = 0
        """Of the last line, from 1 on."""
        self._of_row = 0

    def __iter__(self) -> Lines:
        return self

    def begin_row(self) -> None:
        """Take what comes next as the first line of a row."""
        self._of_row = 0

    def __next__(self) -> str:
        """Return the next line.

        Raises:
            FaultyLine: it is too long, or one of too many in a row.
        """
        line = self._source.readline(LINE_MAX_CHARS + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._of_row += 1
        if len(line) > LINE_MAX_CHARS and not line.endswith("\n"):
            self._skip()
            raise FaultyLine(f"longer than {LINE_MAX_CHARS:,} characters", line)
        if self._of_row > ROW_MAX_LINES:
            raise FaultyLine(f"a row of more than {ROW_MAX_LINES} lines", line)
        return line if line.isascii() else _repaired(line)

    def _skip(self) -> None:
        while (piece := self._source.readline(LINE_MAX_CHARS)) and not piece.endswith("\n"):
            pass


def _repaired(line: str) -> str:
    """What is no Unicode is what spreadsheets on Windows write."""
    try:
        line.encode()
    except UnicodeEncodeError:
        return line.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    return line
