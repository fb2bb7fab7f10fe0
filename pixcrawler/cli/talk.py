"""How the command line speaks: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_PLAIN_WIDTH = 110
"""Columns of tables where there is no terminal to ask."""


class Talk:
    """The two streams of one command, plain or for a terminal, for people or programs."""

    def __init__(self, *, as_json: bool = False) -> None:
        """Take whether stdout belongs to a program."""
        self.as_json = as_json
        self.out = _console(sys.stdout)
        self.notes = _console(sys.stderr)

    def note(self, text: str) -> None:
        """Say something on the way, on stderr."""
        self.notes.print(Text(shown(text)), soft_wrap=True)

    def ask(self, text: str) -> None:
        """Put a question, on stderr, and stay on its line."""
        self.notes.print(Text(shown(text)), soft_wrap=True, end="")

    def error(self, text: str) -> None:
        """Say why it ends here, on stderr."""
        self.notes.print(Text.assemble(("error: ", "bold red"), shown(text)), soft_wrap=True)

    def line(self, text: str = "") -> None:
        """Print a line of the result, unless the result is JSON."""
        if not self.as_json:
            self.out.print(Text(shown(text)), soft_wrap=True)

    def table(self, table: Table) -> None:
        """Print a table of the result, unless the result is JSON."""
        if self.as_json:
            return
        with self.out.capture() as drawn:
            self.out.print(table)
        for line in drawn.get().splitlines():  # rich fills lines up with spaces
            self.out.print(Text.from_ansi(line.rstrip()), soft_wrap=True)

    def json(self, value: Any) -> None:
        """Print the result as JSON, when that is wanted."""
        if self.as_json:
            sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
            sys.stdout.flush()


def _console(stream: Any) -> Console:
    width = None if stream.isatty() else _PLAIN_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def shown(text: str) -> str:
    """Return ``text`` without what would steer a terminal: some of it comes from strange sites."""
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", text)


def row(table: Table, *cells: str) -> None:
    """Add a row of texts as they are."""
    table.add_row(*(Text(shown(cell)) for cell in cells))


def plain_table(*headings: str) -> Table:
    """Return a table without lines, the last column wrapping."""
    table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    for index, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", no_wrap=index < len(headings) - 1)
    return table


def size(count: float) -> str:
    """Return a number of bytes as people read it."""
    units = ("bytes", "kB", "MB", "GB")
    for unit in units[:-1]:
        if count < 1000:  # noqa: PLR2004 - decimal units
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} {units[-1]}"


def plural(count: int, noun: str) -> str:
    """Return ``1 image`` or ``2 images``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
