"""Lists of addresses, row by row: however long a list is, little of it is in memory."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, cast

from pixcrawler.adapters.engines.uploads.lists import (
    LIST_FORM,
    Heading,
    encoding_of,
    heading_of,
    unquoted,
)
from pixcrawler.adapters.engines.uploads.rows import Columns, find_of
from pixcrawler.adapters.engines.uploads.tally import UnreadableUpload
from pixcrawler.pipeline.engines.ports import Find
from pixcrawler.solo.columns import ColumnNames
from pixcrawler.solo.lines import FaultyLine, Lines
from pixcrawler.solo.order import CannotFetch
from pixcrawler.solo.parquet import read_parquet

NO_ADDRESS = "no web address (http or https, at most 4,096 characters, no password)"
ITEM_MAX_CHARS = 100_000
"""Of one object in a JSON array."""
SHOWN_CHARS = 100
_HEAD_BYTES = 256 * 1024
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_BETWEEN = re.compile(r"[\s,]*")
_DAMAGE = (OSError, EOFError, zlib.error, UnicodeError)
"""What reading damaged gzip, or half characters of UTF-16, raises."""


@dataclass(frozen=True)
class Fault:
    """A row that cannot be used."""

    number: int
    """Its line, or its place in JSON and Parquet, from 1 on."""
    rule: str
    """What it breaks."""
    value: str = ""
    is_end: bool = False
    """Nothing after it can be read."""


def read_list(path: Path, names: ColumnNames) -> Iterator[Find | Fault]:
    """Yield the rows of a list in its order, whatever its form and encoding.

    Raises:
        CannotFetch: it is no list, or it has not the columns that were ordered.
    """
    with path.open("rb") as file:
        start = file.read(len(_PARQUET))
        file.seek(0)
        if start == _PARQUET:
            for number, row, columns in read_parquet(path, names):
                if isinstance(row, str):
                    yield Fault(number, row, is_end=True)
                else:
                    yield _of_row(number, dict(enumerate(row)), columns)
            return
        packed = start.startswith(_GZIP)
        source = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if packed else file
        yield from _TextList(source, names).rows()


class _TextList:
    """A list of text that is being read; ``number`` is the row that was reached."""

    def __init__(self, source: IO[bytes], names: ColumnNames) -> None:
        self._source, self._names = source, names
        self._lines = Lines(io.StringIO())
        self._items = 0

    def rows(self) -> Iterator[Find | Fault]:
        try:
            yield from self._of_form()
        except _DAMAGE as error:
            number = max(self._lines.number, self._items) + 1
            yield Fault(number, f"the list is damaged from here on ({error})", is_end=True)

    def _of_form(self) -> Iterator[Find | Fault]:
        head = self._source.read(_HEAD_BYTES)
        self._source.seek(0)
        try:
            encoding = encoding_of(head)
        except UnreadableUpload:
            raise CannotFetch(f"the list is neither text nor Parquet: {LIST_FORM}") from None
        errors = "replace" if encoding else "surrogateescape"
        encoding = encoding or "utf-8"
        start = head.decode(encoding, errors="replace").lstrip("\ufeff")
        first = start.lstrip()[:1]
        with io.TextIOWrapper(self._source, encoding, errors, newline=None) as text:
            self._lines = Lines(text)
            if first == "[":
                yield from self._array(text)
            elif first == "{":
                yield from self._json_lines()
            else:
                yield from self._lines_or_table(heading_of(start, self._names.of))

    # -------------------------------------------------------------- lines and tables

    def _lines_or_table(self, heading: Heading | None) -> Iterator[Find | Fault]:
        if heading is None and (self._names.url or self._names.caption):
            ordered = self._names.url or self._names.caption
            raise CannotFetch(f"the list has no heading that names a column {ordered!r}")
        if heading and len(heading.columns) + heading.width > 2:  # noqa: PLR2004 - more than one
            yield from self._table(heading)
            return
        for line in self._plain_lines():
            if isinstance(line, Fault):
                yield line
            elif heading is None or self._lines.number > heading.line:
                yield _of_row(self._lines.number, {0: unquoted(line)}, {"url": 0})

    def _plain_lines(self) -> Iterator[str | Fault]:
        """The lines that say something; # begins a comment."""
        while True:
            try:
                line = next(self._lines, None)
            except FaultyLine as error:
                yield Fault(self._lines.number, str(error), _shown(error.start))
                continue
            if line is None:
                return
            self._lines.begin_row()
            if line.strip() and not line.lstrip().startswith("#"):
                yield line.strip()

    def _table(self, heading: Heading) -> Iterator[Find | Fault]:
        lack = self._names.lack(heading.columns)
        if lack:
            raise CannotFetch(f"the list has {lack}")
        for _ in range(heading.line):
            next(self._lines)
        rows = csv.reader(self._lines, delimiter=heading.delimiter)
        while True:
            self._lines.begin_row()
            number = self._lines.number + 1
            try:
                row = next(rows, None)
            except csv.Error as error:
                yield Fault(number, f"breaks the table: {error}")
                continue
            if row is None:
                return
            if any(cell.strip() for cell in row):
                yield _of_row(number, dict(enumerate(row)), heading.columns)

    # -------------------------------------------------------------- JSON

    def _json_lines(self) -> Iterator[Find | Fault]:
        for line in self._plain_lines():
            if isinstance(line, Fault):
                yield line
                continue
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                yield Fault(self._lines.number, "not JSON", _shown(line))
                continue
            yield self._of_json(self._lines.number, found)

    def _array(self, text: IO[str]) -> Iterator[Find | Fault]:
        decode = json.JSONDecoder().raw_decode
        held, at = text.read(4 * ITEM_MAX_CHARS), 0
        at = held.index("[") + 1
        while True:
            if len(held) - at < ITEM_MAX_CHARS:
                held, at = held[at:] + text.read(4 * ITEM_MAX_CHARS), 0
            at = cast("re.Match[str]", _BETWEEN.match(held, at)).end()
            if held.startswith("]", at):
                return
            self._items += 1
            try:
                found, end = decode(held, at)
            except (ValueError, RecursionError):
                rule = f"no JSON, or longer than {ITEM_MAX_CHARS:,} characters; nothing after it"
                yield Fault(self._items, f"{rule} can be read", _shown(held[at:]), is_end=True)
                return
            at = end
            yield self._of_json(self._items, found)

    def _of_json(self, number: int, found: Any) -> Find | Fault:
        if isinstance(found, str):
            found = {"url": found}
        if not isinstance(found, dict):
            return Fault(number, "no JSON object", _shown(str(found)[:SHOWN_CHARS]))
        columns = _fields(self._names, tuple(found)[:_FIELDS])
        if "url" not in columns:
            return Fault(number, f"no field {self._names.url or 'url'}")
        return _of_row(number, found, columns)


_FIELDS = 1000
"""Of one object: what has more names is nobody's list."""


@cache
def _fields_of(names: ColumnNames, fields: tuple[str, ...]) -> Columns:
    return names.of((field, field) for field in fields)


def _fields(names: ColumnNames, fields: tuple[str, ...]) -> Columns:
    """The rows of one list mostly have the same fields; a hostile list fills no memory."""
    if _fields_of.cache_info().currsize > _FIELDS:
        _fields_of.cache_clear()
    return _fields_of(names, fields)


def _of_row(number: int, row: Mapping[Any, Any], columns: Columns) -> Find | Fault:
    find = find_of(columns, row)
    if find is None:
        value = row.get(columns["url"])
        return Fault(number, NO_ADDRESS, _shown("" if value is None else str(value)))
    return find


def _shown(value: str) -> str:
    """The beginning of a value, as it may be shown."""
    start = value[:SHOWN_CHARS]
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in start)
