"""Passwords (scrypt) and one-time codes (TOTP)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import struct
import time

from pixcrawler.host.stack.auth.refusals import Refused, invalid

_SHORTEST_CHARS = 6
_LONGEST_BYTES = 72
_PREFIX = "$scrypt$"
_STEP_S = 30
_DIGITS = 6


def encode(data: bytes) -> str:
    """Return base64 for addresses, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def acceptable(password: object) -> str:
    """Return a new password that may be used.

    Raises:
        Refused: it is too short or too long.
    """
    if not isinstance(password, str):
        raise invalid("Password should be a string")
    if len(password) < _SHORTEST_CHARS:
        raise Refused(
            422,
            "weak_password",
            f"Password should be at least {_SHORTEST_CHARS} characters.",
            weak_password={"reasons": ["length"]},
        )
    if len(password.encode()) > _LONGEST_BYTES:
        raise invalid(f"Password cannot be longer than {_LONGEST_BYTES} characters", 422)
    return password


def hashed(password: str, salt: bytes | None = None) -> str:
    """Return what is stored of a password."""
    salt = os.urandom(16) if salt is None else salt
    key = hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)
    return f"{_PREFIX}{encode(salt)}${encode(key)}"


def matches(password: str, stored: str | None) -> bool:
    """Say whether ``password`` is the stored one; takes as long when nothing is stored."""
    parts = (stored or "").removeprefix(_PREFIX).split("$")
    try:
        salt = base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4))
    except binascii.Error:
        salt = b""
    return hmac.compare_digest(hashed(password, salt), stored or "")


def new_totp_secret() -> str:
    """Return a secret for an authenticator app, base32."""
    return base64.b32encode(os.urandom(20)).decode()


def totp(secret: str, at: float | None = None) -> str:
    """Return the six-digit code of a moment, by default now.

    Source: RFC 6238 with SHA-1 and 30 s.
    """
    counter = int((time.time() if at is None else at) // _STEP_S)
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", counter), "sha1").digest()
    offset = digest[-1] & 15
    (number,) = struct.unpack(">I", digest[offset : offset + 4])
    return f"{(number & 0x7FFFFFFF) % 10**_DIGITS:0{_DIGITS}d}"


def totp_matches(secret: str, code: object) -> bool:
    """Say whether a code is the current one, or that of the step before or after."""
    now = time.time()
    known = [totp(secret, now + turn * _STEP_S) for turn in (-1, 0, 1)]
    return isinstance(code, str) and code in known
