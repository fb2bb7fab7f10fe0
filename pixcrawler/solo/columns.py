"""Columns: which of a list's hold addresses and captions, as ordered or by their usual names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pixcrawler.adapters.engines.uploads.rows import Columns, columns_of


@dataclass(frozen=True)
class ColumnNames:
    """The names that were ordered; None: the usual ones (url, caption, text, title, …)."""

    url: str | None = None
    caption: str | None = None

    def of(self, names: Iterable[tuple[Any, object]]) -> Columns:
        """Return the known columns out of (name or number in the list, heading)."""
        listed = list(names)
        found = columns_of(listed)
        if self.url is not None:
            _put(found, "url", _place(self.url, listed))
        if self.caption is not None:
            found.pop("label", None)  # what stands in for a caption where there is none
            _put(found, "title", _place(self.caption, listed))
        return found

    def lack(self, columns: Columns) -> str:
        """Say which ordered column a table does not have; nothing when it has all."""
        if "url" not in columns:
            return f"no column {self.url!r}" if self.url else "no column of addresses (url)"
        if self.caption is not None and "title" not in columns:
            return f"no column {self.caption!r}"
        return ""


def _put(found: Columns, meant: str, place: Any) -> None:
    found.pop(meant, None)
    if place is not None:
        found[meant] = place


def _place(wanted: str, listed: list[tuple[Any, object]]) -> Any:
    """Where the heading stands: as it is written, otherwise whatever its case."""
    for plain in (str.strip, lambda text: text.strip().casefold()):
        for place, heading in listed:
            if isinstance(heading, str) and plain(heading) == plain(wanted):
                return place
    return None
