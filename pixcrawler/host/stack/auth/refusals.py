"""Why a request is refused, in the words that the supabase client knows."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """A refusal with its HTTP status, its error code and further fields of the answer.

    Raised, it undoes what the request changed; returned as an answer, it keeps the changes.
    """

    def __init__(self, status: int, code: str, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields


class KeyRefused(Exception):
    """The API key is missing or unknown; on hosted Supabase the gateway says so."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def invalid(message: str, status: int = 400) -> Refused:
    """Return the refusal of a malformed request."""
    return Refused(status, "validation_failed", message)
