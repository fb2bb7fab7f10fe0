"""Cursors: where a page of a list ended, as opaque text."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any
from uuid import UUID

from pixcrawler.domain.catalogue import Page
from pixcrawler.domain.errors import InvalidRequest, Violation

_SHOWN_CHARS = 200


def page_values(page: Page) -> dict[str, Any]:
    """Values for a query that asks for one item more, which tells whether there are more.

    Raises:
        InvalidRequest: the cursor is not one of ours.
    """
    after_at, after_id = _decoded(page.cursor) if page.cursor is not None else (None, None)
    return {"limit": page.limit + 1, "after_at": after_at, "after_id": after_id}


def cursor_after(row: dict[str, Any]) -> str:
    """Return the cursor of the page that begins after ``row``."""
    text = f"{row['created_at'].isoformat()} {row['id']}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _decoded(cursor: str) -> tuple[datetime, UUID]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, _, id_ = base64.urlsafe_b64decode(padded.encode("ascii")).decode("ascii").partition(" ")
        moment, identifier = datetime.fromisoformat(at), UUID(id_)
    except (ValueError, binascii.Error):
        raise _refused(cursor) from None
    if moment.tzinfo is None:
        raise _refused(cursor)
    return moment, identifier


def _refused(cursor: str) -> InvalidRequest:
    violation = Violation(
        field="cursor",
        rule="cursor",
        value=cursor[:_SHOWN_CHARS],
        message="must be the next_cursor of an earlier answer",
    )
    return InvalidRequest(violations=(violation,))
