"""kill -9 of the host, of a worker, of everything: a job comes out as if nothing had happened."""

from __future__ import annotations

import random
import time

import pytest

from tests.embedded import Stack

SPEC = {
    "keywords": ["apple", "house", "fish", "star", "tree", "car", "flower", "moon"],
    "engines": ["local"],
    "max_images": 500,
}
KILLS = 10
SEED = 20261120


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    state = tmp_path_factory.mktemp("killed")
    stack = Stack(state, "--pictures", "80", FETCH_DEADLINE_S="10").start()
    yield stack
    stack.stop()


def rejected(client, job) -> set[str]:
    """Lines of the processing log that say why a candidate is not in the dataset."""
    log = client.archive(job).read("metadata/processing_log.txt").decode()
    return {line for line in log.splitlines() if "\thttp" in line}


def kept(client, job) -> list[tuple[str, str]]:
    """Path and content hash of every image of a job's version, in order."""
    return sorted(
        (image["path"], image["facts"]["sha256"]) for image in client.manifest(job)["images"]
    )


@pytest.mark.timeout(900)
def test_ten_kills_change_nothing(stack):
    """After ten kills at random moments the kept set equals that of an undisturbed run."""
    chance = random.Random(SEED)
    client = stack.client()
    # The first job has the website draw its pictures, which takes longer than sending them.
    client.ended(client.create(name="warm", **SPEC)["id"])
    calm = client.ended(client.create(name="calm", **SPEC)["id"])
    assert calm["status"] == "succeeded", calm["message"]
    expected = kept(client, calm)

    disturbed = [client.create(name="disturbed 0", **SPEC)["id"]]
    for kill in range(KILLS):
        time.sleep(chance.uniform(0.1, 2.5))
        how = ("stack", "host", "worker")[kill % 3]
        if how == "stack":
            stack.kill()
            stack.start()
        elif how == "host":
            stack.kill_host()
        else:
            stack.kill_worker()
        stack.ready()
        if client.job(disturbed[-1])["status"] == "succeeded":
            disturbed.append(client.create(name=f"disturbed {len(disturbed)}", **SPEC)["id"])

    for job_id in disturbed:
        job = client.ended(job_id, 400)
        assert job["status"] == "succeeded", (job["message"], stack.logs())
        images = kept(client, job)
        assert len(images) == len({sha for _, sha in images}), "an image is stored twice"
        assert images == expected, rejected(client, job) ^ rejected(client, calm)
