"""Rows of lists: columns are known by many names, and every value is hostile until shown plain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pixcrawler.adapters.engines import fields
from pixcrawler.domain.job import UPLOAD_ENGINE
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Find

# By what is meant, the surest name first. Compared in lower case, without spaces, - and _.
_NAMES = {
    "url": ("imageurl", "imgurl", "contenturl", "originalurl", "fileurl", "url", "image", "img",
            "src", "link", "href", "address", "uri"),
    "title": ("title", "caption", "text", "alt", "name", "description"),
    "label": ("label", "category", "class", "keyword", "tag", "species"),
    "creator": ("creator", "author", "photographer", "artist", "owner"),
    "creator_url": ("creatorurl", "authorurl", "photographerurl"),
    "license": ("license", "licence", "licensecode", "rights"),
    "license_url": ("licenseurl", "licenceurl"),
    "attribution": ("attribution", "credit"),
    "page_url": ("pageurl", "sourceurl", "landingurl", "foreignlandingurl", "page", "source"),
    "width": ("width", "imagewidth", "originalwidth", "w"),
    "height": ("height", "imageheight", "originalheight", "h"),
}  # fmt: skip
_NAME_MAX_CHARS = 40

Columns = dict[str, Any]
"""What is meant, and under which name or number the list has it."""


def columns_of(names: Iterable[tuple[Any, object]]) -> Columns:
    """Return the known columns out of (name or number in the list, heading)."""
    plain: dict[str, Any] = {}
    for place, heading in names:
        plain.setdefault(_plain(heading), place)
    found = {
        meant: next((plain[name] for name in known if name in plain), None)
        for meant, known in _NAMES.items()
    }
    return {meant: place for meant, place in found.items() if place is not None}


def find_of(columns: Columns, row: Mapping[Any, Any]) -> Find | None:
    """Return the find in a row, or None when it has no web address."""

    def value(meant: str) -> Any:
        return row.get(columns[meant]) if meant in columns else None

    url = fields.address(value("url"))
    if url is None:
        return None
    return Find(
        url,
        Provenance(
            engine=UPLOAD_ENGINE,
            title=fields.text(value("title")) or fields.text(value("label")),
            creator=fields.text(value("creator")),
            creator_url=fields.address(value("creator_url")),
            license=fields.license_code(value("license")),
            license_url=fields.address(value("license_url")),
            attribution=fields.text(value("attribution")),
            page_url=fields.address(value("page_url")),
        ),
        width=fields.pixels(_whole(value("width"))),
        height=fields.pixels(_whole(value("height"))),
    )


def _plain(heading: object) -> str:
    text = heading[:_NAME_MAX_CHARS] if isinstance(heading, str) else ""
    return "".join(char for char in text.casefold() if char.isalnum())


def _whole(value: Any) -> Any:
    """Columns with gaps hold their numbers as fractions: 640.0."""
    if isinstance(value, str):
        value = value.strip().removesuffix(".0")
    return int(value) if isinstance(value, float) and value.is_integer() else value
