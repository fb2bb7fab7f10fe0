"""Outcomes: what became of each row of a list, in columns that users of img2dataset know."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from pixcrawler.domain.image import ImageFacts
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.domain.visit import Visit
from pixcrawler.pipeline.engines.ports import Find
from pixcrawler.pipeline.visits.body import Body

SUCCESS, FAILED = "success", "failed"
_ABOUT = ("creator", "creator_url", "license", "license_url", "attribution", "page_url")


@dataclass(frozen=True)
class Row:
    """A usable row of the list."""

    key: int
    """Its place among the usable rows, from 0 on."""
    find: Find

    @property
    def name(self) -> str:
        """The key as files are named by it."""
        return key_name(self.key)

    @property
    def host(self) -> str:
        """Who is asked first."""
        return (urlsplit(self.find.url).hostname or "").lower()


def key_name(key: int) -> str:
    """Return a key as nine digits, so that files sort as the list does."""
    return f"{key:09}"


@dataclass(frozen=True)
class Settled:
    """What became of a row: a picture, or a reason why there is none."""

    row: Row
    reason: RejectReason | None = None
    detail: str | None = None
    body: Body | None = None
    """The picture's bytes; whoever takes them closes it."""
    bytes: int | None = None
    sha256: str | None = None
    kind: str | None = None
    facts: ImageFacts | None = None
    final_url: str | None = None
    status: int | None = None
    elapsed_ms: int = 0
    visit: Visit | None = None
    duplicate_of: int | None = None

    def as_duplicate_of(self, first: int) -> Settled:
        """Return it as a copy of the picture of another row."""
        if self.body is not None:
            self.body.close()
        detail = f"the very same file as {key_name(first)}"
        reason = RejectReason.DUPLICATE_EXACT
        return replace(self, body=None, reason=reason, detail=detail, duplicate_of=first)


def outcome_of(settled: Settled, shard: str | None) -> dict[str, Any]:
    """Return the outcome of a row as it is written; every column is always there."""
    find, facts, visit = settled.row.find, settled.facts, settled.visit
    at = visit.at if visit else datetime.now(UTC)
    findings = visit.findings if visit else ()
    return {
        "key": settled.row.name,
        "url": find.url,
        "caption": find.provenance.title,
        "status": FAILED if settled.reason else SUCCESS,
        "reason": settled.reason.value if settled.reason else None,
        "error_message": settled.detail,
        "width": facts.width if facts else None,
        "height": facts.height if facts else None,
        "format": settled.kind,
        "bytes": settled.bytes,
        "sha256": settled.sha256,
        "phash": facts.phash if facts else None,
        "final_url": settled.final_url,
        "http_status": settled.status,
        "elapsed_ms": settled.elapsed_ms,
        "shard": shard,
        "duplicate_of": None if settled.duplicate_of is None else key_name(settled.duplicate_of),
        "findings": [one.model_dump(mode="json", exclude_none=True) for one in findings],
        "fetched_at": at.isoformat(timespec="milliseconds"),
        **{name: getattr(find.provenance, name) for name in _ABOUT},
    }


def member_of(outcome: dict[str, Any]) -> dict[str, Any]:
    """Return what stands beside a picture in its tar: what is known of it, without the gaps."""
    left_out = ("status", "reason", "error_message", "elapsed_ms", "shard", "duplicate_of")
    return {
        name: value
        for name, value in outcome.items()
        if name not in left_out and value is not None and value != []
    }
