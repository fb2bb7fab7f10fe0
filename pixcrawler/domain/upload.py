"""Uploads: the user's own lists and archives; their ids tell when each was begun."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pixcrawler.domain.errors import InvariantBroken

_ID = re.compile("[0-9a-f]{32}")
_TIME_DIGITS = 12
"""Milliseconds since 1970 as hex digits, as in RFC 9562, version 7: good until the year 10889."""
_CHANCE_BYTES = 10


def upload_id(begun_at: datetime, chance: bytes) -> str:
    """Return an id of 32 hex digits out of a time and ten random bytes.

    Ids need not be secret: whose an upload is, is said by its place (storage.py). The time in
    them lets old uploads be swept without a table.
    """
    if len(chance) != _CHANCE_BYTES:
        raise InvariantBroken(f"An upload's id takes {_CHANCE_BYTES} random bytes")
    return f"{int(begun_at.timestamp() * 1000):0{_TIME_DIGITS}x}{chance.hex()}"


def begun_at(upload: str) -> datetime | None:
    """Return when the upload of this id was begun, UTC; None for what is no id of ours."""
    if not _ID.fullmatch(upload):
        return None
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
            milliseconds=int(upload[:_TIME_DIGITS], 16)
        )
    except OverflowError:
        return None
