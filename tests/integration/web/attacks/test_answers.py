"""Answers that attack: each ends with its reason, within the deadline, and reaches nobody else."""

from __future__ import annotations

import zlib

import pytest

from tests.fakes.rawweb import PICTURE, End, RawWeb, answer
from tests.integration.web.attacks.answers import BAD, FLOODS, GOOD, HANGING, TAILS
from tests.integration.web.attacks.conftest import PUBLIC, Memory, Town, fetch, fetch_all, open_town

HASTY_S = 1.5
MOST_MB = 32
SLACK_S = 15.0
"""However busy this machine may be."""


@pytest.fixture(scope="module")
def played():
    """What comes of each script of a table, all of them at once, each at a host of its own."""
    with (
        pytest.MonkeyPatch.context() as patch,
        RawWeb(PUBLIC) as public,
        RawWeb() as private,
    ):
        here = Town(public, private)
        open_town(patch, here)
        known = {}

        def play(scripts, **options):
            if id(scripts) not in known:
                public.scripts |= {f"/{n}": script for n, script in enumerate(scripts.values())}
                urls = [here.url(f"/{n}", f"case{n}.example") for n in range(len(scripts))]
                seen = fetch_all(urls, **options)
                assert here.strangers() == []
                assert private.connections == 0
                known[id(scripts)] = dict(zip(scripts, seen, strict=True))
            return known[id(scripts)]

        yield play


@pytest.mark.parametrize("name", GOOD)
def test_what_bends_the_rules_arrives(played, name):
    """Servers of all ages and habits are understood."""
    seen = played(GOOD)[name]
    assert (seen.reason, seen.data) == (None, PICTURE)


BAD_SCRIPTS = {name: script for name, (script, _, _) in BAD.items()}


@pytest.mark.parametrize("name", BAD)
def test_what_breaks_the_rules_has_its_reason(played, name):
    """A wrong answer ends with the reason that helps whoever reads it, at once."""
    seen = played(BAD_SCRIPTS)[name]
    _, reason, words = BAD[name]
    assert (seen.reason, words in seen.detail) == (reason, True)


@pytest.mark.parametrize("name", HANGING)
def test_what_never_ends_is_given_up(played, name):
    """Silence and drips, wherever in an answer, are given up at the deadline."""
    seen = played(HANGING, deadline_s=HASTY_S)[name]
    assert seen.reason == "timed_out"
    assert seen.elapsed_ms < (HASTY_S + SLACK_S) * 1000


FLOOD_SCRIPTS = {name: script for name, (script, _) in FLOODS.items()}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_cut_off(played, name):
    """What is sent without end is cut off as soon as it is too much."""
    seen = played(FLOOD_SCRIPTS)[name]
    _, reason = FLOODS[name]
    assert seen.reason == reason


@pytest.mark.parametrize("name", TAILS)
def test_what_follows_a_good_answer_is_not_listened_to(played, name):
    """The picture arrives; whatever else the server sends is not taken."""
    seen = played(TAILS)[name]
    assert (seen.reason, seen.data) == (None, PICTURE)


def test_a_bomb_takes_no_memory(town):
    """Of 256 MB in 256 KB no more is unpacked than may come."""
    packer = zlib.compressobj(wbits=31)
    megabyte = bytes(1024 * 1024)
    bomb = packer.compress(PICTURE) + b"".join(packer.compress(megabyte) for _ in range(256))
    bomb += packer.flush()
    town.public.scripts["/a.jpg"] = (answer(bomb, "200 OK", "Content-Encoding: gzip"), End.KEEP)
    with Memory() as memory:
        seen = fetch(town.url("/a.jpg"))
    assert (seen.reason, memory.grown_mb < MOST_MB) == ("too_large_bytes", True)
