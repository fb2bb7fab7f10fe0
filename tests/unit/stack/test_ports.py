import socket

import pytest

from pixcrawler.host.stack.errors import CannotStart
from pixcrawler.host.stack.ports import Ports, free_port, is_free


@pytest.fixture
def taken():
    """A port with a listener."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_free_port_can_be_bound():
    """A free port is one that a server can take."""
    port = free_port()
    assert 15_000 <= port < 32_000
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))


def test_taken_port_is_not_free(taken):
    """A port with a listener is not free."""
    assert not is_free(taken)


def test_ports_are_remembered(tmp_path):
    """The same name gets the same port after a restart, other names get others."""
    first = Ports(tmp_path / "p").claim("host")
    assert Ports(tmp_path / "p").claim("host") == first
    assert Ports(tmp_path / "p").claim("auth") != first


def test_stranger_on_a_remembered_port(tmp_path):
    """A remembered port that a stranger took is replaced, and a person is told."""
    port = Ports(tmp_path / "p").claim("host")
    said = []
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        other = Ports(tmp_path / "p", said.append).claim("host")
    assert other != port
    assert str(port) in said[0]
    assert Ports(tmp_path / "p").claim("host") == other


def test_wanted_port_is_obeyed_or_refused(tmp_path, taken):
    """A port that was asked for is used and remembered, or refused when it is taken."""
    wanted = free_port()
    ports = Ports(tmp_path / "p")
    assert ports.claim("host", wanted) == wanted
    assert ports.claim("host") == wanted
    with pytest.raises(CannotStart, match=str(taken)):
        ports.claim("host", taken)
