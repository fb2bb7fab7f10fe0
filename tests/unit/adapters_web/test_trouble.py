"""What goes wrong with a visit is told with the reason and in words that a person understands."""

from __future__ import annotations

import errno
import socket
import ssl

import aiohttp
import pytest
from aiohttp import http_exceptions
from aiohttp.client_reqrep import ConnectionKey

from pixcrawler.adapters.web.connecting.connections import TORN_DOWN, NoAnswer
from pixcrawler.adapters.web.connecting.guard import AddressBlocked
from pixcrawler.adapters.web.visiting.trouble import trouble_of_error, trouble_of_status
from pixcrawler.domain.verdict import RejectReason

KEY = ConnectionKey("a.example", 443, True, True, None, None, None)


def _caused(error, *causes):
    """An error with what it came from."""
    link = error
    for cause in causes:
        link.__cause__ = cause
        link = cause
    return error


def _certificate(code, message="odd"):
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = code, message
    return aiohttp.ClientConnectorCertificateError(KEY, error)


def _tls(reason):
    error = ssl.SSLError(1, "odd")
    error.reason = reason
    return aiohttp.ClientConnectorSSLError(KEY, error)


def _answer(*causes):
    return _caused(aiohttp.ClientResponseError(None, (), status=400, message="odd"), *causes)


BODY, HEAD, NAME, TLS = "bad_answer", "bad_answer", "name_unresolved", "tls_failed"
ERRORS = [
    (AddressBlocked("10.0.0.1 is not public"), "address_blocked", "10.0.0.1 is not public", False),
    (aiohttp.InvalidURL("x"), "address_blocked", "not an address", False),
    (aiohttp.NonHttpUrlClientError("x"), "address_blocked", "not an address", False),
    (
        aiohttp.ClientConnectorDNSError(KEY, OSError(socket.EAI_NONAME, "no")),
        NAME,
        "there is no such name",
        False,
    ),
    (
        aiohttp.ClientConnectorDNSError(KEY, OSError(socket.EAI_AGAIN, "no")),
        NAME,
        "could not be looked up",
        True,
    ),
    (_certificate(9), TLS, "not valid yet", False),
    (_certificate(10), TLS, "has expired", False),
    (_certificate(18), TLS, "signed by itself", False),
    (_certificate(20), TLS, "nobody we trust", False),
    (_certificate(62), TLS, "another name", False),
    (_certificate(64), TLS, "another address", False),
    (_certificate(99, "too weak"), TLS, "not accepted (too weak)", False),
    (_tls("WRONG_VERSION_NUMBER"), TLS, "does not speak TLS", False),
    (_tls("UNSUPPORTED_PROTOCOL"), TLS, "outdated versions", False),
    (_tls("SSLV3_ALERT_HANDSHAKE_FAILURE"), TLS, "in common", False),
    (_tls("BAD_EXTENSION"), TLS, "TLS failed: BAD_EXTENSION", False),
    (_tls(None), TLS, "not accepted", False),
    (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLEOFError(8, "eof")), TLS, "hung up", True),
    (
        aiohttp.ClientConnectorError(KEY, ConnectionResetError(errno.ECONNRESET, "no")),
        TLS,
        "hung up",
        True,
    ),
    (
        aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(errno.ECONNREFUSED, "no")),
        "unreachable",
        "was refused",
        True,
    ),
    (
        aiohttp.ClientConnectorError(KEY, OSError(errno.EHOSTUNREACH, "no")),
        "unreachable",
        "no way to its network",
        True,
    ),
    (
        aiohttp.ClientConnectorError(KEY, TimeoutError(errno.ETIMEDOUT, "no")),
        "unreachable",
        "no connection could be made",
        True,
    ),
    (
        _caused(aiohttp.ClientPayloadError("x"), http_exceptions.ContentLengthError("x")),
        BODY,
        "before its announced length",
        True,
    ),
    (aiohttp.ClientPayloadError("Not enough data for x"), BODY, "before its last chunk", True),
    (aiohttp.ClientPayloadError(TORN_DOWN), BODY, TORN_DOWN, True),
    (aiohttp.ClientPayloadError("more than 3 bytes"), BODY, "more than 3 bytes", False),
    (aiohttp.ServerDisconnectedError(), "unreachable", "closed without an answer", True),
    (_caused(NoAnswer(), aiohttp.ServerDisconnectedError()), "unreachable", "without", True),
    (aiohttp.ServerDisconnectedError(object()), HEAD, "within its head", True),
    (
        _caused(NoAnswer(), aiohttp.ServerDisconnectedError(object())),
        HEAD,
        "within its head",
        True,
    ),
    (ConnectionResetError(errno.ECONNRESET, "no"), "unreachable", "closed", True),
    (_answer(http_exceptions.LineTooLong(b"a" * 99, 9)), HEAD, "line that is too long", False),
    (
        _answer(
            http_exceptions.HttpProcessingError(message="x"), http_exceptions.BadStatusLine("SSH")
        ),
        HEAD,
        "its answer is not HTTP",
        False,
    ),
    (_answer(http_exceptions.InvalidHeader("a")), HEAD, "broken header", False),
    (
        _answer(http_exceptions.BadHttpMessage("Invalid token:\n\n  b'secret'\n   ^")),
        HEAD,
        "no readable answer (invalid token)",
        False,
    ),
    (aiohttp.ClientError("its head is long"), HEAD, "no readable answer (its head", False),
    (RecursionError(), HEAD, "no readable answer (RecursionError)", False),
    (ValueError(5), HEAD, "no readable answer (ValueError)", False),
]


@pytest.mark.parametrize(
    ("error", "reason", "words", "may_heal"),
    ERRORS,
    ids=[f"{number} {row[2][:30]}" for number, row in enumerate(ERRORS)],
)
def test_each_error_has_its_reason_and_words(error, reason, words, may_heal):
    """The reason, what happened in words, and whether another try may help."""
    trouble = trouble_of_error(error)
    assert (trouble.reason.value, words in trouble.detail) == (reason, True)
    assert trouble.may_heal is may_heal
    assert len(trouble.detail) <= 150
    assert "secret" not in trouble.detail


@pytest.mark.parametrize(
    ("status", "reason", "may_heal"),
    [
        (401, RejectReason.REFUSED, False),
        (403, RejectReason.REFUSED, False),
        (404, RejectReason.GONE, False),
        (410, RejectReason.GONE, False),
        (429, RejectReason.THROTTLED, True),
        (500, RejectReason.SERVER_ERROR, True),
        (599, RejectReason.SERVER_ERROR, True),
        (204, RejectReason.BAD_ANSWER, False),
        (600, RejectReason.BAD_ANSWER, False),
        (0, RejectReason.BAD_ANSWER, False),
    ],
    ids=str,
)
def test_each_status_has_its_reason(status, reason, may_heal):
    """A status is told as it came; only what may pass is tried again."""
    trouble = trouble_of_status(status, None)
    assert (trouble.reason, trouble.may_heal) == (reason, may_heal)
    assert trouble.detail == f"status {status}"


def test_an_error_that_caused_itself_is_told():
    """A chain of causes that ends nowhere is followed a few links only."""
    error = aiohttp.ClientPayloadError("x")
    other = ValueError()
    error.__cause__, other.__cause__ = other, error
    assert trouble_of_error(error).reason is RejectReason.BAD_ANSWER
