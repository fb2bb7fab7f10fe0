"""Receipts as the command line checks them: canonical lines, their Merkle root, what each says.

Written from the format's description alone, so that it does not share the app's errors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

RECEIPTS = "receipts.jsonl"
ALGORITHM = "rfc9162-sha256"
SCHEMA = 1
SHOWN = 20
"""Findings that are kept; the others are counted."""
_TEXT_MAX_CHARS = 200
_MAX_INTEGER = 2**53 - 1
_SINGLE = (str, int, float, type(None))
"""Of what JSON gives: what has nothing inside, and so no depth."""


@dataclass(frozen=True)
class Finding:
    """Something that is not as the receipts, or their format, want it."""

    code: str
    where: str
    message: str

    def as_json(self) -> dict[str, str]:
        """Return it in JSON's types."""
        return {"code": self.code, "where": self.where, "message": self.message}


@dataclass
class Findings:
    """The first findings, and how many there are."""

    first: list[Finding] = field(default_factory=list)
    total: int = 0

    def add(self, code: str, where: str, message: str) -> None:
        """Take a finding; ``where`` may come from anywhere."""
        self.total += 1
        if len(self.first) < SHOWN:
            self.first.append(Finding(code, plain(where), message))


def plain(value: Any) -> str:
    """Return a value as a short text that steers no terminal and fits every encoding."""
    text = str(value) if isinstance(value, _SINGLE) else f"a {type(value).__name__}"
    short = text if len(text) <= _TEXT_MAX_CHARS else f"{text[:_TEXT_MAX_CHARS]}…"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in short)


def canonical(value: Any) -> bytes:
    """Return the one right form of a value that ``parsed`` gave."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.encode()


def parsed(line: bytes) -> Any:
    """Return what a line says.

    Raises:
        ValueError: it is no JSON, or has what receipts do not have, such as fractions.
        RecursionError: it is nested beyond measure.
    """
    return json.loads(
        line.decode(), parse_float=_refuse, parse_constant=_refuse, parse_int=_whole_number
    )


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is no whole number")


def _whole_number(text: str) -> int:
    number = int(text)
    if abs(number) > _MAX_INTEGER:
        raise ValueError(f"{text[:20]} is beyond what every reader has exactly")
    return number


def merkle_root(leaves: Iterable[bytes]) -> str:
    """Return the root over leaf hashes: neighbours are joined, level by level.

    The last of an odd number goes up as it is, which is the tree of RFC 9162, section 2.1.
    """
    level = list(leaves)
    if not level:
        return hashlib.sha256().hexdigest()
    while len(level) > 1:
        pairs = [
            hashlib.sha256(b"\x01" + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        level = pairs + ([level[-1]] if len(level) % 2 else [])
    return level[0].hex()


def leaf_hash(line: bytes) -> bytes:
    """Return the leaf of a line without its end."""
    return hashlib.sha256(b"\x00" + line).digest()


def value_at(value: Any, *keys: str) -> Any:
    """Return what is at a place of nested objects, None where there is nothing."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


_TOLD_TWICE = {
    ("id",): ("id",),
    ("sha256",): ("facts", "sha256"),
    ("bytes",): ("facts", "bytes"),
    ("category",): ("category",),
    ("keyword",): ("keyword",),
    ("engine",): ("provenance", "engine"),
    ("engine_id",): ("provenance", "provider_id"),
    ("page_url",): ("provenance", "page_url"),
    ("title",): ("provenance", "title"),
    ("fetched_url",): ("source_url",),
    ("final_url",): ("final_url",),
    ("license", "code"): ("provenance", "license"),
    ("license", "url"): ("provenance", "license_url"),
    ("license", "creator"): ("provenance", "creator"),
    ("license", "creator_url"): ("provenance", "creator_url"),
    ("license", "attribution"): ("provenance", "attribution"),
}
"""Where a receipt and the manifest say the same."""


Told = dict[tuple[str, ...], Any]
"""What one receipt says there, by the place in it."""


def told_in(receipt: Any) -> Told:
    """Return what is compared of a receipt; the rest of it need not be held."""
    return {place: value_at(receipt, *place) for place in _TOLD_TWICE}


def differing(told: Told, image: Any) -> list[str]:
    """Return the places of a receipt of which the manifest's entry says something else."""
    return [
        ".".join(place)
        for place, there in _TOLD_TWICE.items()
        if told[place] != value_at(image, *there)
    ]


def faults_of(receipt: Any) -> list[str]:
    """Return what is wrong with a receipt by itself."""
    if not isinstance(receipt, Mapping):
        return ["is no object"]
    path, sha256 = receipt.get("path"), receipt.get("sha256")
    if not (isinstance(path, str) and path.startswith("images/")):
        return [f"its path is not below images/: {plain(path)}"]
    faults = {
        f"is of schema_version {plain(receipt.get('schema_version'))}, and only {SCHEMA} is known "
        "here": receipt.get("schema_version") != SCHEMA,
        "has no SHA-256": not (isinstance(sha256, str) and _is_digest(sha256)),
        "has no number of bytes": type(receipt.get("bytes")) is not int,
        "has an id that is not the beginning of its SHA-256": receipt.get("id") != str(sha256)[:16],
    }
    faults |= {
        f"has no single value at {'.'.join(place)}": not isinstance(value, _SINGLE)
        for place, value in told_in(receipt).items()
    }
    return [fault for fault, is_so in faults.items() if is_so]


def _is_digest(text: str) -> bool:
    return len(text) == hashlib.sha256().digest_size * 2 and set(text) <= set("0123456789abcdef")
