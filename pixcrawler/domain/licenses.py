"""Licences: what a code that a source states allows, as far as the code itself says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from pixcrawler.domain.filters import License


@dataclass(frozen=True)
class Rights:
    """What everybody may do with a picture."""

    open: bool = True
    """Under an open licence, or without any rights reserved."""
    commercial: bool = True
    modification: bool = True
    public_domain: bool = False


_FREE = Rights()
_PUBLIC = Rights(public_domain=True)
_SITE = Rights(open=False)
"""A site's own licence: use and change as you like, but it is no open licence."""

_CC = re.compile(
    r"(?:cc-?)?by(?P<nc>-nc)?(?:(?P<nd>-nd)|-sa)?(?P<late_nc>-nc)?(?:-\d[\d.]*(?:-[a-z]{2,4})?)?"
)
_SAMPLING = re.compile(r"(?:cc-?)?(?P<nc>nc-)?sampling\+?(?:-\d[\d.]*)?")
_PUBLIC_DOMAIN = re.compile(
    r"(?:cc-?)?(?:cc-?0|zero)(?:-\d[\d.]*)?|(?:cc-?)?(?:pdm|pd|public-?domain)(?:-.*)?"
)
_OTHERS = {
    "pexels": _SITE,
    "pixabay": _SITE,
    "unsplash": _SITE,
    "stocksnap": _PUBLIC,
    "attribution": _FREE,
    "copyrighted-free-use": _FREE,
    "fal": _FREE,
    "free-art-license": _FREE,
}
_OTHER_FAMILIES = re.compile(r"(?:gfdl|ogl|gpl|lgpl|agpl|mit|apache|bsd|odbl)(?:[-v ]?\d.*)?")
_CC_ADDRESS = re.compile(
    r"https?://(?:www\.)?creativecommons\.org/(?:licenses|publicdomain)/"
    r"(?P<code>[a-z+-]{2,20})(?:/.*)?",
    re.IGNORECASE,
)
_CC_NAMES = {"zero": "cc0", "mark": "pdm"}


@lru_cache(maxsize=1024)
def rights_of(code: str | None, address: str | None = None) -> Rights | None:
    """Return what a licence allows, or None when neither its code nor its address is known.

    The code may be written as the engines write it: ``by-sa``, ``CC BY-SA 4.0``, ``cc0``,
    ``pdm``, ``Public domain``. Only what is stated counts: an unknown code is no permission.
    """
    known = _rights_of_code("-".join(code.lower().split())) if code else None
    if known is not None or not address:
        return known
    found = _CC_ADDRESS.fullmatch(address)
    if found is None:
        return None
    name = found["code"].lower()
    return _rights_of_code(_CC_NAMES.get(name, name))


def permits(rights: Rights, wish: License) -> bool:
    """Say whether the rights fulfil what a job asks for (``Filters.license``)."""
    return {
        "any": True,
        "open": rights.open,
        "commercial": rights.commercial,
        "modification": rights.modification,
        "free": rights.commercial and rights.modification,
        "public_domain": rights.public_domain,
    }[wish]


def _rights_of_code(code: str) -> Rights | None:
    if code in _OTHERS:
        return _OTHERS[code]
    if _OTHER_FAMILIES.fullmatch(code):
        return _FREE
    if _PUBLIC_DOMAIN.fullmatch(code):
        return _PUBLIC
    creative_commons = _CC.fullmatch(code)
    if creative_commons:
        is_commercial = not (creative_commons["nc"] or creative_commons["late_nc"])
        return Rights(commercial=is_commercial, modification=not creative_commons["nd"])
    sampling = _SAMPLING.fullmatch(code)
    return Rights(commercial=not sampling["nc"]) if sampling else None
