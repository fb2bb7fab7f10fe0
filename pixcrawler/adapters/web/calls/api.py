"""Single calls of web APIs: one at a time, bounded, with causes in words."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
import urllib3
from typing_extensions import override
from urllib3.exceptions import HTTPError

from pixcrawler.adapters.web.calls.causes import cause_of
from pixcrawler.adapters.web.calls.hurry import HurriedAdapter, Hurry
from pixcrawler.adapters.web.manners import stated_wait_s, user_agent
from pixcrawler.domain.errors import SourceUnavailable
from pixcrawler.pipeline.engines.ports import Answer, Request

MAX_BYTES = 8 * 1024 * 1024
"""Largest answer: the largest seen is under 1 MB."""
MAX_REDIRECTS = 3
_PIECE_BYTES = 64 * 1024
_SHOWN_CHARS = 300
_SLOW = "the answer came too slowly"
_COOKIES_MAX_CHARS = 16_000
"""Of all that are kept: they are sent with each request, and a service could set megabytes."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_COUNTRY_CHARS = 2
_SHORT_PART_CHARS = 3
_NAME = re.compile("[a-z0-9.-]+")
"""Of a host: no port, no user, nothing that two readers of addresses read in two ways."""
_PUBLIC = frozenset({"user-agent", "accept", "accept-language"})
_MOVED = frozenset({301, 302, 303, 307, 308})


class _Unanswered(Exception):
    """One try gave no answer."""

    def __init__(self, host: str, cause: str, *, is_final: bool = False) -> None:
        # The host may come from a redirect: nothing that a log or a database chokes on.
        words = "".join(char if char.isprintable() else "?" for char in f"{host}: {cause}")
        super().__init__(words[:_SHOWN_CHARS])
        self.is_final = is_final


class Api:
    """Calls one service, one request at a time whatever the number of threads.

    It keeps the service's cookies. What it raises and logs names hosts and causes, never the
    address asked for: the operator's key may stand in it.

    Args:
        contact: address or mail for the User-Agent.
        timeout_s: for connecting, for each silence, and for one try in all (checked between
            pieces of the body; whatever else is sent, twice as long and no longer).
    """

    def __init__(self, contact: str, *, timeout_s: float = 15.0) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._session = _Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HurriedAdapter())
        self._session.headers.update({"User-Agent": user_agent(contact), "Accept": "*/*"})

    def send(self, request: Request) -> Answer:
        """Return the answer to one try of a GET, whatever its status.

        Raises:
            SourceUnavailable: no answer came; the message is ``host: cause``, and the detail
                ``is_final`` says that another try would fare the same.
        """
        with self._lock:
            try:
                with Hurry(2 * self._timeout_s) as hurry:
                    return self._try(request, hurry)
            except _Unanswered as trouble:
                words, is_final = str(trouble), trouble.is_final
        # Out here it has no cause and no context: what requests raises shows the address.
        raise SourceUnavailable(words, is_final=is_final)

    def _try(self, request: Request, hurry: Hurry) -> Answer:
        """One GET with its redirects."""
        deadline = time.monotonic() + self._timeout_s
        following = _whole_address(request)
        first = urlsplit(following).netloc
        host = ""
        for _ in range(MAX_REDIRECTS + 1):
            parts = urlsplit(following)
            host = parts.hostname or ""
            headers = request.headers if parts.netloc == first else _for_strangers(request.headers)
            try:
                with self._open(following, host, headers) as response:
                    target = response.headers.get("Location")
                    is_moved = response.status_code in _MOVED and target and request.follow
                    answer = None if is_moved else _read(response, host, deadline)
            except (requests.RequestException, HTTPError) as error:
                cause = _SLOW if hurry.is_over else cause_of(error, self._timeout_s)
                raise _Unanswered(host, cause) from None
            # What is cut off may look like an answer.
            if hurry.is_over:
                raise _Unanswered(host, _SLOW)
            if answer is not None:
                return answer
            following = _next_hop(parts, target or "", host)
        raise _Unanswered(host, f"redirected more than {MAX_REDIRECTS} times", is_final=True)

    def _open(self, url: str, host: str, headers: Mapping[str, str]) -> requests.Response:
        # A proxy from the environment is the way out for many, but never to this machine.
        self._session.trust_env = host not in _LOOPBACK
        if sum(len(cookie.value or "") for cookie in self._session.cookies) > _COOKIES_MAX_CHARS:
            self._session.cookies.clear()
        return self._session.get(
            url, headers=dict(headers), timeout=self._timeout_s, allow_redirects=False, stream=True
        )


class _Session(requests.Session):
    """Leaves redirects to us: it fails on odd ones, and leaves their connection open."""

    @override
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Say that there is none."""


def _whole_address(request: Request) -> str:
    try:
        prepared = requests.Request("GET", request.url, params=dict(request.params)).prepare()
    except (requests.RequestException, ValueError):
        where = request.url.partition("?")[0]
        raise _Unanswered(where, "this address makes no sense", is_final=True) from None
    return prepared.url or request.url


def _for_strangers(headers: Mapping[str, str]) -> dict[str, str]:
    """What another host may see of an engine's headers: no key."""
    return {name: value for name, value in headers.items() if name.lower() in _PUBLIC}


def _next_hop(parts: SplitResult, target: str, host: str) -> str:
    """The address a redirect leads to: the same host in the same way, or one of its owner's.

    Nobody else: an engine that is not what it seems could send us to what only we can reach.
    """
    try:
        following = urljoin(parts.geturl(), target)
        there = urlsplit(following)
    except ValueError:
        raise _Unanswered(host, "redirected to no address", is_final=True) from None
    is_same_place = (there.scheme, there.netloc) == (parts.scheme, parts.netloc)
    if not is_same_place and not (there.scheme == "https" and _is_kin(there.netloc, host)):
        cause = f"redirected to another scheme or host ({there.scheme}, {there.hostname})"
        raise _Unanswered(host, cause, is_final=True)
    return following


def _is_kin(netloc: str, host: str) -> bool:
    """Whether a plain name of a host seems to be of another one's owner; an IP address is not."""
    ours, theirs = host.split("."), netloc.lower().split(".")
    # bbc.co.uk has three parts of its own.
    is_long = len(ours[-1]) == _COUNTRY_CHARS and len(ours[-2:][0]) <= _SHORT_PART_CHARS
    count = 3 if is_long else 2
    is_name = bool(_NAME.fullmatch(netloc.lower())) and not ours[-1].isdigit()
    return is_name and len(ours) >= count and ours[-count:] == theirs[-count:]


def _read(response: requests.Response, host: str, deadline: float) -> Answer:
    """The whole answer, unless it is too large or comes too slowly."""
    raw: urllib3.BaseHTTPResponse = response.raw
    body = bytearray()
    while piece := raw.read1(_PIECE_BYTES, decode_content=True):
        body += piece
        if len(body) > MAX_BYTES:
            raise _Unanswered(host, f"the answer is larger than {MAX_BYTES} bytes", is_final=True)
        if time.monotonic() > deadline:
            raise _Unanswered(host, _SLOW)
    wait_s = stated_wait_s(response.headers.get("Retry-After"))
    headers = {name.lower(): value for name, value in response.headers.items()}
    asked = urlsplit(str(response.url))._replace(query="", fragment="").geturl()
    return Answer(response.status_code, bytes(body), headers, asked, wait_s)
