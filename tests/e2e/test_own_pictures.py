"""Own pictures and lists on the real stack: from a folder on disk to a dataset."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile

import pytest
import requests

from tests.embedded import ROOT
from tests.factories import an_image

PICTURES = 30
GOOD = 24


@pytest.fixture(scope="module")
def pictures():
    """Thirty files by name, of which 24 are good pictures that differ."""
    files = {f"{number:02d}.jpg": an_image(number, 300, 240) for number in range(GOOD)}
    return files | {
        "same.jpg": files["00.jpg"],
        "near.jpg": an_image(1, 300, 240, quality=60),
        "small.png": an_image(97, 100, 100, "PNG"),
        "page.jpg": b"<!doctype html><html><body>not a picture</body></html>",
        "cut.jpg": an_image(98)[:4000],
        "moon.gif": an_image(99, file_format="GIF"),
    }


@pytest.fixture
def run(stack, tmp_path):
    """Run the command line in an empty folder; return exit code, stdout as JSON, and stderr."""

    def done(*arguments):
        command = [sys.executable, "-P", "-m", "pixcrawler.cli", "run", *arguments, "--json"]
        ended = subprocess.run(
            [*command, "--state", str(stack.state)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **stack.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert "Traceback" not in ended.stderr
        return ended.returncode, json.loads(ended.stdout), ended.stderr

    return done


def manifest_of(shown, folder):
    """The images that a delivered dataset lists."""
    path = folder / shown["files"]["folder"] / "manifest.json"
    return json.loads(path.read_bytes())["images"]


def digests(files):
    return {hashlib.sha256(data).hexdigest() for data in files}


def test_a_folder_becomes_a_dataset_with_its_good_pictures(run, pictures, tmp_path):
    """Of thirty files exactly the good ones are kept; every other one has its reason."""
    folder = tmp_path / "my photos"
    folder.mkdir()
    for name, data in pictures.items():
        (folder / name).write_bytes(data)
    code, shown, err = run("my photos/")

    assert code == 3, err
    job = shown["job"]
    assert (job["name"], job["wanted"], job["progress"]["kept"]) == ("my photos", PICTURES, GOOD)
    assert job["progress"]["reasons"] == {
        "duplicate_exact": 1,
        "duplicate_near": 1,
        "too_small_px": 1,
        "not_an_image": 1,
        "truncated": 1,
        "unsupported_format": 1,
    }
    images = manifest_of(shown, tmp_path)
    kept = {image["provenance"]["title"] for image in images}
    assert {f"{number:02d}.jpg" for number in range(2, GOOD)} <= kept
    assert {image["facts"]["sha256"] for image in images} <= digests(pictures.values())
    assert {image["category"] for image in images} == {"my photos"}
    log = tmp_path / shown["files"]["folder"] / "metadata/processing_log.txt"
    assert all(name in log.read_text() for name in ("small.png", "page.jpg", "moon.gif"))


def test_sub_folders_and_archives_become_categories(run, pictures, tmp_path):
    """A sorted folder gives a category a sub-folder; a TAR.GZ beside it one of its own."""
    files = list(pictures.items())
    for category, part in (("cat", files[:4]), ("dog", files[4:8])):
        (tmp_path / "pets" / category).mkdir(parents=True)
        for name, data in part:
            (tmp_path / "pets" / category / name).write_bytes(data)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files[8:12]:
            member = tarfile.TarInfo(f"birds/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    (tmp_path / "bird.tar.gz").write_bytes(gzip.compress(buffer.getvalue()))
    code, shown, err = run("pets/", "bird.tar.gz", "--max", "12", "--name", "animals")

    assert code == 0, err
    found = {}
    for image in manifest_of(shown, tmp_path):
        found.setdefault(image["category"], set()).add(image["facts"]["sha256"])
    assert found == {
        name: digests(data for _, data in part)
        for name, part in (("cat", files[:4]), ("dog", files[4:8]), ("bird", files[8:12]))
    }


def test_a_list_of_the_local_website(run, stack, tmp_path):
    """Addresses, titles and licences of a CSV end in the manifest; bad rows are told."""
    site = stack.about["site"]
    answer = requests.get(f"{site}/api/search", params={"q": "apple"}, timeout=30).json()
    results = answer["results"][:20]
    rows = [f"{site}{result['url'].removeprefix(site)};Apple {n};CC BY 4.0"
            for n, result in enumerate(results)]  # fmt: skip
    text = "\n".join(["image_url;caption;licence", *rows, "no address;;", "javascript:alert(1);;"])
    (tmp_path / "apples.csv").write_text(text)
    code, shown, err = run("apples.csv", "--max", "200")

    assert code == 3, err
    (report,) = shown["job"]["engines"]
    assert (report["engine"], report["status"]) == ("uploads", "ok")
    assert report["detail"] == (
        "apples, upload 1: 2 lines are left out: 2 without a web address (line 22, 23)"
    )
    images = manifest_of(shown, tmp_path)
    assert images
    for image in images:
        about = image["provenance"]
        assert about["title"].startswith("Apple ")
        assert (about["engine"], about["license"]) == ("uploads", "by")
        assert image["source_url"].startswith(site)


def test_a_list_that_is_none_is_told(run, tmp_path):
    """A file of prose gives no dataset, and words that say what a list looks like."""
    (tmp_path / "poem.txt").write_text("Shall I compare thee\nto a summer's day?\n")
    code, shown, err = run("poem.txt")

    assert code == 1
    assert "poem, upload 1: it has no address that can be used" in err
    assert shown["error"]["code"]


def test_nobody_uses_what_somebody_else_sent(stack, client):
    """Another user's upload does not exist; its link writes nothing but itself."""
    place = client.call("POST", "/uploads", json={"bytes": 5}).json()
    sent = requests.put(place["url"], data=b"https", headers=place["headers"], timeout=30)
    assert sent.status_code == 201
    assert requests.get(place["url"], timeout=30).status_code == 403
    other = stack.client("other@example.org")
    answer = other.call("POST", "/jobs", json={"uploads": {"mine": [place["id"]]}})

    assert answer.status_code == 422
    (violation,) = answer.json()["error"]["details"]["violations"]
    assert (violation["field"], violation["rule"]) == ("uploads.mine.0", "unknown_upload")
