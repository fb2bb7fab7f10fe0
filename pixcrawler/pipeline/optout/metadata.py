"""IPTC/PLUS Data Mining: what an author wrote into the XMP metadata of a picture.

XMP is XML, but it is not parsed as such: no entity is expanded, no nesting counts, and broken
packets are read as far as they go. Only plus:DataMining decides, not rights in free text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from typing_extensions import override

from pixcrawler.domain.purpose import Purpose
from pixcrawler.pipeline.optout.containers import embedded
from pixcrawler.pipeline.optout.meaning import DATA_MINING
from pixcrawler.pipeline.optout.signal import Saying, Signal
from pixcrawler.pipeline.visits.body import Body

MAX_PREFIXES = 8
"""Different ones by which a packet may call the namespace."""
MAX_CONTENT = 1000
"""Characters of an element that are read: wrapped in RDF, a value has about 200."""

MAX_FOUND = 64
"""Attributes and elements of one name that are looked at."""

_CODINGS = {
    b"\1\1\0\0": "utf-32",
    b"\0\0\1\1": "utf-32",
    b"\1\0\0\0": "utf-32-le",
    b"\0\0\0\1": "utf-32-be",
    b"\1\0\1\0": "utf-16-le",
    b"\0\1\0\1": "utf-16-be",
}
"""By which of the first four bytes are zeros: the first characters of XML are ASCII."""
_PROHIBITED = "DMI-PROHIBITED"
_MARK = b"useplus"
_NAMESPACE = re.compile(
    r"""xmlns(?::([\w.-]{1,64}))?\s*=\s*["']\s*http://ns\.useplus\.org/ldf/xmp/1\.0/?\s*["']"""
)
_KEY = re.compile(r"\bDMI-[A-Z]+(?:-[A-Z]+)*", re.IGNORECASE)


class Metadata(Signal):
    """What plus:DataMining says, in XMP of any form: attribute, element, or rdf:resource."""

    name = "iptc"

    @override
    def of_body(self, body: Body) -> Sequence[Saying]:
        keys = dict.fromkeys(key for xmp in embedded(body).xmp for key in data_mining(xmp))
        return [Saying(f"plus:DataMining {key}", "bytes", _refused(key)) for key in keys]


def _refused(key: str) -> frozenset[Purpose]:
    """Return whom a key refuses; a prohibition that we do not know is one without exception."""
    meaning = DATA_MINING.get(key)
    if meaning is None and key.startswith(_PROHIBITED):
        meaning = DATA_MINING[_PROHIBITED]
    return meaning.refused if meaning else frozenset()


def data_mining(xmp: bytes) -> Iterator[str]:
    """Yield the values of plus:DataMining in a packet, without the address of their vocabulary."""
    # In UTF-16 and UTF-32, letters of names are bytes between zeros.
    if _MARK not in xmp.replace(b"\0", b""):
        return
    text = _without_comments(_text(xmp))
    prefixes = dict.fromkeys(bound[1] or "" for bound in _NAMESPACE.finditer(text))
    for prefix in list(prefixes)[:MAX_PREFIXES]:
        name = re.escape(f"{prefix}:DataMining" if prefix else "DataMining")
        for found in _contents(text, name):
            yield from (key[0].upper() for key in _KEY.finditer(found))


def _contents(text: str, name: str) -> Iterator[str]:
    """Yield what a property holds, as an attribute and as an element."""
    for attribute in islice(re.finditer(rf"""{name}\s*=\s*(["'])""", text), MAX_FOUND):
        if text[attribute.start() - 1].isspace():
            yield text[attribute.end() : attribute.end() + MAX_CONTENT].partition(attribute[1])[0]
    for element in islice(re.finditer(rf"<{name}(?=[\s/>])", text), MAX_FOUND):
        inside = text[element.end() : element.end() + MAX_CONTENT]
        tag, _, content = inside.partition(">")
        yield tag
        if not tag.endswith("/"):
            yield re.split(rf"</{name}", content, maxsplit=1)[0]


def _text(xmp: bytes) -> str:
    """Return a packet as text; one in UTF-16 or UTF-32 need not begin with its byte order."""
    if xmp[:2] in (b"\xff\xfe", b"\xfe\xff") and xmp[2:4] != b"\0\0":
        return xmp.decode("utf-16", errors="replace")
    return xmp.decode(_CODINGS.get(bytes(map(bool, xmp[:4])), "utf-8"), errors="replace")


def _without_comments(text: str) -> str:
    before, *further = text.split("<!--")
    return "".join((before, *(part.partition("-->")[2] for part in further)))
