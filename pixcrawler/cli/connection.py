"""Which API a command talks to: the one that was named, or that of the local stack."""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from pixcrawler.cli.api import Api
from pixcrawler.cli.errors import Mistake
from pixcrawler.cli.http import Caller, Patience, new_session
from pixcrawler.cli.stack import Stack
from pixcrawler.cli.talk import Talk
from pixcrawler.cli.tokens import GivenToken, LocalUser


@dataclass(frozen=True)
class Connection:
    """An API, and the local stack behind it if it is one."""

    api: Api
    patience: Patience
    stack: Stack | None = None


@contextlib.contextmanager
def connected(options: argparse.Namespace, talk: Talk) -> Iterator[Connection]:
    """Give a connection as the options say, starting the local stack where it is needed.

    Raises:
        Mistake: the address makes no sense.
        Unreachable: the local stack does not start.
    """
    patience = Patience.from_environment()
    if options.api:
        base = _address(options.api)
        with new_session(proxies=not _is_loopback(base)) as session:
            caller = Caller(session, patience, talk.note)
            yield Connection(Api(lambda: base, GivenToken(options.token_file), caller), patience)
        return
    stack = Stack(options.state, talk.note)
    with stack.used(keep=options.keep), new_session(proxies=False) as session:
        caller = Caller(session, patience, talk.note)
        user = LocalUser(stack.state, stack.facts, caller)
        yield Connection(Api(stack.address, user, caller), patience, stack)


def _address(text: str) -> str:
    """Return the address without its end; refuse one over which a token would travel readable."""
    base = text.rstrip("/").removesuffix("/api/v1").rstrip("/")
    try:
        parts = urlsplit(base)
        _ = parts.port
    except ValueError as error:
        raise Mistake(f"--api {text}: not an address: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Mistake(f"--api {text}: an address such as https://pictures.example.org is needed")
    if parts.scheme == "http" and not _is_loopback(base):
        raise Mistake(f"--api {text}: https is needed, or everybody on the way can read the token")
    return base


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
