"""Accounts: who is asking."""

from __future__ import annotations

from pydantic import AwareDatetime

from pixcrawler.domain.model import Value


class Principal(Value):
    """The authenticated caller of a request."""

    user_id: str
    session_id: str
    email: str = ""
    aal: str = "aal1"
    """Authenticator assurance level: aal2 after a second factor."""
    expires_at: AwareDatetime
