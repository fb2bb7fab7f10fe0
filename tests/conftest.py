"""Shared by every test: a clean environment, no network but this machine's, markers by folder."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
MARKED = ("integration", "e2e", "faults")

# What a developer's shell, a cloud login or a company proxy may have set: no test depends on it.
FOREIGN_PREFIXES = ("PIXCRAWLER_", "AZURE", "WEBSITE_", "SUPABASE_", "DATABASE_", "PG")
FOREIGN_NAMES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy"}


def _clean_environment() -> None:
    for name in list(os.environ):
        if name.upper().startswith(FOREIGN_PREFIXES) or name.lower() in FOREIGN_NAMES:
            del os.environ[name]
    os.environ["AZURE_FUNCTIONS_DURABLE_STRICT_TYPING"] = "1"
    # One installation of Azurite for all tests and all runs of this checkout.
    os.environ["PIXCRAWLER_CACHE"] = str(ROOT / ".pixcrawler" / "cache")


def _hear_ctrl_c() -> None:
    """A shell's background job ignores SIGINT, and so would every process that a test starts."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# At import, because fixtures of a session and the modules under test read it.
_clean_environment()
_hear_ctrl_c()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the folder they live in."""
    for item in items:
        kind = item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""
        if kind in MARKED:
            item.add_marker(kind)


class OutsideRefused(Exception):
    """A test reached for something that is not this machine."""


def _is_here(host: object) -> bool:
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(text.split("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True, scope="session")
def _only_this_machine():
    """Refuse every connection and name look-up beyond loopback, with a sentence that says so."""
    patch = pytest.MonkeyPatch()
    real_lookup = socket.getaddrinfo

    def lookup(host, *args, **kwargs):
        # A literal address is no look-up; connecting to it is refused below.
        try:
            ipaddress.ip_address(str(host))
        except ValueError:
            if not _is_here(host):
                raise OutsideRefused(f"a test looked up {host!r}: only loopback is there") from None
        return real_lookup(host, *args, **kwargs)

    def guarded(name):
        real = getattr(socket.socket, name)

        def connect(self, address):
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):
                self.close()  # nobody who expects an OSError would
                raise OutsideRefused(f"a test connected to {address!r}: only loopback is there")
            return real(self, address)

        return connect

    patch.setattr(socket, "getaddrinfo", lookup)
    for name in ("connect", "connect_ex"):
        patch.setattr(socket.socket, name, guarded(name))
    yield
    patch.undo()
