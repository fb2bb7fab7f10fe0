"""Signing keys: the project's public keys, fetched rarely and kept through outages."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import requests

from pixcrawler.domain.errors import KeysUnavailable, Unauthenticated

log = logging.getLogger("pixcrawler.tokens")

KEY_TYPES = {"ES256": "EC", "RS256": "RSA"}
"""Algorithms accepted, and the key type of each. Never HS256, never none."""
KID_MAX_CHARS = 128
FRESH_S = 600.0
"""A revoked key is distrusted after at most this long (Supabase's own caches add 10 minutes)."""
MIN_REFETCH_S = 30.0
"""An unknown key causes a fetch at most this often, however many tokens are forged."""
FIRST_RETRY_S = 1.0
"""The same while there are no keys at all."""
MAX_STALE_S = 3600.0
"""While the endpoint is down, known keys serve this long."""
CONNECT_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 3.0
MAX_DOCUMENT_BYTES = 256 * 1024
MAX_KEYS = 50
_NEVER = float("-inf")


@dataclass(frozen=True)
class SigningKey:
    """A public key and the one algorithm that it may be used with."""

    algorithm: str
    key: Any


@dataclass(frozen=True)
class _KeySet:
    keys: Mapping[str, SigningKey]
    fetched_at: float


class SigningKeys:
    """The keys of one JWKS document; safe to use from several threads.

    One thread fetches at a time, without holding the lock: whoever has a known key is served
    meanwhile, also from a stale set; only those without one wait.

    Args:
        fetch: returns the parsed JWKS document; raises OSError or ValueError.
        now: seconds of a clock that never goes back.
    """

    def __init__(self, fetch: Callable[[], Any], now: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._now = now
        self._changed = threading.Condition()
        self._set = _KeySet({}, _NEVER)
        self._tried_at = _NEVER
        self._fetching = False

    def get(self, kid: str) -> SigningKey:
        """Return the key named ``kid``.

        Raises:
            Unauthenticated: the project has no such key.
            KeysUnavailable: the keys could not be fetched for too long.
        """
        with self._changed:
            known = self._set.keys.get(kid)
            if known and self._age_s() < FRESH_S:
                return known
            if self._fetching:
                if known and self._age_s() < MAX_STALE_S:
                    return known
                self._changed.wait_for(
                    lambda: not self._fetching, CONNECT_TIMEOUT_S + READ_TIMEOUT_S
                )
                return self._answer(kid)
            if not self._is_due():
                return self._answer(kid)
            self._fetching, self._tried_at = True, self._now()
        self._refresh()
        with self._changed:
            return self._answer(kid)

    def check(self) -> None:
        """Make sure that there are usable keys.

        Raises:
            KeysUnavailable: there are none.
        """
        with self._changed:
            if self._set.keys and self._age_s() < FRESH_S:
                return
        try:
            self.get("")
        except Unauthenticated:
            return

    def _age_s(self) -> float:
        return self._now() - self._set.fetched_at

    def _is_due(self) -> bool:
        wait_s = MIN_REFETCH_S if self._set.keys else FIRST_RETRY_S
        return self._now() - self._tried_at >= wait_s

    def _answer(self, kid: str) -> SigningKey:
        if not self._set.keys or self._age_s() >= MAX_STALE_S:
            raise KeysUnavailable
        if kid not in self._set.keys:
            raise Unauthenticated("The access token's key is unknown.", reason="unknown_key")
        return self._set.keys[kid]

    def _refresh(self) -> None:
        keys: Mapping[str, SigningKey] | None = None
        try:
            keys = usable_keys(self._fetch())
        except (OSError, ValueError) as error:
            log.warning("keys.unavailable reason=%s", type(error).__name__)
        finally:
            with self._changed:
                if keys is not None:
                    self._set = _KeySet(keys, self._now())
                self._fetching = False
                self._changed.notify_all()


def usable_keys(document: Any) -> dict[str, SigningKey]:
    """Return the keys of a JWKS document that may verify access tokens; others are left out.

    Raises:
        ValueError: it is not a JWKS document.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError("not a JWKS document")  # noqa: TRY004 - for the caller, bad input is one thing
    found = {}
    for described in listed[:MAX_KEYS]:
        key = _usable(described)
        if key is not None:
            found[described["kid"]] = key
    return found


def _usable(described: Any) -> SigningKey | None:
    if not isinstance(described, dict) or not _is_for_tokens(described):
        return None
    try:
        return SigningKey(described["alg"], jwt.PyJWK(described, described["alg"]).key)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None


def _is_for_tokens(described: dict[str, Any]) -> bool:
    kid, algorithm = described.get("kid"), described.get("alg")
    return (
        isinstance(kid, str)
        and 0 < len(kid) <= KID_MAX_CHARS
        and isinstance(algorithm, str)
        and KEY_TYPES.get(algorithm, "") == described.get("kty")
        and described.get("use", "sig") == "sig"
        and "d" not in described  # a private key has no business there
    )


def jwks_over_http(url: str, publishable_key: str) -> Callable[[], Any]:
    """Return a function that fetches the JWKS document at ``url``, bounded in time and size."""

    def fetch() -> Any:
        with requests.get(
            url,
            headers={"apikey": publishable_key, "Accept": "application/json"},
            timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
            allow_redirects=False,
            stream=True,
        ) as response:
            if response.status_code != requests.codes.ok:
                raise ValueError(f"status {response.status_code}")
            body = b""
            for piece in response.iter_content(16 * 1024):
                body += piece
                if len(body) > MAX_DOCUMENT_BYTES:
                    raise ValueError("document too large")
        return _parsed(body)

    return fetch


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("document too deep") from None
