"""Visits: how bytes were asked for, hop by hop, and what the site wishes of machines."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from pixcrawler.domain.model import Value

KEPT_HEADERS = (
    "cache-control",
    "content-length",
    "content-type",
    "content-usage",
    "date",
    "etag",
    "last-modified",
    "link",
    "retry-after",
    "server",
    "tdm-policy",
    "tdm-reservation",
    "x-robots-tag",
)
"""Of an answer, for the receipt; none of them tells about us."""

Url = Annotated[str, StringConstraints(max_length=4096)]
Short = Annotated[str, StringConstraints(max_length=500)]


class Hop(Value):
    """One request of a visit and the head of its answer."""

    url: Url
    address: str | None = None
    """The IP address that was connected to."""
    status: int | None = None
    headers: tuple[tuple[str, Short], ...] = ()
    """Those of ``KEPT_HEADERS`` that came, as they came, names in lower case."""


class Finding(Value):
    """What one signal says about machine use of an image, and whether that refuses it to us."""

    signal: str
    """Name of the signal: ``robots.txt``, ``x-robots-tag``, ``tdmrep``, …."""
    rule: Short
    """As written, or what it comes to in few words."""
    source: Url
    """Where it stands: the address of a file, ``header`` or ``bytes``."""
    digest: str | None = None
    """SHA-256 of the file it stands in, for files."""
    refuses: bool = False


class Load(Value):
    """Requests to one host, counted."""

    host: Url
    """Lower case, with its port where that is not the scheme's; empty: further hosts together."""
    requests: int = Field(ge=0)
    redirects: int = Field(default=0, ge=0)
    """Of them: answered with another address."""
    busy: int = Field(default=0, ge=0)
    """Of them: answered with 429 or 503."""


class Visit(Value):
    """How one image was fetched, or why it was not; evidence for its receipt."""

    at: AwareDatetime
    """When the last try began, UTC."""
    hops: tuple[Hop, ...] = ()
    """Of the last try: redirects in order, the answer last."""
    tries: int = Field(default=1, ge=0)
    """All of them, also those that a busy host put off."""
    beside: tuple[Load, ...] = ()
    """Requests that are no hops: of earlier tries, and of the candidate's other addresses."""
    sha256: str | None = None
    """Of the body as it came."""
    findings: tuple[Finding, ...] = ()
    """What signals said; those that are in ``checked`` and not here said nothing."""
    checked: tuple[str, ...] = ()
    """Names of the signals that were looked at."""
