"""Verdicts: what became of a candidate, with one reason out of a closed list."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from pixcrawler.domain.image import ImageFacts
from pixcrawler.domain.model import Value
from pixcrawler.domain.source import Candidate
from pixcrawler.domain.visit import Visit


class RejectReason(StrEnum):
    """Why a candidate is not in the dataset. Append only: stored and shown."""

    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    REFUSED = "refused_401_403"
    GONE = "gone_404_410"
    THROTTLED = "throttled"
    SERVER_ERROR = "server_error"
    BAD_ANSWER = "bad_answer"
    ADDRESS_BLOCKED = "address_blocked"
    DISALLOWED_BY_SITE = "disallowed_by_site"
    NOT_AN_IMAGE = "not_an_image"
    UNSUPPORTED_FORMAT = "unsupported_format"
    ANIMATED = "animated"
    TRUNCATED = "truncated"
    UNDECODABLE = "undecodable"
    TOO_SMALL = "too_small_px"
    TOO_LARGE = "too_large_bytes"
    TOO_MANY_PIXELS = "too_many_pixels"
    ASPECT = "aspect_out_of_range"
    DUPLICATE_EXACT = "duplicate_exact"
    DUPLICATE_NEAR = "duplicate_near"
    OVER_LIMIT = "over_limit"
    FILTER_MISMATCH = "filter_mismatch"
    NAME_UNRESOLVED = "name_unresolved"
    TLS_FAILED = "tls_failed"
    OPTED_OUT = "opted_out"
    ROBOTS_UNAVAILABLE = "robots_unavailable"
    HOST_SUSPENDED = "host_suspended"
    PLACEHOLDER = "placeholder"


FETCH_REASONS = frozenset(
    {
        RejectReason.UNREACHABLE,
        RejectReason.NAME_UNRESOLVED,
        RejectReason.TLS_FAILED,
        RejectReason.TIMED_OUT,
        RejectReason.TOO_MANY_REDIRECTS,
        RejectReason.REFUSED,
        RejectReason.GONE,
        RejectReason.THROTTLED,
        RejectReason.SERVER_ERROR,
        RejectReason.BAD_ANSWER,
        RejectReason.ADDRESS_BLOCKED,
        RejectReason.DISALLOWED_BY_SITE,
        RejectReason.OPTED_OUT,
        RejectReason.ROBOTS_UNAVAILABLE,
        RejectReason.HOST_SUSPENDED,
    }
)
"""Why nothing was fetched: what ``retry`` may be asked to fetch again."""

PASSING_REASONS = frozenset(
    {
        RejectReason.UNREACHABLE,
        RejectReason.NAME_UNRESOLVED,
        RejectReason.TLS_FAILED,
        RejectReason.TIMED_OUT,
        RejectReason.THROTTLED,
        RejectReason.SERVER_ERROR,
        RejectReason.BAD_ANSWER,
        RejectReason.ROBOTS_UNAVAILABLE,
        RejectReason.HOST_SUSPENDED,
    }
)
"""Of these, troubles that may be gone by now: what ``retry`` fetches unless it is told."""


class Outcome(Value):
    """What became of fetching one candidate.

    Either ``reason`` says why there are no bytes, or the bytes are the member ``name`` of
    the chunk's shard, ``length`` bytes from ``offset``; all of a chunk are in one shard.
    """

    candidate: Candidate
    reason: RejectReason | None = None
    detail: str | None = Field(default=None, max_length=300)
    shard: str = ""
    """Digest that the shard is named by."""
    name: str | None = None
    offset: int = 0
    length: int = 0
    alternative: str | None = None
    """The further address of the candidate that gave the bytes; None: its ``url`` did."""
    final_url: str | None = None
    status: int | None = None
    elapsed_ms: int = 0
    visit: Visit | None = None
    """How it was fetched; None for what did not come from the web."""

    @property
    def address(self) -> str:
        """The candidate's address that gave the bytes, before redirects."""
        return self.alternative or self.candidate.url


class Verdict(Value):
    """What validation says of one candidate: facts when it may be kept, else a reason."""

    outcome: Outcome
    facts: ImageFacts | None = None
    reason: RejectReason | None = None
    detail: str | None = Field(default=None, max_length=300)


class Duplicate(Value):
    """A valid image that is left out because a better copy is kept."""

    key: str
    url: str
    reason: RejectReason
    of_sha256: str
    distance_bits: int = 0
