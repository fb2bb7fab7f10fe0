"""Calls: one POST with a deadline that holds, a cap on the answer, and no redirects."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from yarl import URL

from pixcrawler.adapters.words.forms import is_local
from pixcrawler.domain.errors import SourceChanged, SourceUnavailable

MAX_BYTES = 1024 * 1024
"""Largest answer: fifty phrases take 5 kB, whatever the server puts around them."""

# What hostile answers have raised, or may raise, in a client of 30,000 lines.
_CALL_ERRORS = (
    aiohttp.ClientError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class Reply:
    """What a server answered, whatever its status."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    """Names in lower case."""


class Post(Protocol):
    """Sends one POST."""

    def __call__(
        self, url: str, body: bytes, headers: Mapping[str, str], deadline_s: float
    ) -> Reply:
        """Return the answer.

        Raises:
            SourceUnavailable: none came in time; the message is the cause, in words.
            SourceChanged: it is larger than any answer may be.
        """
        ...


def post(url: str, body: bytes, headers: Mapping[str, str], deadline_s: float) -> Reply:
    """Send one POST of JSON; see Post."""
    try:
        return asyncio.run(_posted(url, body, headers, deadline_s))
    except TimeoutError:
        raise SourceUnavailable("it gave no complete answer in time") from None
    except _CALL_ERRORS as error:
        # From None: the error's own text may name the address, and the request with its key.
        raise SourceUnavailable(_cause(error)) from None


async def _posted(url: str, body: bytes, headers: Mapping[str, str], deadline_s: float) -> Reply:
    address = URL(url, encoded=url.isascii())
    # A proxy from the environment is the way out for many, but never to this machine.
    trust_env = not is_local(address.host or "")
    sent = {"Content-Type": "application/json", "Accept-Encoding": "identity", **headers}
    async with (
        asyncio.timeout(deadline_s),
        aiohttp.ClientSession(
            trust_env=trust_env,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
        ) as session,
        session.post(address, data=body, headers=sent, allow_redirects=False) as response,
    ):
        names = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status, await _body(response), names)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > MAX_BYTES:
            raise SourceChanged(f"the answer is larger than {MAX_BYTES // 1024} kB")
    return bytes(body)


def _cause(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name could not be resolved"
    if isinstance(error, aiohttp.ClientSSLError):
        return "the TLS connection was not accepted"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "no connection could be made"
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError):
        return "the connection was closed before the answer was complete"
    return f"the call failed ({type(error).__name__})"
