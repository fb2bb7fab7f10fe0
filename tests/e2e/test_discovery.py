"""A large job over five engines that page, overlap, lie, block, change and share an index."""

from __future__ import annotations

from collections import Counter

import pytest

from pixcrawler.adapters.engines.registry import BUILT_IN
from tests.embedded import running
from tests.fakes.town.engines import house
from tests.fakes.town.server import Said, Town

pytestmark = pytest.mark.timeout(900)

WANTED = 2000
ENGINES = ["openverse", "commons", "flickr", "duckduckgo", "bing"]
CARDS = {engine.card.name: engine.card for engine in BUILT_IN}


@pytest.fixture(scope="module")
def town():
    """Flickr gets a new look, DuckDuckGo refuses and Bing has the same index."""
    refusal = Said(b"<html><body>If this persists</body></html>", 403, "text/html")
    houses = {
        "openverse": house("openverse", 0.7),
        "commons": house("commons", 0.5),
        "flickr": house("flickr", 0.5, change_after=2),
        "duckduckgo": house("duckduckgo", block_after=6, block=refusal),
        "bing": house("bing"),
    }
    opened = Town(houses)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def client(town, tmp_path_factory):
    """The operator of a stack with two workers, who has accepted the terms of both routes."""
    state = tmp_path_factory.mktemp("discovery") / "state"
    for stack in running(state, "--no-website", "--processes", "2", **town.settings()):
        operator = stack.operator()
        engines = {one["name"]: one for one in operator.call("GET", "/engines").json()["items"]}
        for name in ("duckduckgo", "bing"):
            wish = {"on": True, "terms_digest": engines[name]["terms_digest"]}
            answer = operator.call("POST", f"/engines/{name}/switch", json=wish)
            assert answer.status_code == 200, answer.text
        yield operator


@pytest.fixture(scope="module")
def jobs(client):
    """The large job and a small one beside it, which asks the same engines at the same time."""
    large = client.create(
        name="town", keywords=["robin", "wren"], engines=ENGINES, max_images=WANTED
    )
    small = client.create(
        name="beside", keywords=["heron"], engines=["openverse", "commons"], max_images=150
    )
    return client.ended(large["id"], 800), client.ended(small["id"], 400)


@pytest.fixture(scope="module")
def job(jobs):
    """The large one, finished."""
    return jobs[0]


def test_it_reaches_its_target_or_says_why_not(job):
    """The wanted number is kept, or the end names saturation."""
    kept = job["progress"]["kept"]
    assert job["status"] in ("succeeded", "partial"), job
    assert kept == WANTED or "hardly anything new" in job["message"], job["message"]


def test_the_job_beside_it_ends_well(jobs):
    """Sharing the engines' quotas with a large job makes a small one slower, not poorer."""
    assert (jobs[1]["status"], jobs[1]["progress"]["kept"]) == ("succeeded", 150), jobs[1]


def test_the_report_explains_each_engine(job):
    """Who gave, who blocked and how, who changed, who stood in for whom."""
    reports = {report["engine"]: report for report in job["engines"]}
    assert list(reports) == ENGINES
    assert reports["commons"]["status"] == "ok"
    # Its 20 requests a minute may be used up when the others have given enough.
    assert reports["openverse"]["status"] == "ok" or reports["openverse"]["kind"] == "quota"
    assert reports["flickr"]["status"] == "changed"
    assert (reports["duckduckgo"]["status"], reports["duckduckgo"]["kind"]) == ("blocked", "denied")
    assert reports["bing"]["stands_in_for"] == "duckduckgo", (job["message"], reports)
    assert reports["bing"]["candidates"] > 0
    assert all(report["requests"] > 0 for report in reports.values())
    assert all(reports[name]["detail"] for name in ("flickr", "duckduckgo"))


def test_no_quota_is_ever_exceeded(town, jobs):
    """Counted at the engines, with two jobs on two workers: never more than each card allows."""
    for name in ENGINES:
        for quota in CARDS[name].quotas:
            most = town.houses[name].most_within(quota.seconds)
            assert most <= quota.requests, (name, quota, most)


def test_requests_are_counted_as_they_came(town, jobs):
    """What the reports say of requests is what the engines counted."""
    told = Counter()
    for report in (report for job in jobs for report in job["engines"]):
        told[report["engine"]] += report["requests"]
    assert told == {name: len(town.houses[name].arrivals) for name in ENGINES}


def test_no_picture_is_fetched_twice(town, jobs):
    """Found by several engines in several forms, a picture is downloaded once."""
    again = Counter(times for times in town.fetched.values() if times > 1)
    assert not again


def test_every_provenance_is_kept(client, job):
    """What several engines found says so in the manifest; titles and makers come along."""
    images = client.manifest(job)["images"]
    numbers = [image["source_url"].rpartition("/")[2].partition(".")[0] for image in images]
    assert len(numbers) == len(set(numbers)) == job["progress"]["kept"]
    several = [image for image in images if image.get("also_found")]
    assert len(several) > WANTED / 20
    engines = {image["provenance"]["engine"] for image in images}
    assert {"openverse", "commons", "flickr", "duckduckgo"} <= engines


def test_lies_about_sizes_are_found_out(job):
    """Pictures that are smaller than any engine says are left out for that."""
    assert job["progress"]["reasons"]["too_small_px"] > 0
    assert job["progress"]["reasons"]["gone_404_410"] > 0
