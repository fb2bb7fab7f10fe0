"""Identifiers: text from outside becomes a UUID, or names nothing."""

from __future__ import annotations

import re
from uuid import UUID

from pixcrawler.domain.errors import NotFound

_CANONICAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def uuid_of(text: str, kind: str) -> UUID:
    """Return the UUID that ``text`` spells in its canonical form, lower case.

    Raises:
        NotFound: it spells none, so there can be no such ``kind`` of thing.
    """
    if not _CANONICAL.fullmatch(text):
        raise NotFound(f"There is no such {kind}.")
    return UUID(text)
