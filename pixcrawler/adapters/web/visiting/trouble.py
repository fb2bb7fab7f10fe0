"""What can go wrong with one visit: the reason, in words, and whether a second try may help."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable, Iterator

import aiohttp
from aiohttp import http_exceptions

from pixcrawler.adapters.web.connecting.connections import TORN_DOWN
from pixcrawler.adapters.web.connecting.guard import AddressBlocked
from pixcrawler.adapters.web.manners import stated_wait_s
from pixcrawler.domain.verdict import RejectReason

_REFUSED = frozenset({401, 403})
_GONE = frozenset({404, 410})
_THROTTLED = 429
_SERVER_ERRORS = range(500, 600)
_NO_SUCH_NAME = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL})
# X509_V_ERR_… of OpenSSL.
_CERTIFICATE_WORDS = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    18: "its certificate is signed by itself",
    19: "its certificate is signed by nobody we trust",
    20: "its certificate is signed by nobody we trust",
    21: "its certificate is signed by nobody we trust",
    62: "its certificate is for another name",
    64: "its certificate is for another address",
}
_TLS_WORDS = {
    "WRONG_VERSION_NUMBER": "what answers there does not speak TLS",
    "HTTP_REQUEST": "what answers there does not speak TLS",
    "RECORD_LAYER_FAILURE": "what answers there does not speak TLS",
    "UNSUPPORTED_PROTOCOL": "it offers outdated versions of TLS only",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it offers outdated versions of TLS only",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it and we have no way of encryption in common",
}
_HUNG_UP_ON_TLS = "it hung up before TLS was agreed on"
# Of the head of an answer.
_FAULTS: tuple[tuple[type[Exception], str], ...] = (
    (http_exceptions.LineTooLong, "its head has a line that is too long"),
    (http_exceptions.InvalidHeader, "its head has a broken header"),
    (http_exceptions.BadStatusLine, "its answer is not HTTP"),
)
_SHOWN_CHARS = 100


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
    if not isinstance(error, aiohttp.ClientConnectorError) and _is_of_tls(error):
        words = "what came was not encrypted as agreed"
        return Trouble(RejectReason.TLS_FAILED, words, may_heal=True)
    for kinds, told in _MEANINGS:
        if isinstance(error, kinds):
            return told(error)
    return Trouble(RejectReason.BAD_ANSWER, _fault(error))


def is_disk_full(error: Exception) -> bool:
    """Whether it is this machine that has no room for a body: no visit's doing, nor a host's."""
    return isinstance(error, OSError) and error.errno in _DISK_FULL


def _is_of_tls(error: Exception) -> bool:
    """Whether TLS broke on a connection that had been made."""
    return any(isinstance(link, ssl.SSLError) for link in _chain(error))


def _blocked(error: Exception) -> Trouble:
    is_ours = isinstance(error, AddressBlocked)
    words = str(error) if is_ours else "this is not an address of the web"
    return Trouble(RejectReason.ADDRESS_BLOCKED, words)


def _nameless(error: Exception) -> Trouble:
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno in _NO_SUCH_NAME:
        return Trouble(RejectReason.NAME_UNRESOLVED, "there is no such name")
    words = "the name could not be looked up"
    return Trouble(RejectReason.NAME_UNRESOLVED, words, may_heal=True)


def _insecure(error: Exception) -> Trouble:
    words = "the TLS connection was not accepted"
    for link in _chain(error):
        if isinstance(link, aiohttp.ClientError):
            continue  # calls itself an SSLError, without its facts
        if isinstance(link, ssl.SSLCertVerificationError):
            words = _CERTIFICATE_WORDS.get(
                link.verify_code, f"its certificate was not accepted ({link.verify_message})"
            )
            break
        if isinstance(link, ssl.SSLEOFError):
            return Trouble(RejectReason.TLS_FAILED, _HUNG_UP_ON_TLS, may_heal=True)
        if isinstance(link, ssl.SSLError) and link.reason:
            words = _TLS_WORDS.get(link.reason, f"TLS failed: {link.reason}")
            break
    return Trouble(RejectReason.TLS_FAILED, words[:_SHOWN_CHARS])


def _unconnected(error: Exception) -> Trouble:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else OSError()
    if isinstance(cause, ConnectionRefusedError):
        words = "the connection was refused"
    elif cause.errno in _NO_WAY:
        words = "there is no way to its network"
    elif isinstance(cause, ConnectionResetError | ConnectionAbortedError):
        # Of a plain connection nothing is read before it is there.
        return Trouble(RejectReason.TLS_FAILED, _HUNG_UP_ON_TLS, may_heal=True)
    else:
        words = "no connection could be made"
    return Trouble(RejectReason.UNREACHABLE, words, may_heal=True)


def _cut_off(error: Exception) -> Trouble:
    for link in _chain(error):
        if isinstance(link, http_exceptions.ContentLengthError):
            words = "the body ended before its announced length"
            return Trouble(RejectReason.BAD_ANSWER, words, may_heal=True)
    if "Not enough data" in str(error):
        words = "the body ended before its last chunk"
        return Trouble(RejectReason.BAD_ANSWER, words, may_heal=True)
    if TORN_DOWN in str(error):
        return Trouble(RejectReason.BAD_ANSWER, TORN_DOWN, may_heal=True)
    return Trouble(RejectReason.BAD_ANSWER, _fault(error))


def _left(error: Exception) -> Trouble:
    for link in _chain(error):
        # The head so far, where some of one came.
        is_begun = not isinstance(getattr(link, "message", ""), str)
        if isinstance(link, aiohttp.ServerDisconnectedError) and is_begun:
            words = "the answer ended within its head"
            return Trouble(RejectReason.BAD_ANSWER, words, may_heal=True)
    return Trouble(RejectReason.UNREACHABLE, "closed without an answer", may_heal=True)


def _fault(error: Exception) -> str:
    """Why an answer cannot be read, in words."""
    chain = list(_chain(error))
    for kind, words in _FAULTS:
        if any(isinstance(link, kind) for link in chain):
            return words
    for link in chain:
        if isinstance(link, http_exceptions.HttpProcessingError):
            # The first line says what is wrong, those after it show where.
            told = link.message.partition("\n")[0].strip().rstrip(":").lower()
            return f"no readable answer ({told})"[:_SHOWN_CHARS]
    words = error.args[0] if error.args and isinstance(error.args[0], str) else ""
    return f"no readable answer ({words or type(error).__name__})"[:_SHOWN_CHARS]


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, a few links deep."""
    link: BaseException | None = error
    for _ in range(5):
        if link is None:
            return
        yield link
        wrapped = getattr(link, "certificate_error", None) or getattr(link, "os_error", None)
        link = wrapped or link.__cause__ or link.__context__


# The most telling first.
_MEANINGS: tuple[tuple[tuple[type[Exception], ...], Callable[[Exception], Trouble]], ...] = (
    ((AddressBlocked, aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError), _blocked),
    ((aiohttp.ClientConnectorDNSError,), _nameless),
    ((ssl.SSLError, ssl.CertificateError, aiohttp.ClientSSLError), _insecure),
    ((aiohttp.ClientConnectorError,), _unconnected),
    ((aiohttp.ClientPayloadError,), _cut_off),
    ((aiohttp.ClientConnectionError, OSError), _left),
)
