"""Tokens: a Supabase access token becomes a principal, or is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import UUID

import jwt

from pixcrawler.adapters.supabase.keys import (
    KEY_TYPES,
    KID_MAX_CHARS,
    SigningKeys,
    jwks_over_http,
)
from pixcrawler.domain.account import Principal
from pixcrawler.domain.errors import Unauthenticated

TOKEN_MAX_CHARS = 8192
LEEWAY_S = 10
"""Clocks differ."""
AUDIENCE = "authenticated"
ROLE = "authenticated"
"""A service_role or anon token is not a user."""
LEVELS = ("aal1", "aal2", "aal3")
_REQUIRED = ["exp", "iat", "sub", "aud", "iss", "role", "session_id"]


class TokenVerifier:
    """Verifies access tokens of one Supabase project, without asking it for each.

    What a token cannot tell, sign-out, ban and deletion since it was issued, is for the database
    (``PostgresCatalogue.require_live_session``).

    Args:
        supabase_url: base address of the project; tokens are issued below it.
        publishable_key: sent when the keys are fetched.
        now: seconds of a clock that never goes back, for the age of the keys.
    """

    def __init__(
        self,
        supabase_url: str,
        publishable_key: str,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = supabase_url.rstrip("/") + "/auth/v1"
        document = jwks_over_http(self._issuer + "/.well-known/jwks.json", publishable_key)
        self._keys = SigningKeys(document, now)

    def verify(self, token: str) -> Principal:
        """Return who presents ``token``.

        Raises:
            Unauthenticated: it is not a valid, unexpired token of a signed-in user; the detail
                ``reason`` says why, for programs.
            KeysUnavailable: nobody can tell, because the keys cannot be fetched.
        """
        algorithm, kid = _header(token)
        key = self._keys.get(kid)
        if key.algorithm != algorithm:
            _refuse("algorithm_mismatch")
        return _principal(self._claims(token, key.key, algorithm))

    def check(self) -> None:
        """Make sure that tokens can be verified.

        Raises:
            KeysUnavailable: they cannot.
        """
        self._keys.check()

    def _claims(self, token: str, key: Any, algorithm: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=AUDIENCE,
                issuer=self._issuer,
                leeway=LEEWAY_S,
                options={"require": _REQUIRED},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated(
                "The access token has expired: sign in again.", reason="expired"
            ) from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            _refuse(_snake(type(error).__name__))
        return claims


def _header(token: str) -> tuple[str, str]:
    """Return algorithm and key name, unverified but plausible."""
    if len(token) > TOKEN_MAX_CHARS:
        _refuse("too_long")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        _refuse("malformed")
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in KEY_TYPES:
        _refuse("algorithm_not_allowed")
    if not isinstance(kid, str) or not 0 < len(kid) <= KID_MAX_CHARS or "crit" in header:
        _refuse("bad_header")
    return algorithm, kid


def _principal(claims: dict[str, Any]) -> Principal:
    if claims["role"] != ROLE:
        _refuse("bad_role")
    if claims.get("is_anonymous"):
        _refuse("anonymous")
    try:
        user_id, session_id = UUID(claims["sub"]), UUID(claims["session_id"])
        expires_at = datetime.fromtimestamp(int(claims["exp"]), UTC)
    except (ValueError, TypeError, AttributeError, OverflowError, OSError):
        _refuse("bad_subject")
    email, level = claims.get("email"), claims.get("aal")
    return Principal(
        user_id=str(user_id),
        session_id=str(session_id),
        email=email if isinstance(email, str) else "",
        aal=level if level in LEVELS else LEVELS[0],
        expires_at=expires_at,
    )


def _refuse(reason: str) -> NoReturn:
    raise Unauthenticated("The access token is not valid.", reason=reason) from None


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name).strip("_")
