# ruff: noqa: RUF001, S104 - letters that look like others, and 0.0.0.0, are what this is about
"""Names: looked up once, every address vetted, and vetted again when they are looked up again."""

from __future__ import annotations

import socket
import threading

import pytest

from pixcrawler.adapters.web.connecting.guard import ThreadResolver
from tests.fakes.rawweb import PICTURE, End, Forever, answer
from tests.integration.web.attacks.conftest import (
    NAMES_KEPT,
    PUBLIC,
    SITE_DEADLINE,
    Names,
    fetch,
    fetch_all,
)

BLOCKED = "address_blocked"
INSIDE = "127.0.0.1"
PATIENCE_S = 30.0
OK = (answer(), End.KEEP)
HANG_UP = (answer(PICTURE, "200 OK", "Connection: close"),)
MIXED = [
    [PUBLIC, INSIDE],
    [INSIDE, PUBLIC],
    [PUBLIC, "10.0.0.1"],
    [PUBLIC, "169.254.169.254"],
    [PUBLIC, "168.63.129.16"],
    [PUBLIC, "::1"],
    [PUBLIC, "fe80::1%lo"],
    [PUBLIC, "fd00:ec2::254"],
    [PUBLIC, "::ffff:169.254.169.254"],
    [PUBLIC, "64:ff9b::a9fe:a9fe"],
    [PUBLIC, "2002:7f00:1::1"],
    [PUBLIC, "0.0.0.0"],
    [PUBLIC, "not an address"],
    [PUBLIC] * 20 + [INSIDE],
]


@pytest.mark.parametrize(
    "addresses", MIXED, ids=[f"{len(row)} {row[0]} {row[-1]}" for row in MIXED]
)
def test_one_bad_address_among_several_refuses_the_name(town, addresses):
    """A name with a public and a private address is refused whole: nobody is connected to."""
    seen = fetch(town.url("/a.jpg"), names=Names(name_example=[addresses]))
    assert (seen.reason, town.connected) == (BLOCKED, [])


def test_the_vetted_address_is_the_one_that_is_connected_to(town):
    """The second answer of a rebinding name is never asked for while the first one is kept."""
    names = Names(name_example=[[PUBLIC], [INSIDE]])
    town.public.scripts["/a.jpg"] = HANG_UP
    seen = fetch_all([town.url(f"/a.jpg?{n}") for n in range(8)], names=names, concurrency=1)
    assert [one.data for one in seen] == [PICTURE] * 8
    assert (names.asked["name.example"], town.strangers()) == (1, [])
    assert town.public.connections >= 8


def test_a_name_that_is_looked_up_again_is_vetted_again(town, monkeypatch):
    """After a look-up is forgotten, the name's new private address is refused."""
    monkeypatch.setattr(NAMES_KEPT, 0)
    names = Names(name_example=[[PUBLIC], [PUBLIC], [INSIDE]])
    town.public.scripts["/a.jpg"] = HANG_UP
    town.public.scripts["/robots.txt"] = (answer(b"", "404 None", "Connection: close"),)
    urls = [town.url(f"/a.jpg?{n}") for n in range(8)]
    seen = fetch_all(urls, names=names, concurrency=1)
    assert {one.reason for one in seen} == {None, BLOCKED}
    assert (seen[-1].reason, town.strangers()) == (BLOCKED, [])


def test_a_kept_connection_stays_with_the_vetted_address(town):
    """A name that turned private changes nothing for a connection that is there already."""
    names = Names(name_example=[[PUBLIC], [INSIDE]])
    town.public.scripts["/a.jpg"] = OK
    seen = fetch_all([town.url(f"/a.jpg?{n}") for n in range(8)], names=names, concurrency=1)
    assert [one.data for one in seen] == [PICTURE] * 8
    assert (town.public.connections, town.strangers()) == (1, [])


