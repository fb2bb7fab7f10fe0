"""Blocks: how services refuse, by status, headers, address and the words of their pages.

Sources: SearXNG's and gallery-dl's detectors and their issue threads; the stored block pages of
Google, Baidu and Ecosia that openserp keeps. Result pages hold strangers' words, and a wrong
verdict shuts an engine for days: what counts is the markup of a page, not what it talks about.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.pipeline.engines.ports import Answer, Page

_OK = 200
_REDIRECTS = range(300, 400)
_REFUSED = frozenset({401, 402, 403, 451})
_THROTTLED = 429
_SERVER_ERRORS = range(500, 600)
_MISSED = frozenset({400, 404, 410})
"""Our request was wrong: what the page says beside that is for others."""
_LOOKED_AT_BYTES = 32 * 1024
"""Block pages say what they are near their start."""
_SHORT_PAGE_BYTES = 16 * 1024
"""Of a page with status 200: in a longer one, sentences may be those of results."""


class _Sign(NamedTuple):
    """What gives a refusal away."""

    mark: bytes
    """Lower case."""
    kind: BlockKind
    words: str


_CLOUDFLARE = "wants a browser to prove itself (Cloudflare)"
_ROBOT_CHECK = "asks for proof that we are no robot"

_HEADERS = {
    "cf-mitigated": _Sign(b"challenge", BlockKind.CLOUDFLARE_CAPTCHA, _CLOUDFLARE),
    "x-amzn-waf-action": _Sign(b"", BlockKind.CAPTCHA, "wants a browser to prove itself (AWS)"),
    "x-yandex-captcha": _Sign(b"", BlockKind.CAPTCHA, _ROBOT_CHECK),
}
_CAPTCHA_HOSTS = re.compile(r"sorry\.google\..+|wappass\.baidu\.com|(?:[^.]+\.)*captcha[^.]*\..+")
_CAPTCHA_PATHS = re.compile(r"/(?:sorry|showcaptcha|static/captcha|captcha|anomaly\.js)(?:/.*)?")
_CONSENT_HOSTS = re.compile(r"consent\..+")

_TITLES = {
    b"just a moment...": (BlockKind.CLOUDFLARE_CAPTCHA, _CLOUDFLARE),
    b"attention required! | cloudflare": (BlockKind.CLOUDFLARE_DENIED, "refused us (Cloudflare)"),
    b"access denied": (BlockKind.DENIED, "refused the request"),
    b"ddos-guard": (BlockKind.CAPTCHA, "wants a browser to prove itself (DDoS-Guard)"),
    b"making sure you're not a bot!": (BlockKind.CAPTCHA, _ROBOT_CHECK),
    b"making sure you&#39;re not a bot!": (BlockKind.CAPTCHA, _ROBOT_CHECK),
    "百度安全验证".encode(): (BlockKind.CAPTCHA, _ROBOT_CHECK),
}
_TITLE = re.compile(rb"<title[^<>]{0,200}>([^<]{1,200})<")

_ATTRIBUTES = (
    _Sign(b"cf-turnstile-response", BlockKind.CLOUDFLARE_CAPTCHA, _CLOUDFLARE),
    _Sign(b"cf-challenge", BlockKind.CLOUDFLARE_CAPTCHA, _CLOUDFLARE),
    _Sign(b"captcha-form", BlockKind.CAPTCHA, _ROBOT_CHECK),
    _Sign(b"challenge-form", BlockKind.CAPTCHA, _ROBOT_CHECK),
    _Sign(b"g-recaptcha", BlockKind.CAPTCHA, _ROBOT_CHECK),
    _Sign(b"h-captcha", BlockKind.CAPTCHA, _ROBOT_CHECK),
    _Sign(b"px-captcha", BlockKind.CAPTCHA, _ROBOT_CHECK),
    _Sign(b"anubis_challenge", BlockKind.CAPTCHA, _ROBOT_CHECK),
    _Sign(b"passmod_dialog-wrapper", BlockKind.CAPTCHA, _ROBOT_CHECK),
    _Sign(b"checkboxcaptcha", BlockKind.CAPTCHA, _ROBOT_CHECK),
)
_IN_ATTRIBUTE = rb"""\s(?:id|class|name)\s*=\s*(?:"[^"<>]*|'[^'<>]*|)"""
_ATTRIBUTE_PATTERNS = {sign: re.compile(_IN_ATTRIBUTE + sign.mark) for sign in _ATTRIBUTES}

_SCRIPTS = (
    _Sign(b"window._cf_chl_opt", BlockKind.CLOUDFLARE_CAPTCHA, _CLOUDFLARE),
    _Sign(b"/.well-known/ddos-guard/", BlockKind.CAPTCHA, _ROBOT_CHECK),
    _Sign(b"_incapsula_resource", BlockKind.CAPTCHA, _ROBOT_CHECK),
)
_REFUSAL_SIGNS = (
    # Cloudflare puts a script of that folder into good pages as well.
    _Sign(b"/cdn-cgi/challenge-platform/", BlockKind.CLOUDFLARE_CAPTCHA, _CLOUDFLARE),
    _Sign(b"__cf_chl", BlockKind.CLOUDFLARE_CAPTCHA, _CLOUDFLARE),
    _Sign(b"jschl-answer", BlockKind.CLOUDFLARE_CAPTCHA, _CLOUDFLARE),
    _Sign(b"captcha-bypass", BlockKind.CLOUDFLARE_CAPTCHA, _CLOUDFLARE),
    _Sign(b"captcha-delivery.com", BlockKind.CAPTCHA, _ROBOT_CHECK),
)
"""Looked for only with a status that refuses."""
_FIREWALL = re.compile(rb'error code: 10\d\d|"cf-error-(?:code|details)"|error 1020')
_RECAPTCHA = b"https://www.google.com/recaptcha/"
_SENTENCES = (
    b"detected unusual traffic from your",
    b"verify that you are not a robot",
    b"verify you are human",
    b"enter the characters you see below",
    "confirm you\u2019re not a robot".encode(),
    b"unfortunately, bots use duckduckgo too",
)


def block_of(name: str, answer: Answer) -> Page | None:
    """Return what a refusal says, as a page; None for an answer worth reading.

    Args:
        name: of the engine, for people.
        answer: whatever came. Of one with status 200 only what looks like markup is read, and
            of that only the start.
    """
    sign = _by_headers(answer.headers) or _by_address(answer) or _by_page(answer)
    if sign is not None:
        return blocked(sign.kind, f"{name} {sign.words}")
    return _by_status(name, answer.status)


def blocked(kind: BlockKind, detail: str) -> Page:
    """Return the page of an engine that refuses."""
    return Page(EngineStatus.BLOCKED, kind=kind, detail=detail)


def is_markup(body: bytes) -> bool:
    """Whether a body is a web page rather than data."""
    return body[:64].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def _by_status(name: str, status: int) -> Page | None:
    if status == _OK:
        return None
    if status == _THROTTLED:
        return blocked(BlockKind.THROTTLED, f"{name} asks us to slow down (status {status})")
    if status in _REFUSED:
        return blocked(BlockKind.DENIED, f"{name} refused the request (status {status})")
    if status in _SERVER_ERRORS:
        detail = f"{name} has a fault of its own (status {status})"
        return Page(EngineStatus.FAILED, detail=detail)
    return Page(EngineStatus.CHANGED, detail=f"{name} did not take the request (status {status})")


def _by_headers(headers: Mapping[str, str]) -> _Sign | None:
    for name, sign in _HEADERS.items():
        if name in headers and sign.mark in headers[name].lower().encode(errors="replace"):
            return sign
    return None


def _by_address(answer: Answer) -> _Sign | None:
    """What the place says that we were sent to."""
    leads_to = answer.headers.get("location", "") if answer.status in _REDIRECTS else ""
    for address in (answer.url, leads_to):
        try:
            parts = urlsplit(address)
            host = parts.hostname or ""
        except ValueError:
            continue
        if _CAPTCHA_HOSTS.fullmatch(host) or _CAPTCHA_PATHS.fullmatch(parts.path):
            return _Sign(b"", BlockKind.CAPTCHA, _ROBOT_CHECK)
        if _CONSENT_HOSTS.fullmatch(host):
            return _Sign(b"", BlockKind.DENIED, "wants consent to its cookies first")
    return None


def _by_page(answer: Answer) -> _Sign | None:
    is_ok = answer.status == _OK
    if answer.status in _MISSED or (is_ok and not is_markup(answer.body)):
        return None
    start = answer.body[:_LOOKED_AT_BYTES].lower()
    if not is_ok and (found := _by_refusal(start, answer.status)):
        return found
    if found := _by_markup(start):
        return found
    if not is_ok or len(answer.body) <= _SHORT_PAGE_BYTES:
        return _by_sentence(start)
    return None


def _by_refusal(start: bytes, status: int) -> _Sign | None:
    """What pages say whose status refuses."""
    if status >= _SERVER_ERRORS.start and _RECAPTCHA in start:
        return _Sign(b"", BlockKind.RECAPTCHA, "asks for a reCAPTCHA")
    if status in _REFUSED and _FIREWALL.search(start):
        return _Sign(b"", BlockKind.CLOUDFLARE_DENIED, "refused us (Cloudflare)")
    return next((sign for sign in _REFUSAL_SIGNS if sign.mark in start), None)


def _by_markup(start: bytes) -> _Sign | None:
    title = _TITLE.search(start)
    said = title[1].strip() if title else b""
    if said in _TITLES:
        return _Sign(said, *_TITLES[said])
    for sign in _ATTRIBUTES:
        # Most pages do not have the word at all, and that is quickly seen.
        if sign.mark in start and _ATTRIBUTE_PATTERNS[sign].search(start):
            return sign
    return next((sign for sign in _SCRIPTS if sign.mark in start), None)


def _by_sentence(start: bytes) -> _Sign | None:
    found = any(sentence in start for sentence in _SENTENCES)
    return _Sign(b"", BlockKind.CAPTCHA, _ROBOT_CHECK) if found else None
