"""A version holds the kept images and nothing else, and says where everything came from."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

import pytest

from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.domain.note import Note
from pixcrawler.domain.source import EngineReport, Provenance
from pixcrawler.domain.storage import BlobRef, shard_ref, version_ref
from pixcrawler.domain.verdict import RejectReason
from tests.factories import a_candidate, a_picture, an_image, encoded

COMMONS = Provenance(engine="commons", page_url="https://commons.example/wiki/File:1")


@pytest.fixture
def ready(workshop):
    """A deduplicated job: 4 kept of 10 candidates in two rounds."""
    workshop.job(
        max_images=4,
        categories={"birds": ["robin", "wren"], "Käfer & Co": ["ladybird"], "train": ["train"]},
    )
    troubled = EngineReport(engine="commons", status="failed", detail="no route\nto host")
    workshop.jobs.set_engines(
        "job-1", [EngineReport(engine="openverse", status="ok", candidates=9), troubled]
    )
    workshop.download(
        [
            (a_candidate(0), an_image(0)),
            (a_candidate(1, keyword="wren"), an_image(1, file_format="PNG")),
            (a_candidate(2, provenance=COMMONS), an_image(0)),
            (a_candidate(3), b"<html>"),
            (a_candidate(4), RejectReason.TIMED_OUT),
        ],
        [
            (a_candidate(5), encoded(a_picture(1).resize((280, 230)))),
            (a_candidate(6, category="train", keyword="train"), an_image(6, file_format="WEBP")),
        ],
    )
    workshop.download(
        [
            (a_candidate(7, category="Käfer & Co", keyword="ladybird"), an_image(7)),
            (a_candidate(8), an_image(8)),
            (a_candidate(9), RejectReason.GONE),
        ]
    )
    workshop.validate()
    workshop.deduplicate()
    return workshop


def test_the_version_is_complete(ready):
    """Shards, index, labels, receipts, ledger, papers and manifest are there, nothing else."""
    done = ready.assemble()
    assert (done.images, done.cancelled) == (4, False)
    assert done.manifest == version_ref("data-1", 1, "manifest.json")
    assert [name.removeprefix("data-1/1/") for name in ready.blobs.names("datasets", "")] == [
        "images/000-00000.tar",
        "images/000-00001.tar",
        "images/001-00000.tar",
        "index.jsonl",
        "labels/labels.csv",
        "labels/labels.json",
        "labels/labels.txt",
        "labels/labels.yaml",
        "ledger.jsonl",
        "manifest.json",
        "metadata/hosts.csv",
        "metadata/processing_log.txt",
        "receipts.jsonl",
        "statistics.json",
    ]


def test_the_manifest_tells_the_truth(ready):
    """Every image's entry leads to bytes with that hash, under the path of its words."""
    ready.assemble()
    images = ready.manifest()["images"]
    assert [image["path"].rsplit("/", 1)[0] for image in images] == [
        "images/birds/robin",
        "images/birds/wren",
        "images/käfer_co/ladybird",
        "images/train/train",
    ]
    for image in images:
        shard = BlobRef(container="datasets", name=f"data-1/1/{image['shard']}")
        data = ready.blobs.get_range(shard, image["offset"], image["length"])
        assert hashlib.sha256(data).hexdigest() == image["facts"]["sha256"]
        assert image["id"] == image["facts"]["sha256"][:16]
        assert image["path"].rsplit("/", 1)[1].split(".")[0] == image["id"]


def test_shards_hold_only_kept_images(ready):
    """Each shard is a tar that any tool opens, with the kept images of its chunk."""
    ready.assemble()
    images = ready.manifest()["images"]
    for name, data in ready.snapshot("datasets").items():
        if name.endswith(".tar"):
            with tarfile.open(fileobj=io.BytesIO(data)) as shard:
                members = {member.name for member in shard.getmembers()}
            listed = {i["path"].rsplit("/", 1)[1] for i in images if name.endswith(i["shard"])}
            assert members == listed


def test_where_else_it_was_found(ready):
    """Finds of the very same bytes are kept beside the image's own source."""
    ready.assemble()
    [robin] = [image for image in ready.manifest()["images"] if image["keyword"] == "robin"]
    assert robin["provenance"]["engine"] == "openverse"
    assert [find["page_url"] for find in robin["also_found"]] == [COMMONS.page_url]


def test_everything_adds_up(ready):
    """Images and reject reasons add up to the candidates, in statistics and manifest alike."""
    ready.assemble()
    counts = ready.json("datasets", "data-1/1/statistics.json")
    assert counts == ready.manifest()["statistics"]
    assert counts["images"] + sum(counts["rejected"].values()) == counts["candidates"] == 10
    assert counts["rejected"] == {
        "timed_out": 1,
        "gone_404_410": 1,
        "not_an_image": 1,
        "duplicate_exact": 1,
        "duplicate_near": 1,
        "over_limit": 1,
    }
    assert (counts["downloaded"], counts["wanted"], counts["rounds"]) == (8, 4, 2)
    assert counts["by_category"] == {"birds": 2, "Käfer & Co": 1, "train": 1}
    assert counts["by_format"] == {"jpeg": 2, "png": 1, "webp": 1}
    assert counts["width_px"] == {"min": 320, "median": 320, "max": 320}


def test_the_log_answers_for_every_candidate(ready):
    """Every candidate that is not in the dataset has a line with its reason and address."""
    ready.assemble()
    log = ready.blobs.get(version_ref("data-1", 1, "metadata/processing_log.txt")).decode()
    told = [line.split("\t")[:2] for line in log.splitlines() if "\t" in line]
    assert told == [
        ["timed_out", "https://pictures.example/4.jpg"],
        ["gone_404_410", "https://pictures.example/9.jpg"],
        ["not_an_image", "https://pictures.example/3.jpg"],
        ["duplicate_exact", "https://pictures.example/2.jpg"],
        ["duplicate_near", "https://pictures.example/5.jpg"],
        ["over_limit", "https://pictures.example/8.jpg"],
    ]


