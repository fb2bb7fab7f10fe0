"""From an HTTP request to a ZIP: the first dataset, on real parts."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter

import pytest
import requests

from pixcrawler.pipeline.pictures.imaging import perceptual_hash

CATEGORIES = ["apple", "house", "fish", "star"]


@pytest.fixture(scope="module")
def job(client):
    """A finished job of 120 images in four categories."""
    created = client.create(name="first", keywords=CATEGORIES, engines=["local"], max_images=120)
    return client.ended(created["id"])


@pytest.fixture(scope="module")
def everything(client):
    """A finished job that wants more than the website has, so that it meets every fault."""
    created = client.create(
        name="everything", keywords=["apple", "fish"], engines=["local"], max_images=1000
    )
    return client.ended(created["id"])


def test_the_wanted_number_is_kept(job):
    """The job succeeds with exactly the wanted number of kept images, and says so."""
    assert job["status"] == "succeeded", job
    assert job["progress"]["kept"] == 120
    assert job["progress"]["chunks"]["active"] == 0
    assert job["error"] is None


def test_files_and_manifest_agree_both_ways(client, job):
    """Every image in the ZIP is in the manifest with true facts, and the other way round."""
    archive = client.archive(job)
    manifest = json.loads(archive.read("manifest.json"))
    listed = {image["path"]: image for image in manifest["images"]}
    stored = {name for name in archive.namelist() if name.startswith("images/")}

    assert stored == set(listed)
    for path, image in listed.items():
        data = archive.read(path)
        facts = image["facts"]
        assert facts["sha256"] == hashlib.sha256(data).hexdigest()
        assert facts["bytes"] == len(data)
        assert facts["phash"] == perceptual_hash(data)
        assert image["category"] in CATEGORIES
        assert image["keyword"]
        assert image["source_url"].startswith(client.stack.about["site"])


def test_no_duplicates_inside(client, everything):
    """No two kept images have equal bytes or hashes within eight bits."""
    images = client.manifest(everything)["images"]
    hashes = [int(image["facts"]["phash"], 16) for image in images]

    near = [
        (a, b) for i, a in enumerate(hashes) for b in hashes[i + 1 :] if (a ^ b).bit_count() <= 8
    ]
    assert len({image["facts"]["sha256"] for image in images}) == len(images)
    assert near == []


def test_a_shortfall_is_partial_and_explained(everything):
    """More wanted than there is: a dataset all the same, status partial, the cause in words."""
    assert everything["status"] == "partial"
    assert "of 1000 wanted images kept" in everything["message"]
    assert everything["progress"]["rejected"] == sum(everything["progress"]["reasons"].values())


def test_planted_faults_appear_under_their_reasons(stack, everything):
    """Each fault that the website plants is rejected with the reason that fits it."""
    expected = {
        "truncated": "truncated",
        "html": "not_an_image",
        "tiny": "too_small_px",
        "exact_duplicate": "duplicate_exact",
        "near_duplicate": "duplicate_near",
        "gone": "gone_404_410",
        "forbidden": "refused_401_403",
        "server_error": "server_error",
        "redirect_loop": "too_many_redirects",
        "private_redirect": "address_blocked",
        "bomb": "too_many_pixels",
        "dripping": "timed_out",
    }
    planted = requests.get(f"{stack.about['site']}/planted.json", timeout=30).json()
    faults = set(planted.values()) if isinstance(planted, dict) else set()

    assert faults >= set(expected), faults
    reasons = everything["progress"]["reasons"]
    assert {reason for reason in expected.values() if reason not in reasons} == set()


def test_statistics_and_log_are_true(client, job):
    """Counts in statistics.json are those of the manifest; the log names the engine."""
    archive = client.archive(job)
    manifest = json.loads(archive.read("manifest.json"))
    statistics = json.loads(archive.read("statistics.json"))
    by_category = Counter(image["category"] for image in manifest["images"])

    assert statistics["by_category"] == dict(by_category)
    assert statistics["images"] == 120
    assert "local" in archive.read("metadata/processing_log.txt").decode()


def test_the_archive_is_what_the_checksum_says(client, job):
    """The link's archive has the registered size and SHA-256."""
    link = client.link(job)
    data = requests.get(link["url"], timeout=60).content

    assert hashlib.sha256(data).hexdigest() == link["sha256"]
    assert len(data) == link["bytes"]


def test_a_link_expires(client, job):
    """A link of two seconds works now and not later."""
    link = client.link(job, ttl_s=2)

    assert requests.get(link["url"], timeout=60).status_code == 200
    deadline = time.monotonic() + 30
    while requests.get(link["url"], timeout=60).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_a_second_job_makes_the_next_version(client, job):
    """The same dataset name gives version 2; version 1 stays as it was."""
    before = client.manifest(job)
    created = client.create(name="first", keywords=["moon"], engines=["local"], max_images=10)
    second = client.ended(created["id"])

    assert (second["dataset_id"], second["version"]) == (job["dataset_id"], 2)
    assert client.manifest(job) == before


def test_nothing_of_somebody_elses_is_seen(stack, job):
    """Another user sees neither the job nor the dataset, and cannot cancel or download."""
    other = stack.client("second@example.org")
    dataset = f"/datasets/{job['dataset_id']}"

    assert other.call("GET", "/jobs").json()["items"] == []
    for method, path in [
        ("GET", f"/jobs/{job['id']}"),
        ("POST", f"/jobs/{job['id']}/cancel"),
        ("GET", dataset),
        ("GET", f"{dataset}/versions/1"),
        ("POST", f"{dataset}/versions/1/link"),
    ]:
        assert other.call(method, path).status_code == 404, path


def test_cancel_works_between_chunks(client):
    """A running job that is cancelled ends as cancelled, and leaves no version behind."""
    created = client.create(name="stopped", keywords=["tree"], engines=["local"], max_images=1000)
    asked = client.call("POST", f"/jobs/{created['id']}/cancel")
    job = client.ended(created["id"])

    assert asked.status_code == 202
    assert job["status"] == "cancelled"
    versions = client.call("GET", f"/datasets/{job['dataset_id']}/versions").json()["items"]
    assert [version["status"] for version in versions] == ["cancelled"]
    assert client.call("POST", f"/jobs/{created['id']}/cancel").status_code == 409


def test_an_unreachable_engine_is_told(client):
    """A job whose only engine cannot be reached fails, naming engine, host and what to do."""
    created = client.create(name="far", keywords=["red panda"], engines=["openverse"])
    job = client.ended(created["id"])

    assert job["status"] == "failed"
    assert job["error"]["code"] == "source_unavailable"
    assert "openverse could not be reached" in job["message"]
    assert "127.0.0.1" in job["message"]


def test_a_list_of_addresses_is_a_source(client, stack, job):
    """The user's own addresses become a dataset; a private one is blocked with its reason."""
    urls = [image["source_url"] for image in client.manifest(job)["images"][:5]]
    urls.append("http://169.254.169.254/latest/meta-data/")
    created = client.create(name="mine", urls=urls, max_images=5)
    mine = client.ended(created["id"])

    assert mine["status"] == "succeeded"
    assert mine["progress"]["reasons"] == {"address_blocked": 1}
