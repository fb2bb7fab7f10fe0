"""Places of pictures within uploads: addresses that only we write and only we read."""

from __future__ import annotations

import hashlib
import re

SCHEME = "upload:"
_FORM = re.compile(r"upload://([0-9a-f]{32})/([0-9]{1,6})")
_KEY_DIGITS = 32


def place_url(upload_id: str, member: int) -> str:
    """Return the address of a member of an archive.

    It does not say whose the upload is: whoever reads it, reads among the own uploads only.
    """
    return f"{SCHEME}//{upload_id}/{member}"


def place_of(url: str) -> tuple[str, int] | None:
    """Return upload and member that an address of ours names; None for any other."""
    match = _FORM.fullmatch(url)
    return (match[1], int(match[2])) if match else None


def place_key(url: str) -> str:
    """Return the key of the picture at an address of ours: 32 hex digits."""
    return hashlib.sha256(url.encode()).hexdigest()[:_KEY_DIGITS]