def test_the_log_tells_the_story(ready):
    """The log says what was asked, how each engine fared, and what is missing."""
    ready.assemble()
    log = ready.blobs.get(version_ref("data-1", 1, "metadata/processing_log.txt")).decode()
    for sentence in (
        "wanted      4 images",
        "category    birds: robin, wren",
        "candidates  10",
        "openverse  ok, candidates: 9, requests: 0, sifted before download: 0",
        "commons  failed, candidates: 0, requests: 0, sifted before download: 0; no route to host",
        "      1  Käfer & Co / ladybird",
        "Nothing: 4 images were wanted and 4 are here.",
    ):
        assert sentence in log.splitlines()


def test_a_shortfall_is_explained(workshop):
    """When fewer images are kept than wanted, the log says how many and which engine failed."""
    workshop.job(max_images=9)
    workshop.jobs.set_engines("job-1", [EngineReport(engine="commons", status="blocked")])
    workshop.jobs.add_notes("job-1", [Note(code="fell_back", message="No model\nis set up.")])
    workshop.download([(a_candidate(), an_image())])
    log = workshop.build().read("metadata/processing_log.txt").decode()
    assert "8 of 9 wanted images; the job's message says what ended the search." in log
    assert "Engine commons refused to answer." in log.splitlines()
    assert "      0  birds / wren" in log
    assert "No model is set up." in log.splitlines()


def test_a_repeat_is_the_same(ready):
    """Done twice, everything is the same bytes, and the first manifest stays."""
    first = ready.assemble()
    before = ready.snapshot("datasets")
    assert ready.assemble() == first
    assert ready.snapshot("datasets") == before


def test_a_repeat_after_a_death(ready):
    """Killed before the manifest, a repeat writes everything again, the same."""
    ready.assemble()
    before = ready.snapshot("datasets")
    ready.blobs.delete(version_ref("data-1", 1, "manifest.json"))
    ready.blobs.delete(version_ref("data-1", 1, "labels/labels.csv"))
    ready.assemble()
    assert ready.snapshot("datasets") == before


def test_the_first_manifest_stays(ready):
    """Of two workers at once the first manifest counts: the archive has its bytes already."""
    put_new, manifests = ready.blobs.put_new, []

    def overtaken(ref, data, media_type="application/json"):
        """Another worker writes its manifest just before this one does."""
        if not manifests:
            manifests.append(data.replace(b"2026-05-01", b"2026-04-30"))
            put_new(ref, manifests[0])
        return put_new(ref, data, media_type)

    ready.blobs.put_new = overtaken
    assert ready.assemble().images == 4
    assert ready.blobs.get(version_ref("data-1", 1, "manifest.json")) == manifests[0]


def test_the_catalogue_is_told(ready):
    """The version's number of images and bytes are recorded."""
    ready.assemble()
    version = ready.datasets.version("data-1", 1)
    counts = ready.manifest()["statistics"]
    assert (version.images, version.bytes) == (counts["images"], counts["bytes"])
    assert version.status == "assembled"


def test_a_cancelled_job_writes_nothing(ready):
    """When the job was cancelled in time there is no version at all."""
    ready.jobs.cancel("job-1")
    done = ready.assemble()
    assert (done.cancelled, done.images) == (True, 0)
    assert ready.snapshot("datasets") == {}


def test_bytes_that_changed(ready):
    """An image that changed in storage after validation never gets into a version."""
    place = shard_ref("job-1", 0, 0, "0" * 16)
    data = bytearray(ready.blobs.get(place))
    data[3000] ^= 1
    ready.blobs.put(place, bytes(data))
    with pytest.raises(InvariantBroken):
        ready.assemble()
    assert not ready.blobs.exists(version_ref("data-1", 1, "manifest.json"))


def test_an_empty_last_round(ready):
    """A last round that found nothing changes nothing but the number of rounds."""
    ready.rounds.append(0)
    assert ready.assemble().images == 4
    assert ready.manifest()["statistics"]["rounds"] == 3


def test_lists_of_addresses(workshop):
    """Addresses of the user's own are filed under their list's name."""
    workshop.job(name="mine", categories={}, urls={"My list": ["https://pictures.example/0.jpg"]})
    workshop.download([(a_candidate(category="My list", keyword="My list"), an_image())])
    archive = workshop.build()
    assert [n.rsplit("/", 1)[0] for n in archive.namelist() if n.startswith("images/")] == [
        "images/my_list/my_list"
    ]
    log = archive.read("metadata/processing_log.txt").decode()
    assert "category    My list: addresses of the user's own list, 1 in all" in log
    assert "      1  My list / My list" in log


def test_the_index_finds_every_image(ready):
    """The index has the place of every image, one a line, in the manifest's order."""
    ready.assemble()
    lines = ready.blobs.get(version_ref("data-1", 1, "index.jsonl")).splitlines()
    keys = ("id", "path", "shard", "offset", "length")
    expected = [{key: image[key] for key in keys} for image in ready.manifest()["images"]]
    assert [json.loads(line) for line in lines] == expected


def test_a_version_of_nothing(workshop):
    """A job of which nothing can be kept still makes a true, empty version."""
    workshop.job()
    workshop.download([(a_candidate(), b"<html>")])
    archive = workshop.build()
    assert not [name for name in archive.namelist() if name.startswith("images/")]
    counts = json.loads(archive.read("statistics.json"))
    assert (counts["images"], counts["width_px"]) == (0, {})
