"""The form that equal addresses share, and which addresses are refused unseen."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_plus, urlsplit

MAX_CHARS = 4096
"""Longest address that is looked at; browsers and servers give up far earlier."""
MAX_AUTHORITY_CHARS = 320
"""Host and port: no name in the DNS is longer than 253."""

_PORTS = {"http": 80, "https": 443}
_LAST_PORT = 65535
_SPLIT = re.compile(r"([hH][tT][tT][pP][sS]?)://([^/?#]+)([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.DOTALL)
# Refused unseen: white space, control characters, half surrogates, and what parsers disagree
# about, which is how guards are fooled.
_FORBIDDEN = re.compile(r'[\x00-\x20\x7f-\xa0\ud800-\udfff\\"<>\s]')
_PLAIN = re.compile(r"((?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63})\.?(?::([0-9]*))?")
_HOST = re.compile("[a-z0-9._-]+")
_ABROAD = re.compile("[^\x00-\x7f]+")
_ESCAPE = re.compile("%(?:[0-9A-Fa-f]{2})?")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_HEX = "0123456789abcdefABCDEF"
_ONE_ESCAPE = {"%": "%25"} | {
    f"%{a}{b}": char if (char := chr(int(a + b, 16))) in _UNRESERVED else f"%{a}{b}".upper()
    for a in _HEX
    for b in _HEX
}

# Parameters that tell where a visitor came from, not which picture is meant.
_TRACKING = frozenset(
    [
        "gclid",
        "gclsrc",
        "dclid",
        "wbraid",
        "gbraid",
        "fbclid",
        "msclkid",
        "yclid",
        "twclid",
        "ttclid",
        "srsltid",
        "igshid",
        "igsh",
        "mc_cid",
        "mc_eid",
        "mkt_tok",
        "_ga",
        "_gl",
        "_hsenc",
        "_hsmi",
        "spm",
    ]
)
_TRACKING_STARTS = ("utm_", "mtm_", "ga_", "hsa_")
# Parameters of signed addresses: any change of path or query breaks the signature.
_SIGNATURE = frozenset(
    ["sig", "signature", "token", "expires", "policy", "key-pair-id", "se", "sp", "sv"]
)
_SIGNATURE_STARTS = ("x-amz-", "x-goog-")


class Form(NamedTuple):
    """An address in parts; equal for equal addresses."""

    scheme: str
    authority: str
    """Host, and port where it is not the scheme's own."""
    host: str
    domain: str
    """The last two labels of the host."""
    path: str
    fields: tuple[str, ...]
    """Of the query, sorted; the whole query as it stands when it is signed."""
    is_signed: bool

    @property
    def text(self) -> str:
        """The form as an address."""
        return f"{self.origin}{self.resource}"

    @property
    def origin(self) -> str:
        """Scheme and host, with port."""
        return f"{self.scheme}://{self.authority}"

    @property
    def resource(self) -> str:
        """Path and query."""
        return f"{self.path}?{'&'.join(self.fields)}" if self.fields else self.path

    def without(self, names: tuple[str, ...]) -> Form:
        """The form without some fields of its query."""
        if not (names and self.fields):
            return self
        kept = tuple(field for field in self.fields if field.partition("=")[0] not in names)
        return self._replace(fields=kept)


def form_of(address: str) -> Form | None:
    """Return the parts that equal addresses share, or None for what is never fetched."""
    if len(address) > MAX_CHARS or _FORBIDDEN.search(address):
        return None
    parts = _SPLIT.fullmatch(address)
    if parts is None:
        return None
    scheme, netloc, path, query = parts.groups()
    scheme = scheme.lower()
    # Looked at here, so that nothing long is remembered.
    site = _site(scheme, netloc) if len(netloc) <= MAX_AUTHORITY_CHARS else None
    if site is None:
        return None
    fields = _kept(query) if query else ()
    if fields is None:
        return Form(scheme, *site, path or "/", (query,), is_signed=True)
    return Form(scheme, *site, one_escape(path) or "/", fields, is_signed=False)


def one_escape(text: str) -> str:
    """Escape what must be, unescape what need not be, upper-case hex digits."""
    if not text.isascii():
        text = _ABROAD.sub(_escaped, text)
    return _ESCAPE.sub(_escape, text) if "%" in text else text


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())


def _escape(found: re.Match[str]) -> str:
    return _ONE_ESCAPE[found[0]]


def _kept(query: str) -> tuple[str, ...] | None:
    """The fields of a query that say which picture is meant; None for a signed one."""
    kept = []
    for field in query.split("&"):
        if not field:
            continue
        name = field.partition("=")[0]
        if "%" in name or "+" in name:
            name = unquote_plus(name)
        name = name.lower()
        if name in _SIGNATURE or name.startswith(_SIGNATURE_STARTS):
            return None
        if name not in _TRACKING and not name.startswith(_TRACKING_STARTS):
            kept.append(one_escape(field))
    kept.sort()
    return tuple(kept)


@lru_cache(maxsize=4096)
def _site(scheme: str, netloc: str) -> tuple[str, str, str] | None:
    """Host with port, host, and domain, in one form; None where there is no such host or port."""
    if "@" in netloc:
        return None
    try:
        plain = _PLAIN.fullmatch(netloc.lower()) if netloc.isascii() else None
        host, port = (plain[1], int(plain[2] or _PORTS[scheme])) if plain else _odd(netloc, scheme)
    except ValueError:
        return None
    if port > _LAST_PORT:
        return None
    authority = host if port == _PORTS[scheme] else f"{host}:{port}"
    return authority, host, ".".join(host.rsplit(".", 2)[-2:])


def _odd(netloc: str, scheme: str) -> tuple[str, int]:
    """Host and port where the host is an IPv6 address or not written in ASCII.

    Raises:
        ValueError: there is no such host or port.
    """
    parts = urlsplit(f"//{netloc}")
    host = parts.hostname or ""
    if ":" in host:
        if "%" in host or not host.isascii():
            raise ValueError("zones are for this machine only")
        host = f"[{host}]"
    else:
        host = host.encode("idna").decode().lower().removesuffix(".")
        if not _HOST.fullmatch(host):
            raise ValueError("no such host")
    return host, _PORTS[scheme] if parts.port is None else parts.port
