"""Image addresses: which are refused unseen, and when two name the same picture."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import SplitResult, unquote_plus, urlsplit

MAX_CHARS = 4096
"""Longest address that is looked at; browsers and servers give up far earlier."""
KEY_CHARS = 32

_PORTS = {"http": 80, "https": 443}
# Refused unseen: parsers disagree about them, and that is how guards are fooled.
_FORBIDDEN = frozenset('\\"<>')
_HOST = re.compile("[a-z0-9._-]+")
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})?")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

# Parameters that tell where a visitor came from, not which picture is meant.
_TRACKING = re.compile(
    "(?:utm_|mtm_|ga_).*|gclid|fbclid|msclkid|dclid|yclid|twclid|srsltid|igshid|_ga|_gl|spm",
    re.IGNORECASE,
)
# Parameters of signed addresses: any change of path or query breaks the signature.
_SIGNATURE = re.compile(
    "sig|signature|token|expires|policy|key-pair-id|x-amz-.*|x-goog-.*|s[epv]", re.IGNORECASE
)


def canonical(address: str) -> str | None:
    """Return the form that equal addresses share, or None for what is never fetched.

    Lower-case scheme and host, no default port, no fragment, escapes in one form, query sorted
    and without tracking parameters; path and query of signed addresses as they are. It is for
    comparing only: the address as given is the one to fetch. Idempotent.

    Refused: anything but absolute http and https addresses, longer than 4,096 characters, with
    white space, control characters, quotes, backslashes, or a user name.
    """
    if len(address) > MAX_CHARS or any(_is_forbidden(char) for char in address):
        return None
    try:
        parts = urlsplit(address)
        authority = _authority(parts)
        if authority is None:
            return None
        resource = _resource(parts)
    except ValueError:
        return None
    return f"{parts.scheme}://{authority}{resource}"


def address_key(address: str) -> str | None:
    """Return 32 hex digits that are equal for equal addresses; None for a refused one."""
    form = canonical(address)
    if form is None:
        return None
    return hashlib.sha256(form.encode()).hexdigest()[:KEY_CHARS]


def _is_forbidden(char: str) -> bool:
    """White space, control characters, half surrogates, and what parsers disagree about."""
    return (
        char <= " "
        or "\x7f" <= char <= "\xa0"
        or "\ud800" <= char <= "\udfff"
        or char in _FORBIDDEN
        or char.isspace()
    )


def _authority(parts: SplitResult) -> str | None:
    """Host and port in one form.

    Raises:
        ValueError: there is no such host or port.
    """
    if parts.scheme not in _PORTS or "@" in parts.netloc or not parts.hostname:
        return None
    host = parts.hostname
    if ":" in host:
        host = f"[{host}]"
        if not host.isascii() or "%" in host:
            return None
    else:
        host = host.encode("idna").decode().lower().removesuffix(".")
        if not _HOST.fullmatch(host):
            return None
    port = parts.port
    return host if port in (None, _PORTS[parts.scheme]) else f"{host}:{port}"


def _resource(parts: SplitResult) -> str:
    """Path and query in one form."""
    fields = [field for field in parts.query.split("&") if field]
    names = [unquote_plus(field.partition("=")[0]) for field in fields]
    if any(_SIGNATURE.fullmatch(name) for name in names):
        return f"{parts.path or '/'}?{parts.query}"
    kept = sorted(
        _one_escape(field)
        for field, name in zip(fields, names, strict=True)
        if not _TRACKING.fullmatch(name)
    )
    path = _one_escape(parts.path) or "/"
    return f"{path}?{'&'.join(kept)}" if kept else path


def _one_escape(text: str) -> str:
    """Escape what must be, unescape what need not be, upper-case hex digits."""
    plain = "".join(
        char if char.isascii() else "".join(f"%{byte:02X}" for byte in char.encode())
        for char in text
    )
    return _ESCAPE.sub(_escape, plain)


def _escape(found: re.Match[str]) -> str:
    digits = found[1]
    if digits is None:
        return "%25"
    char = chr(int(digits, 16))
    return char if char in _UNRESERVED else f"%{digits.upper()}"
