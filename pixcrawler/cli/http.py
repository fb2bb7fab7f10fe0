"""HTTP that cannot hang: every answer is bounded in time and size, outages are waited out."""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests
import urllib3

from pixcrawler.cli.errors import Unreachable

_GATEWAY_TROUBLE = (502, 503, 504)
_MAX_ANSWER_BYTES = 16 * 1024 * 1024
_PIECE_BYTES = 64 * 1024
_LONGEST_WAIT_S = 10.0
_LONGEST_ASKED_S = 60
"""Who asks for more is not waited for: what it says is the answer."""
_NOTE_AFTER_S = 1.0

TROUBLE = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
"""Everything that a connection may die of."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for what, in seconds."""

    connect_s: float = 5.0
    answer_s: float = 60.0
    """For one whole answer."""
    outage_s: float = 120.0
    """For a server that is away or ill, over all attempts."""
    first_outage_s: float = 10.0
    """For one that has not answered yet: perhaps its address is wrong."""
    first_wait_s: float = 0.3

    @classmethod
    def from_environment(cls) -> Patience:
        """Take ``PIXCRAWLER_PATIENCE_S`` as the outage that is waited out."""
        try:
            seconds = float(os.environ["PIXCRAWLER_PATIENCE_S"])
            return cls(outage_s=seconds, first_outage_s=min(cls.first_outage_s, seconds))
        except (KeyError, ValueError):
            return cls()


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the JSON object of the body, or an empty one."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


def new_session(*, proxies: bool) -> requests.Session:
    """Return a session; ``proxies`` says whether the environment's proxies apply."""
    session = requests.Session()
    session.trust_env = proxies
    session.headers.update({"Accept-Encoding": "identity", "User-Agent": "pixcrawler-cli"})
    return session


class Caller:
    """Sends requests that are safe to repeat, again and again until patience ends."""

    def __init__(
        self, session: requests.Session, patience: Patience, note: Callable[[str], None]
    ) -> None:
        self._session = session
        self._patience = patience
        self._note = note
        self._has_answered = False

    def call(
        self,
        method: str,
        url: Callable[[], str],
        headers: Callable[[], Mapping[str, str]],
        body: Any = None,
    ) -> Answer:
        """Return the answer; ``url`` and ``headers`` are asked anew at each attempt.

        Bytes are sent as they are, anything else as JSON.

        Raises:
            Unreachable: there was none in time, and none but gateway errors.
        """
        started = time.monotonic()
        patience = self._patience
        wait_s = patience.first_wait_s
        longest_s = patience.outage_s if self._has_answered else patience.first_outage_s
        noted = False
        while True:
            answer, trouble = self._attempt(method, url(), headers(), body)
            if answer is not None and trouble is None:
                self._has_answered = True
                if noted:
                    self._note("connected again")
                return answer
            waited = time.monotonic() - started
            if waited > longest_s:
                raise Unreachable(f"{_origin(url())} does not answer: {trouble}")
            if not noted and waited > _NOTE_AFTER_S:
                noted = True
                self._note(f"no answer ({trouble}); trying again for {longest_s:.0f} s")
            asked_s = min(_asked_wait(answer), _LONGEST_ASKED_S) if answer else 0
            time.sleep(asked_s or wait_s * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    def _attempt(
        self, method: str, url: str, headers: Mapping[str, str], body: Any
    ) -> tuple[Answer | None, str | None]:
        """Return the answer and what is wrong with it, if anything."""
        deadline = time.monotonic() + self._patience.answer_s
        try:
            response = self._session.request(
                method,
                url,
                headers=dict(headers),
                **({"data": body} if isinstance(body, bytes) else {"json": body}),
                timeout=(self._patience.connect_s, self._patience.answer_s),
                allow_redirects=False,
                stream=True,
            )
            with response:
                answer = Answer(response.status_code, response.headers, _whole(response, deadline))
        except requests.exceptions.InvalidURL as error:
            raise Unreachable(f"{url} is not an address: {error}") from None
        except TROUBLE as error:
            return None, in_short(error)
        if _may_pass(answer):
            return answer, f"it says {answer.status}: {_message(answer)}"
        return answer, None


def _whole(response: requests.Response, deadline: float) -> bytes:
    """Read the body; a server that drips it or sends without end is trouble, too."""
    body = bytearray()
    while piece := response.raw.read1(_PIECE_BYTES):
        body += piece
        if len(body) > _MAX_ANSWER_BYTES:
            raise requests.RequestException("the answer is too large")
        if time.monotonic() > deadline:
            raise requests.Timeout("the answer does not end")
    return bytes(body)


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3])


def _may_pass(answer: Answer) -> bool:
    """Whether the server is ill, or asks for a wait that is worth waiting for."""
    if answer.status == requests.codes.too_many_requests:
        return _asked_wait(answer) <= _LONGEST_ASKED_S
    return answer.status in _GATEWAY_TROUBLE


def _asked_wait(answer: Answer) -> int:
    """Return the seconds that the server asks to wait; 0 where it does not say."""
    stated = answer.headers.get("Retry-After", "")
    return int(stated) if re.fullmatch("[0-9]{1,9}", stated) else 0


def _message(answer: Answer) -> str:
    error = answer.json().get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return str(message or "temporarily unavailable")


def in_short(error: Exception) -> str:
    """Return what a failed connection died of, in a few words."""
    text = repr(error)
    known = {
        "Connection refused": "connection refused",
        "Name or service not known": "there is no such host",
        "NameResolutionError": "there is no such host",
        "ConnectTimeout": "no connection in time",
        "Timeout": "no answer in time",
        "timed out": "no answer in time",
        "CERTIFICATE_VERIFY_FAILED": "its certificate is not valid",
        "Network is unreachable": "no network",
        "No space left": "the disk is full",
    }
    return next((words for sign, words in known.items() if sign in text), "the connection broke")
