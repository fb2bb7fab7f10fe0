"""What can go wrong with one visit: the reason, in words, and whether a second try may help."""

from __future__ import annotations

import socket

import aiohttp

from pixcrawler.adapters.web.guard import AddressBlocked
from pixcrawler.adapters.web.manners import stated_wait_s
from pixcrawler.domain.verdict import RejectReason

_REFUSED = frozenset({401, 403})
_GONE = frozenset({404, 410})
_THROTTLED = 429
_SERVER_ERRORS = range(500, 600)
_NO_SUCH_NAME = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})

_UNREACHABLE = RejectReason.UNREACHABLE
# Error, reason, words, whether a second try may help; the most telling error first.
_MEANINGS: tuple[tuple[type[Exception], RejectReason, str, bool], ...] = (
    (aiohttp.ClientConnectorDNSError, _UNREACHABLE, "the name could not be resolved", True),
    (aiohttp.ClientSSLError, _UNREACHABLE, "the TLS connection was not accepted", False),
    (aiohttp.ClientConnectorError, _UNREACHABLE, "no connection could be made", True),
    (
        aiohttp.ClientPayloadError,
        RejectReason.BAD_ANSWER,
        "the body ended before its announced length",
        True,
    ),
    (aiohttp.ClientConnectionError, _UNREACHABLE, "closed without an answer", True),
    (OSError, _UNREACHABLE, "closed without an answer", True),
)


class Trouble(Exception):
    """A visit gave no body."""

    def __init__(
        self,
        reason: RejectReason,
        detail: str,
        *,
        may_heal: bool = False,
        wait_s: float | None = None,
    ) -> None:
        """Take the reason, what happened, and what a second try should know."""
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.may_heal = may_heal
        self.wait_s = wait_s


def trouble_of_status(status: int, retry_after: str | None) -> Trouble:
    """Return what a status other than 200 and the redirects means."""
    detail = f"status {status}"
    if status in _REFUSED:
        return Trouble(RejectReason.REFUSED, detail)
    if status in _GONE:
        return Trouble(RejectReason.GONE, detail)
    wait_s = stated_wait_s(retry_after)
    if status == _THROTTLED:
        return Trouble(RejectReason.THROTTLED, detail, may_heal=True, wait_s=wait_s)
    if status in _SERVER_ERRORS:
        return Trouble(RejectReason.SERVER_ERROR, detail, may_heal=True, wait_s=wait_s)
    return Trouble(RejectReason.BAD_ANSWER, detail)


def trouble_of_error(error: Exception) -> Trouble:
    """Return what a failed connection or an unreadable answer means."""
    if isinstance(error, AddressBlocked):
        return Trouble(RejectReason.ADDRESS_BLOCKED, str(error))
    is_final = (
        isinstance(error, aiohttp.ClientConnectorDNSError) and error.os_error.errno in _NO_SUCH_NAME
    )
    for kind, reason, words, may_heal in _MEANINGS:
        if isinstance(error, kind):
            return Trouble(reason, words, may_heal=may_heal and not is_final)
    return Trouble(RejectReason.BAD_ANSWER, f"no readable answer ({type(error).__name__})")
