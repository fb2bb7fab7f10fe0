"""Proxies: services that show a picture of another address, and how to read which one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from pixcrawler.pipeline.discovery.addresses.form import Form

_ABSOLUTE = re.compile("(?i:https?)://")
_COLLAPSED = re.compile("((?i:https?)):/([^/].*)", re.DOTALL)
_WRAPPED = re.compile("(?i:https?)(?::|%3A)%2F", re.IGNORECASE)
_HOST_FIRST = re.compile(
    r"(?:[a-z0-9-]+\.)+(?:com|org|net|io|edu|gov|info|[a-z]{2})(?::\d+)?/.", re.IGNORECASE
)
_INNER = r"(?P<inner>(?i:https?)(?::/|(?::|%3A)%2F).+)"


@dataclass(frozen=True)
class Proxy:
    """One way to write another address into one's own."""

    host: str
    """Pattern; empty for any host."""
    path: str
    """Pattern of the whole path; its group ``inner`` is the address, unless ``params`` say it."""
    params: tuple[str, ...] = ()
    """Fields of the query that may be the address; the first that is there counts."""
    is_bare: bool = False
    """The address may begin with its host."""
    is_relative: bool = False
    """The address may begin with its path, for the proxy's own host."""
    own: frozenset[str] | None = None
    """The proxy's own fields, where the others belong to the address; None: all are its own."""


_THUMBOR_OPTION = (
    r"meta|debug|trim(?::[^/]*)?|\d+x\d+:\d+x\d+|(?:adaptive-|full-){0,2}fit-in"
    r"|-?(?:\d+|orig)?x-?(?:\d+|orig)?|left|center|right|top|middle|bottom|smart|filters:[^/]*"
)
_PHOTON = frozenset(
    [
        "w",
        "h",
        "resize",
        "fit",
        "crop",
        "quality",
        "strip",
        "ssl",
        "zoom",
        "lb",
        "ulb",
        "filter",
        "brightness",
        "contrast",
    ]
)
_GOOGLE = r"(?:www\.|images\.)?google\.(?:com|[a-z]{2}|com?\.[a-z]{2})"

# Facts from the services' own documentation and from addresses seen.
_PROXIES: dict[str, tuple[Proxy, ...]] = {
    "wp.com": (Proxy(r"i[0-3]\.wp\.com", "/(?P<inner>.+)", is_bare=True, own=_PHOTON),),
    "wsrv.nl": (Proxy(r"wsrv\.nl", "/", ("url",), is_bare=True),),
    "weserv.nl": (Proxy(r"images\.weserv\.nl", "/", ("url",), is_bare=True),),
    "duckduckgo.com": (Proxy(r"(?:external-content|proxy)\.duckduckgo\.com", "/iu/?", ("u",)),),
    "cloudinary.com": (
        Proxy(
            r"res\.cloudinary\.com",
            f"/[^/]+/image/fetch/(?!s--)(?:[^/]*/)*?{_INNER}",
            own=frozenset(),
        ),
    ),
    "imgix.net": (Proxy(r".+\.imgix\.net", f"/{_INNER}"),),
}
_OF_GOOGLE = (
    Proxy(_GOOGLE, "/imgres", ("imgurl",)),
    Proxy(_GOOGLE, "/url", ("q", "url")),
)
_ANYWHERE = {
    "/_next/image": (Proxy("", ".*/_next/image/?", ("url",), is_relative=True),),
    "/unsafe/": (Proxy("", f".*?/unsafe/(?:(?:{_THUMBOR_OPTION})/)*(?P<inner>.+)", is_bare=True),),
    "/cdn-cgi/image/": (
        Proxy("", ".*?/cdn-cgi/image/[^/]+(?P<inner>/.+)", is_relative=True, own=frozenset()),
    ),
}
_PATTERN = {
    pattern: re.compile(pattern, re.DOTALL)
    for group in (*_PROXIES.values(), _OF_GOOGLE, *_ANYWHERE.values())
    for proxy in group
    for pattern in (proxy.host, proxy.path)
}


def unwrapped(form: Form) -> str | None:
    """Return the address that is shown by the proxy at ``form``; None when it is none."""
    for proxy in _candidates(form):
        if proxy.host and not _PATTERN[proxy.host].fullmatch(form.host):
            continue
        place = _PATTERN[proxy.path].fullmatch(form.path)
        if place:
            return _absolute(_inner(proxy, place, form), proxy, form)
    return None


def _candidates(form: Form) -> tuple[Proxy, ...]:
    """The few proxies that the address might be."""
    found = _PROXIES.get(form.domain, ())
    if "google." in form.host:
        found += _OF_GOOGLE
    for mark, proxies in _ANYWHERE.items():
        if mark in form.path:
            found += proxies
    return found


def _inner(proxy: Proxy, place: re.Match[str], form: Form) -> str:
    """The address as it is written in the proxy's."""
    if proxy.params:
        return _field(form, proxy.params)
    inner = place["inner"]
    if _WRAPPED.match(inner):
        return unquote(inner)
    if proxy.own is None:
        return inner
    rest = [field for field in form.fields if field.partition("=")[0] not in proxy.own]
    return f"{inner}?{'&'.join(rest)}" if rest else inner


def _field(form: Form, names: tuple[str, ...]) -> str:
    """The value of the first of the fields that is there."""
    for name in names:
        for field in form.fields:
            if field.startswith(f"{name}="):
                return unquote(field[len(name) + 1 :]).replace(" ", "%20")
    return ""


def _absolute(inner: str, proxy: Proxy, form: Form) -> str | None:
    """The address with scheme and host; None for what is no address."""
    inner = inner.lstrip("/") if _ABSOLUTE.match(inner.lstrip("/")) else inner
    if _ABSOLUTE.match(inner):
        return inner
    if collapsed := _COLLAPSED.fullmatch(inner):
        return f"{collapsed[1]}://{collapsed[2]}"
    if proxy.is_relative and inner.startswith("/") and not inner.startswith("//"):
        return f"{form.scheme}://{form.authority}{inner}"
    if proxy.is_bare:
        is_safe = inner.startswith("ssl:") or "ssl=1" in form.fields
        inner = inner.removeprefix("ssl:").removeprefix("//")
        if _HOST_FIRST.match(inner):
            return f"{'https' if is_safe else 'http'}://{inner}"
    return None
