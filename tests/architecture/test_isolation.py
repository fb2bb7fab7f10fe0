"""Tests depend on this machine alone."""

import os
import socket
import urllib.error
import urllib.request

import pytest


def test_looking_up_an_outside_name_is_refused():
    """No test asks a name server."""
    with pytest.raises(Exception, match="only loopback"):
        socket.getaddrinfo("example.org", 443)


def test_connecting_to_an_outside_address_is_refused():
    """No test opens a connection beyond loopback, not even to a literal address."""
    with pytest.raises(Exception, match="only loopback"):
        urllib.request.urlopen("http://192.0.2.1/", timeout=1)


def test_loopback_is_reachable():
    """Servers of this machine can be used by name and by address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for host in ("127.0.0.1", "localhost"):
            socket.create_connection((host, port), timeout=5).close()


@pytest.mark.parametrize("name", ["PIXCRAWLER_TOKEN", "AzureWebJobsStorage", "https_proxy"])
def test_the_shell_does_not_leak_in(name):
    """What the developer has set in the shell is not there."""
    assert os.environ.get(name) is None


def test_folders_mark_tests(request):
    """A test of this folder carries no marker of a slow folder."""
    assert {"integration", "e2e", "faults"}.isdisjoint(m.name for m in request.node.iter_markers())
