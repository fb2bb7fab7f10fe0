"""What failed is fetched again on the real stack, once and twice, and nothing else is."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from tests.embedded import ROOT, running
from tests.factories import an_image
from tests.fakes.web import FakeWeb

GOOD, ILL, GONE = 6, 2, 1
JPEG = {"Content-Type": "image/jpeg"}


class Town:
    """Hosts of which one is well; others are ill, or have lost a picture, until they heal."""

    def __init__(self) -> None:
        self.webs = [FakeWeb() for _ in range(1 + ILL + GONE)]
        self.pictures = {}
        well, *others = self.webs
        for number in range(GOOD):
            self.hang(well, f"/{number}.jpg", number)
        for number, web in enumerate(others, start=GOOD):
            self.hang(web, f"/{number}.jpg", number)
        self.urls = list(self.pictures)
        for web in others[:ILL]:
            self.say(web, (500, {}, b"ill"))
        self.say(others[ILL], (404, {}, b"gone"))

    def hang(self, web: FakeWeb, path: str, seed: int) -> None:
        self.pictures[web.url(path)] = data = an_image(seed, 300, 240)
        web.answers[path] = (200, JPEG, data)

    def say(self, web: FakeWeb, answer) -> None:
        for path in web.answers:
            web.answers[path] = answer

    def heal(self, webs) -> None:
        for url, data in self.pictures.items():
            for web in webs:
                if url.startswith(f"{web.origin}/"):
                    web.answers[url.removeprefix(web.origin)] = (200, JPEG, data)

    def hits(self) -> Counter[str]:
        """How often each picture was asked for so far."""
        return Counter({url: web.hits[url.removeprefix(web.origin)] for web in self.webs
                        for url in self.urls if url.startswith(f"{web.origin}/")})  # fmt: skip

    def digests(self, urls) -> set[str]:
        return {hashlib.sha256(self.pictures[url]).hexdigest() for url in urls}


@pytest.fixture(scope="module")
def town():
    opened = Town()
    yield opened
    for web in opened.webs:
        web.close()


@pytest.fixture(scope="module")
def stack(tmp_path_factory, town):
    yield from running(
        tmp_path_factory.mktemp("retry") / "state",
        "--no-website",
        FETCH_ALLOW_ORIGINS=",".join(web.origin for web in town.webs),
        FETCH_DEADLINE_S="3",
    )


@pytest.fixture(scope="module")
def client(stack):
    return stack.operator()


@pytest.fixture(scope="module")
def base(client, town):
    """A job of nine addresses that kept six."""
    return client.ended(client.create(name="walk", urls=town.urls, max_images=20)["id"])


@pytest.fixture(scope="module")
def told(town, client, stack, base, tmp_path_factory):
    """What the command line says of a retry, once the ill hosts have healed."""
    town.before = town.hits()
    town.old = client.archive(base).read("manifest.json")
    town.heal(town.webs[1 : 1 + ILL])
    out = tmp_path_factory.mktemp("out")
    command = [sys.executable, "-P", "-m", "pixcrawler.cli", "retry", base["id"][:8], "--json"]
    ended = subprocess.run(
        [*command, "--state", str(stack.state), "--out", str(out)],
        cwd=out,
        env={**os.environ, "PYTHONPATH": str(ROOT), **stack.environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    return ended, json.loads(ended.stdout), out


def images(client, job) -> dict[str, str]:
    """Content hash by address of a version's images."""
    found = client.manifest(job)["images"]
    return {image["source_url"]: image["facts"]["sha256"] for image in found}


def test_a_job_with_failures_is_partial(client, town, base):
    """Six of nine came; the others have their reasons."""
    assert base["status"] == "partial"
    assert set(images(client, base)) == set(town.urls[:GOOD])
    assert sum(base["progress"]["reasons"].values()) == ILL + GONE
    assert base["progress"]["reasons"]["gone_404_410"] == GONE


def test_the_next_version_has_what_recovered_and_all_that_was(client, town, base, told):
    """The command brings version 2 here, with the bytes that the hosts have."""
    ended, shown, out = told
    job = shown["job"]
    assert (ended.returncode, job["version"], job["retry_of"]) == (3, 2, base["id"])
    assert f"{ILL} of {ILL + GONE} failed candidates are fetched again" in ended.stderr
    assert f"{GONE} is not (gone_404_410 {GONE})" in ended.stderr
    assert set(images(client, job)) == set(town.urls[: GOOD + ILL])
    here = out / shown["files"]["folder"] / "images"
    files = {hashlib.sha256(path.read_bytes()).hexdigest() for path in here.rglob("*.jpg")}
    assert files == town.digests(town.urls[: GOOD + ILL])
    assert job["progress"]["kept"] == GOOD + ILL
    assert job["progress"]["reasons"] == {"gone_404_410": GONE}


def test_nothing_else_is_fetched(town, told):
    """Each address that recovered was asked for once more, and no other at all."""
    assert told
    assert town.hits() - town.before == Counter(town.urls[GOOD : GOOD + ILL])


def test_the_version_before_stays_as_it_is(client, town, base, told):
    """Version 1 is bit for bit what it was."""
    assert told
    assert client.archive(base).read("manifest.json") == town.old


def test_a_retry_is_retried(client, town, base, told):
    """What the first retry left alone is in its ledger; the second one names its reason."""
    _, shown, _ = told
    first = shown["job"]
    path = f"/jobs/{first['id']}/retry"
    assert client.call("POST", path, json={}).json()["error"]["details"]["failed"] == {
        "gone_404_410": GONE
    }
    town.heal(town.webs)
    before = town.hits()
    answer = client.call("POST", path, json={"reasons": ["gone_404_410"]})
    assert answer.status_code == 202, answer.text
    job = client.ended(answer.json()["id"])

    assert (job["version"], job["progress"]["reasons"]) == (3, {})
    assert set(images(client, job)) == set(town.urls)
    assert town.hits() - before == Counter(town.urls[GOOD + ILL :])
    again = client.call("POST", f"/jobs/{base['id']}/retry", json={})
    assert again.json()["error"]["details"] == {"retried_by": first["id"]}
