"""Who we say we are, how long we wait, and how a cause is put in words."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import aiohttp
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from urllib3 import exceptions as u3

from pixcrawler.adapters.web.calls.causes import cause_of
from pixcrawler.adapters.web.manners import back_off_s, stated_wait_s, user_agent
from pixcrawler.adapters.web.visiting.trouble import trouble_of_error, trouble_of_status
from pixcrawler.domain.verdict import RejectReason

# No time limits: a busy machine is not a broken promise.
STEADY = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
NOON = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
WEEK_S = 7 * 24 * 3600


def test_the_user_agent_is_honest():
    """Name, version and contact; nothing that could end the header."""
    assert user_agent("ops@example.org") == "PixCrawler/0.1 (+ops@example.org)"
    assert "\n" not in user_agent("a\r\nX-Evil: 1")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("0", 0.0),
        ("37", 37.0),
        (" 5 ", 5.0),
        ("99999999999999999999", WEEK_S),
        ("Fri, 20 Nov 2026 12:00:30 GMT", 30.0),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0.0),
        ("Fri, 20 Nov 2026 12:00:30", 30.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("²", None),
        ("Fri, 20 Nov 99999999999 12:00:30 GMT", None),
    ],
)
def test_a_stated_wait_is_read(header, expected):
    """Seconds or a date; bounded; nonsense is none."""
    assert stated_wait_s(header, NOON) == expected


@STEADY
@given(st.text())
def test_no_header_breaks_the_reader(header):
    """Whatever a server sends, the wait is none or between zero and a week."""
    wait_s = stated_wait_s(header, NOON)
    assert wait_s is None or 0 <= wait_s <= WEEK_S


def test_waits_grow_and_stay_bounded():
    """Each wait is about twice the one before, up to eight seconds and a half more."""
    assert 0.25 <= back_off_s(1) <= 0.75
    assert 0.5 <= back_off_s(2) <= 1.5
    assert 4 <= back_off_s(30) <= 12


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (u3.NameResolutionError("h", None, socket.gaierror()), "name could not be resolved"),
        (ConnectionRefusedError(111, "refused"), "connection was refused"),
        (u3.ReadTimeoutError(None, "u", "slow"), "no answer within 15 s"),
        (requests.ConnectTimeout(), "no answer within 15 s"),
        (requests.exceptions.SSLError(u3.SSLError("bad")), "TLS"),
        (u3.ProxyError("p", ConnectionRefusedError()), "proxy"),
        (u3.ProtocolError("x", ConnectionResetError()), "closed before"),
        (u3.DecodeError("x"), "unpacked"),
        (RuntimeError("what"), "RuntimeError"),
    ],
)
def test_a_cause_is_put_in_words(error, words):
    """What requests raises becomes half a sentence for people, however deep the cause lies."""
    outer = requests.ConnectionError(u3.MaxRetryError(None, "/secret?key=1", error))
    assert words in cause_of(outer, 15.0)
    assert "secret" not in cause_of(outer, 15.0)


@pytest.mark.parametrize(
    ("status", "reason", "may_heal"),
    [
        (401, RejectReason.REFUSED, False),
        (410, RejectReason.GONE, False),
        (429, RejectReason.THROTTLED, True),
        (599, RejectReason.SERVER_ERROR, True),
        (304, RejectReason.BAD_ANSWER, False),
        (451, RejectReason.BAD_ANSWER, False),
    ],
)
def test_each_status_has_one_reason(status, reason, may_heal):
    """A status maps to one reason, and only busy ones may heal."""
    trouble = trouble_of_status(status, "7")
    assert (trouble.reason, trouble.may_heal) == (reason, may_heal)
    assert trouble.wait_s == (7.0 if may_heal else None)


def test_every_client_error_has_a_reason():
    """Whatever aiohttp exports as an error is an outcome, not a surprise."""
    kinds = [
        kind
        for kind in vars(aiohttp.client_exceptions).values()
        if isinstance(kind, type) and issubclass(kind, aiohttp.ClientError)
    ]
    assert len(kinds) > 20
    for kind in kinds:
        error = kind.__new__(kind)
        error._os_error = OSError(socket.EAI_AGAIN, "try again")
        assert trouble_of_error(error).detail


def test_a_name_that_does_not_exist_is_not_asked_for_again():
    """A missing name is final; a resolver that is busy may heal."""
    details = {}
    for number in (socket.EAI_NONAME, socket.EAI_AGAIN):
        error = aiohttp.ClientConnectorDNSError.__new__(aiohttp.ClientConnectorDNSError)
        error._os_error = socket.gaierror(number, "no")
        details[number] = trouble_of_error(error).may_heal
    assert details == {socket.EAI_NONAME: False, socket.EAI_AGAIN: True}
