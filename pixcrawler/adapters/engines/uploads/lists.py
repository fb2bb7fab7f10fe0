"""Lists of addresses as text: one a line, a table with a heading, or JSON; nothing is fatal."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pixcrawler.adapters.engines.fields import address
from pixcrawler.adapters.engines.uploads.rows import Columns, columns_of, find_of
from pixcrawler.adapters.engines.uploads.tally import Tally, UnreadableUpload
from pixcrawler.pipeline.engines.ports import Find
from pixcrawler.pipeline.limits import LIST_MAX_ROWS

LIST_FORM = (
    "a list of addresses is text with one a line, a table (CSV, TSV) whose first line names a "
    "column url, JSON objects with a field url (JSONL or one array), or Parquet with a column url"
)
NO_ADDRESS = "without a web address"
LINE_MAX_CHARS = 100_000
LOOKED_AT_ROWS = 10 * LIST_MAX_ROWS
"""A few bytes may stand for any number of bad rows."""
TEXTS_MAX_CHARS = 16_000_000
"""Of all that is taken from one list: 320 for each row, and at most 64 MB of memory."""
JSON_MAX_CHARS = 16 * 1024 * 1024
"""Of one array, which is read at once; JSONL may be longer."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HEAD_BYTES = 4096
_TEXT_BYTES = bytes(range(32, 256)) + b"\t\r\n"
_CONTROLS_OF_TEXT = 10
"""At most one byte in so many is a control character; a stray one harms nobody."""
_DELIMITERS = ",;\t|"
_HEADING_LINES = 20
"""Looked at for the heading: comments and empty lines may stand before it."""


@dataclass(frozen=True)
class Listing:
    """The good rows of a list, in its order."""

    finds: tuple[Find, ...]
    told: str = ""
    """What was left out, for people."""


def listing_of(rows: Iterable[tuple[int, Find | None]], tally: Tally) -> Listing:
    """Gather the good ones of (number, find) and count the others.

    Raises:
        UnreadableUpload: there is no good one.
    """
    finds: list[Find] = []
    chars = 0
    for number, find in rows:
        chars += _chars(find)
        if len(finds) == LIST_MAX_ROWS or number > LOOKED_AT_ROWS or chars > TEXTS_MAX_CHARS:
            tally.add(f"after the first {len(finds):,} good ones", f"{number} and all that follow")
            break
        if find is None:
            tally.add(NO_ADDRESS, number)
        else:
            finds.append(find)
    if not finds:
        found = f"{tally.words()}; " if tally.total else ""
        raise UnreadableUpload(f"it has no address that can be used: {found}{LIST_FORM}")
    return Listing(tuple(finds), tally.words())


def _chars(find: Find | None) -> int:
    """How much text is kept of a row."""
    if find is None:
        return 0
    values = (find.url, *vars(find.provenance).values())
    return sum(len(value) for value in values if isinstance(value, str))


def read_list(data: bytes) -> Listing:
    """Return what a list of text holds, whatever its form and encoding.

    Raises:
        UnreadableUpload: it is no list; the message says what would be one.
    """
    text = _decoded(data)
    start = text[:1000].lstrip()
    tally = Tally("line")
    if start.startswith("["):
        return listing_of(_array(text), Tally("item"))
    if start.startswith("{"):
        return listing_of(_json_lines(text, tally), tally)
    return listing_of(_lines_or_table(text, tally), tally)


def encoding_of(head: bytes) -> str | None:
    """Return the encoding that the first bytes name; None: Unicode, or what Windows writes.

    Raises:
        UnreadableUpload: they are no text.
    """
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    head = head[:_HEAD_BYTES]
    if len(head.translate(None, _TEXT_BYTES)) > len(head) // _CONTROLS_OF_TEXT:
        raise UnreadableUpload(f"it is no text and no archive that we know: {LIST_FORM}")
    return None


def _decoded(data: bytes) -> str:
    """Unicode where it is, otherwise what spreadsheets on Windows write."""
    encoding = encoding_of(data[:_HEAD_BYTES])
    if encoding:
        return data.decode(encoding, errors="replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _array(text: str) -> Iterator[tuple[int, Find | None]]:
    if len(text) > JSON_MAX_CHARS:
        raise UnreadableUpload("it is one large JSON array: send it as JSONL, one object a line")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = f"it is not JSON, although it begins so ({error})"
        raise UnreadableUpload(f"{reason}: {LIST_FORM}") from None
    yield from enumerate(map(_of_json, found), 1)


def _json_lines(text: str, tally: Tally) -> Iterator[tuple[int, Find | None]]:
    for number, line in _lines(text, tally):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            tally.add("that are not JSON", number)
            continue
        yield number, _of_json(found)


def _of_json(found: Any) -> Find | None:
    if isinstance(found, str):
        found = {"url": found}
    if not isinstance(found, dict):
        return None
    return find_of(columns_of((name, name) for name in found), found)


def _lines_or_table(text: str, tally: Tally) -> Iterator[tuple[int, Find | None]]:
    heading = heading_of(text)
    if heading and len(heading.columns) + heading.width > 2:  # noqa: PLR2004 - more than one column
        yield from _table(text, heading, tally)
        return
    for number, line in _lines(text, tally):
        if heading is None or number > heading.line:
            yield number, find_of({"url": 0}, {0: unquoted(line)})


@dataclass(frozen=True)
class Heading:
    """The line of a table that names its columns."""

    line: int
    delimiter: str
    columns: Columns
    width: int


def heading_of(
    text: str, named: Callable[[Iterable[tuple[Any, object]]], Columns] = columns_of
) -> Heading | None:
    """Return the line that names the columns, when one of them is for addresses."""
    for number, line in _first_lines(text):
        options = [
            Heading(number, delimiter, columns, len(names))
            for delimiter in _DELIMITERS
            for names in [_cells(line, delimiter)]
            for columns in [named(enumerate(names))]
            if "url" in columns and not any(map(address, names))
        ]
        # Spreadsheets may begin with a line that names the delimiter: sep=;
        if options or not line.startswith("sep="):
            return max(options, key=lambda option: option.width, default=None)
    return None


def _first_lines(text: str) -> Iterator[tuple[int, str]]:
    lines = enumerate(io.StringIO(text[:LINE_MAX_CHARS], newline=None), 1)
    for number, line in lines:
        if number > _HEADING_LINES:
            return
        if line.strip() and not line.startswith("#"):
            yield number, line.strip("\r\n")


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _table(text: str, heading: Heading, tally: Tally) -> Iterator[tuple[int, Find | None]]:
    source = io.StringIO(text, newline="")
    for _ in range(heading.line):
        source.readline()
    rows = csv.reader(source, delimiter=heading.delimiter)
    while True:
        number = heading.line + rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            tally.add("that break the table", number)
            continue
        if any(cell.strip() for cell in row):
            yield number, find_of(heading.columns, dict(enumerate(row)))


def unquoted(line: str) -> str:
    """Return a line without the quotes that it stands in."""
    return line[1:-1] if line[:1] == line[-1:] == '"' else line


def _lines(text: str, tally: Tally) -> Iterator[tuple[int, str]]:
    """The lines that say something; # begins a comment."""
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if len(line) > LINE_MAX_CHARS:
            tally.add(f"longer than {LINE_MAX_CHARS:,} characters", number)
        elif line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip()
