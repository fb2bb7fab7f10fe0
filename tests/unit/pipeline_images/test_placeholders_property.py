"""Placeholders in any job: order never matters, unique pictures stay, banners are found."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.domain.verdict import Verdict
from pixcrawler.pipeline.pictures.placeholders import find_placeholders
from tests.factories import some_facts
from tests.unit.pipeline_images import given as pictures
from tests.unit.pipeline_images.given import (
    GONE,
    known,
)

PROPERTY = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
HOSTS = ["a.example", "b.example", "i.imgur.com", "c.test", "d.co.uk"]
PATHS = ["/p/{}.jpg", "/{}/large.jpg", "/x.php?id={}", "/cat.jpg", "/no-image.png", "/{}/"]


@st.composite
def jobs(draw) -> list[Verdict]:
    """Up to 30 verdicts at few hosts, with few pictures, and many redirects."""
    verdicts = []
    for number in range(draw(st.integers(0, 30))):
        host, path = draw(st.sampled_from(HOSTS)), draw(st.sampled_from(PATHS))
        url = f"https://{host}{path.format(draw(st.integers(1, 12)))}"
        final = draw(st.sampled_from([None, f"https://{host}/gone.png", GONE, f"{GONE}?{number}"]))
        facts = {"phash": draw(st.sampled_from(["f0f0a5a50f0f3c3c", "3c3c5a5af00f0ff0"]))}
        verdict = pictures.given(
            number,
            url,
            final,
            picture=draw(st.integers(0, 12)),
            engines=(draw(st.sampled_from(["openverse", "google", "urls", "uploads"])),),
            facts=facts | {"width": draw(st.integers(300, 306))},
            keyword=draw(st.sampled_from("xyz")),
            category=draw(st.sampled_from("ab")),
        )
        verdicts.append(known(verdict) if draw(st.integers(0, 9)) == 0 else verdict)
    return verdicts


@PROPERTY
@given(verdicts=jobs(), seed=st.integers())
def test_the_order_does_not_matter(verdicts, seed):
    """The same verdicts in any order give the same placeholders, with the same words."""
    shuffled = random.Random(seed).sample(verdicts, len(verdicts))
    assert find_placeholders(shuffled) == find_placeholders(verdicts)


@PROPERTY
@given(verdicts=jobs())
def test_unique_pictures_are_never_dropped(verdicts):
    """A valid image with which none shares its bytes, or its look at its host, always stays."""

    def bodies(one: Verdict) -> str:
        return one.facts.sha256 if one.facts else one.outcome.visit.sha256

    def look(one: Verdict) -> tuple[object, ...]:
        host = one.outcome.final_url.split("/")[2]
        return (host, one.facts.phash, one.facts.width) if one.facts else (one,)

    contents, looks = list(map(bodies, verdicts)), list(map(look, verdicts))
    left_out = {one.key for one in find_placeholders(verdicts).stand_ins}
    for one in verdicts:
        if contents.count(bodies(one)) == 1 and looks.count(look(one)) == 1:
            assert one.outcome.candidate.key not in left_out


@PROPERTY
@given(verdicts=jobs())
def test_what_is_learned_was_seen_there(verdicts):
    """Each lesson is of a host that gave that very picture for at least two addresses."""
    for lesson in find_placeholders(verdicts).learned:
        givers = [
            one
            for one in verdicts
            if one.outcome.final_url.split("/")[2] == lesson.host
            and one.outcome.visit.sha256 == lesson.sha256
        ]
        assert 2 <= lesson.addresses <= len(givers)
        assert {one.outcome.candidate.provenance.engine for one in givers} - {"urls", "uploads"}


# ------------------------------------------------------------------ at scale


def a_web(seed: int, hosts: int, addresses: int) -> tuple[list[Verdict], set[str]]:
    """Return verdicts on the addresses of hosts that give a banner for 5 %, and the banners' keys.

    A third redirects to its banner, a third gives it under each address, a third writes it anew
    each time. One picture in twenty is also shown by another site, or twice by its own.
    """
    chance, verdicts, banners = random.Random(seed), [], set()
    for number in range(addresses):
        host = number % hosts
        url = f"https://img{host}.site{host}.example/photos/{number}.jpg"
        words = {"keyword": f"word {number % 5}", "category": f"kind {number % 5 % 3}"}
        if number // hosts % 20 == 0:
            banner = _banner(number, host, url, words)
            banners.add(banner.outcome.candidate.key)
            verdicts.append(banner)
        else:
            copied = chance.random() < 0.05
            shown = max(0, number - chance.choice([1, hosts, 3 * hosts])) if copied else number
            verdicts.append(pictures.given(number, url, picture=shown, **words))
    chance.shuffle(verdicts)
    return verdicts, banners


def _banner(number: int, host: int, url: str, words: dict[str, str]) -> Verdict:
    picture, site = 1_000_000 + host, url.partition("/photos/")[0]
    if host % 3 == 0:
        return pictures.given(number, url, f"{site}/gone.png", picture=picture, **words)
    if host % 3 == 1:
        return pictures.given(number, url, picture=picture, **words)
    look = {"phash": some_facts(picture).phash, "width": 500 + host, "bytes": 9000 + number % 90}
    return pictures.given(number, url, facts=look, **words)


@pytest.mark.parametrize("hosts", [1, 10, 25], ids=str)
@pytest.mark.parametrize("seed", range(3), ids=str)
def test_banners_of_a_web(seed, hosts):
    """Of 2,000 addresses of hosts that give a banner for 5 %: all banners, and nothing else."""
    verdicts, banners = a_web(seed, hosts, 2000)
    found = {one.key for one in find_placeholders(verdicts).stand_ins}
    assert len(banners) == 100
    assert len(found & banners) >= 0.99 * len(banners)
    assert found - banners == set()