def test_names_are_case_and_dot_blind_but_vetted_each(town):
    """The same name in other letters opens no way around."""
    names = Names(name_example=[[INSIDE]])
    for name in ("NAME.example", "name.example.", "ｎａｍｅ.example", "name。example"):
        assert fetch(town.url("/a.jpg", name), names=names).reason == BLOCKED
    assert town.connected == []


LOOK_UPS = {
    "no such name": (socket.gaierror(socket.EAI_NONAME, "no"), "name_unresolved", "no such name"),
    "no answer": (socket.gaierror(socket.EAI_AGAIN, "no"), "name_unresolved", "could not be"),
    "no address": ([], "name_unresolved", "no such name"),
    "a broken resolver": (OSError("broken"), "name_unresolved", "could not be"),
}


@pytest.mark.parametrize(("found", "reason", "words"), LOOK_UPS.values(), ids=LOOK_UPS)
def test_a_name_that_leads_nowhere_is_told_as_such(town, found, reason, words):
    """Whoever reads the outcome knows that the name is the trouble."""
    seen = fetch(town.url("/a.jpg"), names=Names(name_example=[found]))
    assert (seen.reason, words in seen.detail) == (reason, True)
    assert "name.example" in seen.detail


def test_a_look_up_that_hangs_ends_at_the_deadline(town, monkeypatch):
    """A name server that never answers holds nobody beyond the deadline."""
    monkeypatch.setattr(SITE_DEADLINE, 0.5)
    seen = fetch(town.url("/a.jpg"), names=Names(hang_s=60), deadline_s=0.5)
    assert (seen.reason, town.connected) == ("timed_out", [])


def test_one_name_does_not_lead_through_a_whole_network(town):
    """Of very many addresses of a name only a few are tried."""
    crowd = [f"127.1.0.{n}" for n in range(1, 200)]
    town.open_to(*crowd)
    seen = fetch(town.url("/a.jpg"), names=Names(name_example=[crowd]))
    assert (seen.reason, len(set(town.connected)) <= 8) == ("unreachable", True)


def test_the_next_address_of_a_name_is_tried(town):
    """Where nobody answers at the first address, the second one gives the picture."""
    town.open_to("127.1.0.1")
    town.public.scripts["/a.jpg"] = OK
    names = Names(name_example=[["127.1.0.1", PUBLIC]])
    assert fetch(town.url("/a.jpg"), names=names).data == PICTURE


def test_a_host_that_never_answers_leaves_others_alone(town):
    """While one site drips, another one's picture arrives."""
    drip = (b"HTTP/1.1 200 OK\r\nX-Drip: ", Forever(b"a", 0.05))
    town.public.scripts |= {"/a.jpg": drip, "/b.jpg": OK}
    seen = fetch_all(
        [town.url("/a.jpg", "slow.example"), town.url("/b.jpg", "quick.example")], deadline_s=2.0
    )
    assert (seen[0].reason, seen[1].data) == ("timed_out", PICTURE)


def test_names_that_hang_leave_others_their_look_ups(town, monkeypatch):
    """A domain whose name server never answers does not keep other sites from being found."""
    over = threading.Event()
    ask = socket.getaddrinfo

    def name_service(host, *args, **options):
        if host.startswith("hang"):
            over.wait(PATIENCE_S)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return ask(PUBLIC, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", name_service)
    monkeypatch.setattr(SITE_DEADLINE, 2.0)
    town.public.scripts["/a.jpg"] = OK
    hanging = [town.url("/a.jpg", f"hang{n}.example") for n in range(60)]
    good = [town.url("/a.jpg", f"good{n}.example") for n in range(4)]
    try:
        seen = fetch_all([*hanging, *good], names=ThreadResolver(), deadline_s=2.0)
    finally:
        over.set()
    assert {one.reason for one in seen[:60]} == {"timed_out"}
    assert [one.data for one in seen[60:]] == [PICTURE] * 4
