"""Blocks: how services refuse, by status, headers and the words of their pages."""

from __future__ import annotations

from collections.abc import Mapping

from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.pipeline.engine_ports import Page

_OK = 200
_REFUSED = frozenset({401, 402, 403, 451})
_THROTTLED = 429
_SERVER_ERRORS = range(500, 600)


def block_of(
    name: str,
    status: int,
    body: bytes,  # noqa: ARG001 - read by the detectors that follow
    headers: Mapping[str, str],  # noqa: ARG001
    url: str,  # noqa: ARG001
) -> Page | None:
    """Return what a refusal says, as a page; None for an answer worth reading."""
    if status == _OK:
        return None
    if status == _THROTTLED:
        return blocked(BlockKind.THROTTLED, f"{name} asks us to slow down (status 429)")
    if status in _REFUSED:
        return blocked(BlockKind.DENIED, f"{name} refused the request (status {status})")
    if status in _SERVER_ERRORS:
        detail = f"{name} has a fault of its own (status {status})"
        return Page(EngineStatus.FAILED, detail=detail)
    return Page(EngineStatus.CHANGED, detail=f"{name} did not take the request (status {status})")


def blocked(kind: BlockKind, detail: str) -> Page:
    """Return the page of an engine that refuses."""
    return Page(EngineStatus.BLOCKED, kind=kind, detail=detail)
