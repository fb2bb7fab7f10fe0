"""Why a connection failed, in words that people understand."""

from __future__ import annotations

import requests
from urllib3 import exceptions as u3

_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (u3.ProxyError, "the proxy did not let the request through"),
    (u3.NameResolutionError, "the name could not be resolved"),
    (u3.SSLError, "the TLS connection was not accepted"),
    (requests.exceptions.SSLError, "the TLS connection was not accepted"),
    (ConnectionRefusedError, "the connection was refused"),
    (u3.TimeoutError, "no answer within {timeout_s:g} s"),
    (TimeoutError, "no answer within {timeout_s:g} s"),
    (requests.Timeout, "no answer within {timeout_s:g} s"),
    (ConnectionResetError, "the connection was closed before the answer was complete"),
    (u3.DecodeError, "the answer could not be unpacked"),
    (u3.ProtocolError, "the connection was closed before the answer was complete"),
    (u3.NewConnectionError, "no connection could be made"),
)
"""Most telling first."""


def cause_of(error: BaseException, timeout_s: float) -> str:
    """Return the cause of a failed call, as half a sentence without addresses or names."""
    chain = _chain(error)
    for kind, words in _WORDS:
        if any(isinstance(link, kind) for link in chain):
            return words.format(timeout_s=timeout_s)
    return f"the call failed ({type(chain[-1]).__name__})"


def _chain(error: BaseException) -> list[BaseException]:
    """The error and everything behind it, outermost first."""
    chain: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        link = waiting.pop(0)
        if isinstance(link, BaseException) and link not in chain:
            chain.append(link)
            waiting += [getattr(link, "reason", None), *link.args]
            waiting += [link.__cause__, link.__context__]
    return chain
