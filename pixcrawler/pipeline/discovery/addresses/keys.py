"""Keys: equal for two addresses of one picture, whatever stands between."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from pixcrawler.pipeline.discovery.addresses.form import MAX_CHARS, Form, form_of
from pixcrawler.pipeline.discovery.addresses.pictures import picture_of
from pixcrawler.pipeline.discovery.addresses.proxies import unwrapped

KEY_CHARS = 32
MAX_HOPS = 3
"""Proxies that may show each other; what is wrapped deeper is left as it is."""


class Address(NamedTuple):
    """What an address says about its picture, before anything is fetched."""

    key: str
    """32 hex digits, equal for equal pictures."""
    original: str
    """The best address of the same picture, worth trying first; often the address itself."""
    is_thumbnail: bool = False
    """A search engine's small copy: good only as a last resort."""


def canonical(address: str) -> str | None:
    """Return the form that equal addresses share, or None for what is never fetched.

    Lower-case scheme and host, no default port, no fragment, escapes in one form, query sorted
    and without tracking parameters; path and query of signed addresses as they are. It is for
    comparing only: the address as given is the one to fetch. Idempotent.

    Refused: anything but absolute http and https addresses, longer than 4,096 characters, with
    white space, control characters, quotes, backslashes, or a user name.
    """
    form = form_of(address)
    return None if form is None else form.text


def address_key(address: str) -> str | None:
    """Return 32 hex digits that are equal for equal pictures; None for a refused address."""
    judgement = judged(address)
    return None if judgement is None else judgement.key


def judged(address: str) -> Address | None:
    """Return what is known of the picture at ``address``; None for what is never fetched.

    Known proxies are unwrapped and known sizes set aside, both for the key and for the
    original. What an address leads to is refused by the same rules as the address itself. The
    original is a guess: whoever fetches it must be ready to fall back to the address as given.
    """
    form = form_of(address)
    if form is None:
        return None
    if not form.is_signed:
        form, address = _innermost(form, address)
    picture = picture_of(form)
    best = picture.best
    # Its parts are those of a form: nothing but its length can be refused.
    original = best if best and len(best) <= MAX_CHARS else address
    key = hashlib.sha256((picture.key or form.text).encode()).hexdigest()[:KEY_CHARS]
    return Address(key, original, picture.is_thumbnail)


def _innermost(form: Form, address: str) -> tuple[Form, str]:
    """What is shown at the end of a chain of proxies; the address itself when it is too long."""
    last, at = form, address
    for _ in range(MAX_HOPS + 1):
        inner = None if last.is_signed else unwrapped(last)
        inside = form_of(inner) if inner else None
        if inner is None or inside is None:
            return last, at
        last, at = inside, inner
    return form, address
