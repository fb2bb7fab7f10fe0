"""Label files as text: TXT, JSON, CSV and YAML, all saying the same."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import yaml

from pixcrawler.domain.dataset import ManifestImage
from pixcrawler.domain.keyword import folder_name

LABEL_FILES = tuple(f"labels/labels.{kind}" for kind in ("csv", "json", "txt", "yaml"))

_COLUMNS = (
    "path",
    "category",
    "label",
    "keyword",
    "width",
    "height",
    "bytes",
    "sha256",
    "source_url",
    "license",
    "creator",
)
# What makes a spreadsheet take a cell for a formula; the wide forms are folded by some.
# Source: OWASP, CSV injection.
_FORMULA_STARTS = tuple("=+-@\t\r＝＋－＠")  # noqa: RUF001 - the wide forms are meant

# The same safe subset of YAML; the C form is ten times faster.
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def class_names(images: Sequence[ManifestImage]) -> list[str]:
    """Return the categories in the order of their label numbers: by folder name.

    That is the order in which folder-based loaders number the classes of ``images/``.
    """
    return sorted({image.category for image in images}, key=folder_name)


def label_files(images: Sequence[ManifestImage]) -> dict[str, bytes]:
    """Return the label files by name, one entry an image, in the order given.

    ``label`` is the number of the category. In the CSV a text that a spreadsheet would run as
    a formula begins with an apostrophe; the other files have every text as it is.
    """
    numbers = {name: number for number, name in enumerate(class_names(images))}
    entries = [
        {
            "path": image.path,
            "category": image.category,
            "label": numbers[image.category],
            "keyword": image.keyword,
        }
        for image in images
    ]
    whole = {"classes": list(numbers), "images": entries}
    texts = (
        _csv(images, numbers),
        json.dumps(whole, ensure_ascii=False, indent=1) + "\n",
        "".join(f"{one['path']}\t{one['category']}\t{one['keyword']}\n" for one in entries),
        yaml.dump(whole, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=4096),
    )
    return {name: text.encode() for name, text in zip(LABEL_FILES, texts, strict=True)}


def one_line(text: str) -> str:
    """Return ``text`` without control characters, so that it stays in its line and column."""
    return "".join(char if char.isprintable() else " " for char in text)


def cell(text: str) -> str:
    """Return ``text`` as a cell of a CSV that no spreadsheet takes for a formula."""
    shown = one_line(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA_STARTS) else shown


def _csv(images: Sequence[ManifestImage], numbers: dict[str, int]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for image in images:
        facts = image.facts
        writer.writerow(
            (
                image.path,
                cell(image.category),
                numbers[image.category],
                cell(image.keyword),
                facts.width,
                facts.height,
                facts.bytes,
                facts.sha256,
                cell(image.source_url),
                cell(image.provenance.license or ""),
                cell(image.provenance.creator or ""),
            )
        )
    return buffer.getvalue()
