"""Baidu's two habits: JSON with faults, and addresses in disguise.

Source: icrawler's decoding table (as facts), checked on a real answer, and the faults of the JSON
that clients report: escapes that JSON does not know, and line ends inside strings.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pixcrawler.adapters.engines.fields import address
from pixcrawler.adapters.engines.shape import json_object

_MAX_CHARS = 8192
_DISGUISED = "_z2C$q"
_MARKS = (("_z2C$q", ":"), ("_z&e3B", "."), ("AzdH3F", "/"))
_LETTERS = str.maketrans(
    "wkv1ju2it3hs4g5rq6fp7eo8dn9cm0bla",
    "abcdefghijklmnopqrstuvw1234567890",
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_KNOWN_ESCAPES = '"\\/bfnrt'


def loaded(body: bytes) -> dict[str, Any]:
    """Return the JSON object of an answer, mended where it is broken in the known ways.

    Raises:
        ValueError: it is something else.
    """
    try:
        return json_object(body)
    except ValueError:
        mended = _ESCAPE.sub(_mended, _decoded(body))
    try:
        found = json.loads(mended, strict=False)
    except (ValueError, RecursionError):
        found = None
    # In its own words when there was nothing to mend.
    return found if isinstance(found, dict) else json_object(body)


def undisguised(value: Any) -> str | None:
    """Return the web address that a disguised one stands for; else None."""
    if not isinstance(value, str) or len(value) > _MAX_CHARS:
        return None
    if _DISGUISED not in value:
        return address(value)
    for mark, plain in _MARKS:
        value = value.replace(mark, "\0" + plain)
    # Marks are not letters: what they stand for is kept from the table.
    pieces = value.split("\0")
    plainly = [piece[:1] + piece[1:].translate(_LETTERS) for piece in pieces[1:]]
    return address(pieces[0].translate(_LETTERS) + "".join(plainly))


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Older answers, whatever was asked for.
        return body.decode("gb18030", errors="replace")


def _mended(escape: re.Match[str]) -> str:
    said = escape[1]
    is_known = len(said) > 1 or said in _KNOWN_ESCAPES
    return escape[0] if is_known else said
