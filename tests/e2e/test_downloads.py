"""Downloads on the real stack: hosts that throttle, close folders and opt out; proof of it all."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from collections import Counter

import pytest
import requests

from tests.embedded import ROOT, running
from tests.fakes.hosts import Host, Hosts, pictures

THROTTLED_S = 8
CATEGORIES = ["apple", "house", "fish", "star", "tree", "car", "flower", "moon"]
REMOVED = "/gone/removed.jpg"


@pytest.fixture(scope="module")
def town():
    """Three hosts: one is busy, one has wishes, one gives a stand-in for pictures that went."""
    wishes = pictures("open", 6, 100) | pictures("private", 3, 200) | pictures("art", 4, 300)
    busy = Host(pictures("busy", 40))
    careful = Host(
        wishes,
        robots="User-agent: *\nDisallow: /private/\n",
        headers={
            "/art/0.jpg": {"X-Robots-Tag": "noindex, googlebot: nofollow"},
            "/art/1.jpg": {"X-Robots-Tag": "noai, noimageai"},
            "/art/2.jpg": {"TDM-Reservation": "1"},
            "/art/3.jpg": {"Content-Usage": "train-ai=n"},
        },
    )
    lost = Host(
        pictures("kept", 5, 400) | {REMOVED: pictures("x", 1, 500)["/x/0.jpg"]},
        moved={f"/lost/{n}.jpg": REMOVED for n in range(5)},
    )
    hosts = Hosts(busy, careful, lost)
    yield hosts
    hosts.close()


@pytest.fixture(scope="module")
def stack(tmp_path_factory, town):
    yield from running(
        tmp_path_factory.mktemp("downloads"),
        "--pictures",
        "3",
        FETCH_ALLOW_ORIGINS=town.origins,
        FETCH_DEADLINE_S="5",
    )


@pytest.fixture(scope="module")
def client(stack):
    return stack.client()


def verified(path, *arguments):
    """What `verify` says of a dataset: exit code and JSON."""
    command = [sys.executable, "-P", "-m", "pixcrawler.cli", "verify", str(path), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [*command, "--json"], env=environment, capture_output=True, timeout=120, check=False
    )
    assert b"Traceback" not in ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def job_of(client, urls, **more):
    """A job of a list of addresses, ended."""
    return client.ended(client.create(urls=urls, max_images=100, **more)["id"])


def test_a_busy_host_costs_no_image(client, town):
    """A host that answers 429 for a while is left alone so long, and then gives everything."""
    busy = town.hosts[0]
    busy.throttle(THROTTLED_S)
    begun = time.monotonic()
    job = job_of(client, [busy.url(path) for path in busy.pictures], name="busy")

    assert (job["status"], job["progress"]["kept"]) == ("partial", 40), job
    assert job["progress"]["reasons"] == {}
    refused = [at for at, _, status in busy.visits if status == 429]
    first = min(refused)
    early = [at for at in busy.times() if first + 1.5 < at < begun + THROTTLED_S - 0.5]
    assert early == [], "it was visited while it wanted to be left alone"
    assert busy.counted()["/robots.txt"] == 1


def test_wishes_are_obeyed_for_the_purpose(client, town):
    """What a site wishes of machines decides by purpose, and the reason is told."""
    careful = town.hosts[1]
    urls = [careful.url(path) for path in careful.pictures]
    jobs = {
        purpose: job_of(client, urls, name=f"for {purpose}", purpose=purpose)
        for purpose in ("research", "recognition", "generative")
    }
    reasons = {purpose: job["progress"]["reasons"] for purpose, job in jobs.items()}

    assert reasons == {
        "research": {"disallowed_by_site": 3, "opted_out": 2},
        "recognition": {"disallowed_by_site": 3, "opted_out": 3},
        "generative": {"disallowed_by_site": 3, "opted_out": 4},
    }
    assert {job["progress"]["kept"] for job in jobs.values()} == {8, 7, 6}
    assert not [path for path in careful.counted() if path.startswith("/private/")]
    images = client.manifest(jobs["research"])["images"]
    assert any(image["source_url"].endswith("/art/2.jpg") for image in images)


def test_stand_ins_are_no_pictures(client, town):
    """The picture that a host gives for all that went is not kept, however often it comes."""
    lost = town.hosts[2]
    urls = [lost.url(path) for path in lost.pictures if path != REMOVED]
    urls += [lost.url(path) for path in lost.moved]
    job = job_of(client, urls, name="lost")

    assert job["progress"]["kept"] == 5
    assert job["progress"]["reasons"] == {"placeholder": 5}


def test_every_picture_has_a_receipt_that_can_be_checked(client, town, tmp_path):
    """Receipts name chain, headers and wishes; their root proves them; one changed byte is seen."""
    careful, lost = town.hosts[1:]
    urls = [careful.url("/open/0.jpg"), careful.url("/art/2.jpg"), lost.url("/kept/1.jpg")]
    job = job_of(client, urls, name="proof", purpose="research")
    archive = client.archive(job)
    manifest = json.loads(archive.read("manifest.json"))
    receipts = [json.loads(line) for line in archive.read("receipts.jsonl").splitlines()]
    archive.extractall(tmp_path / "proof")

    assert [receipt["sha256"] for receipt in receipts] == [
        image["facts"]["sha256"] for image in manifest["images"]
    ]
    reserved = next(one for one in receipts if "/art/2.jpg" in json.dumps(one))
    signals = {finding["signal"] for finding in reserved["visit"]["findings"]}
    assert len(signals) >= 1
    assert reserved["visit"]["hops"][-1]["status"] == 200
    code, shown = verified(tmp_path / "proof")
    assert (code, shown["root"]) == (0, manifest["receipts"]["root"])
    rows = list(csv.DictReader(io.StringIO(archive.read("metadata/hosts.csv").decode())))
    assert sum(int(row["images"]) for row in rows) == 3

    victim = tmp_path / "proof" / manifest["images"][0]["path"]
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(data)
    code, shown = verified(tmp_path / "proof")
    assert code == 1
    assert manifest["images"][0]["path"] in json.dumps(shown)


def test_the_website_of_the_stack_is_visited_by_its_rules(stack, client):
    """The sample's website closes a folder and opts pictures out: none of them is taken."""
    planted = requests.get(f"{stack.about['site']}/planted.json", timeout=30).json()
    faults = Counter(planted.values())
    job = client.ended(client.create(name="rules", keywords=CATEGORIES, engines=["local"])["id"])
    reasons = job["progress"]["reasons"]

    assert reasons["disallowed_by_site"] == faults["disallowed"] > 0
    assert reasons["opted_out"] == faults["noai"] + faults["reserved"] > 1
    kept = {image["source_url"] for image in client.manifest(job)["images"]}
    assert not kept & set(planted)
