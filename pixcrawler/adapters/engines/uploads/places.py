"""Places of pictures within uploads: addresses that only we write and only we read."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote

SCHEME = "upload:"
_FORM = re.compile(r"(upload://([0-9a-f]{32})/([0-9]{1,6}))(?:/[!-~]*)?")
_NAME_MAX_CHARS = 200
_KEY_DIGITS = 32


def place_url(upload_id: str, member: int, name: str) -> str:
    """Return the address of a member of an archive; the name is for people, nothing reads it.

    It does not say whose the upload is: whoever reads it, reads among the own uploads only.
    """
    shown = quote(name[-_NAME_MAX_CHARS:].lstrip("/"), errors="replace")
    return f"{SCHEME}//{upload_id}/{member}/{shown}"


def place_of(url: str) -> tuple[str, int] | None:
    """Return upload and member that an address of ours names; None for any other."""
    match = _FORM.fullmatch(url)
    return (match[2], int(match[3])) if match else None


def place_key(url: str) -> str:
    """Return the key of the picture at an address of ours: 32 hex digits."""
    match = _FORM.fullmatch(url)
    return hashlib.sha256((match[1] if match else url).encode()).hexdigest()[:_KEY_DIGITS]
