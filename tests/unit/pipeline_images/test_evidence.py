"""A version carries the evidence of its job: receipts, the ledger, the load on each host."""

from __future__ import annotations

import csv
import io
import json
import tarfile
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.domain.dataset import Manifest
from pixcrawler.domain.storage import outcomes_ref, shard_ref, version_ref
from pixcrawler.domain.verdict import Outcome, RejectReason, Verdict
from pixcrawler.domain.visit import Finding, Hop, Load, Visit
from pixcrawler.pipeline.package import package
from pixcrawler.pipeline.papers.hosts import HostLoad, host_lines, hosts_csv
from pixcrawler.pipeline.papers.receipts import MerkleTree
from tests.factories import a_candidate, an_image

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
ALLOWED = Finding(
    signal="robots.txt",
    rule="Allow: /",
    source="https://pictures.example/robots.txt",
    digest="ab" * 32,
)


def a_visit(number, *hops, tries=1, **changes):
    """Return a visit ``number`` seconds after the start; a hop is (address, status, IP)."""
    return Visit(
        at=START + timedelta(seconds=number),
        hops=tuple(Hop(url=url, status=status, address=ip) for url, status, ip in hops),
        tries=tries,
        **changes,
    )


VISITS = [
    # Of pictures.example: kept, after a redirect from short.example.
    a_visit(
        45,
        ("https://short.example/0", 302, "192.0.2.1"),
        ("https://PICTURES.example/0.jpg", 200, "192.0.2.2"),
        tries=2,
        # The try before led there, too, and met a busy host.
        beside=(
            Load(host="short.example", requests=1, redirects=1),
            Load(host="pictures.example", requests=1, busy=1),
        ),
        findings=(ALLOWED,),
        checked=("robots.txt",),
    ),
    a_visit(
        60,
        ("https://pictures.example/1.jpg", 200, "192.0.2.2"),
        tries=3,
        beside=(Load(host="pictures.example", requests=2, busy=2),),
    ),
    # Another address of it was tried, too, at a host that nothing else came from.
    a_visit(
        30,
        ("https://pictures.example/2.jpg", 429, "192.0.2.2"),
        beside=(Load(host="elsewhere.example", requests=1),),
    ),
    a_visit(31, ("https://pictures.example/3.jpg", 403, "192.0.2.2")),
    # Nothing was sent: its robots.txt forbids it, its name is not known, its host is suspended.
    a_visit(32, tries=0),
    a_visit(33, ("https://nowhere.example:8443/5.jpg", None, None), tries=2),
    a_visit(34, ("https://pictures.example/6.jpg", 404, "192.0.2.2")),
    # Fetched, and of another format: it was not filed.
    a_visit(35, ("http://[2001:DB8::1]:80/7.jpg", 200, "2001:db8::1")),
]
REASONS = {
    2: RejectReason.THROTTLED,
    3: RejectReason.REFUSED,
    4: RejectReason.DISALLOWED_BY_SITE,
    5: RejectReason.NAME_UNRESOLVED,
    6: RejectReason.GONE,
    7: RejectReason.UNSUPPORTED_FORMAT,
}
BODIES = {0: an_image(0), 1: an_image(1), 8: an_image(8)}


def rewritten(workshop, change) -> None:
    """Write the outcomes of the one chunk anew."""
    place = outcomes_ref("job-1", 0, 0)
    lines = workshop.blobs.get(place).splitlines()
    outcomes = [change(n, Outcome.model_validate_json(line)) for n, line in enumerate(lines)]
    written = "".join(f"{one.model_dump_json(exclude_defaults=True)}\n" for one in outcomes)
    workshop.blobs.put(place, written.encode())


@pytest.fixture
def ready(workshop):
    """A deduplicated job of nine candidates, eight of them with visits; three are kept."""
    workshop.job(max_images=9, purpose="generative")
    workshop.download([(a_candidate(n), REASONS.get(n) or BODIES[n]) for n in range(9)])
    rewritten(
        workshop,
        lambda n, one: one.model_copy(update={"visit": VISITS[n] if n < len(VISITS) else None}),
    )
    workshop.validate()
    workshop.deduplicate()
    return workshop


def read(workshop, name: str) -> bytes:
    """Return a file of the version."""
    return workshop.blobs.get(version_ref("data-1", 1, name))


# ------------------------------------------------------------------ receipts


def test_receipts_are_those_of_the_images(ready):
    """Each image of the manifest has its receipt, in the same order: by path."""
    ready.assemble()
    receipts = [json.loads(line) for line in read(ready, "receipts.jsonl").splitlines()]
    images = ready.manifest()["images"]
    assert [(one["id"], one["path"], one["sha256"], one["bytes"]) for one in receipts] == [
        (one["id"], one["path"], one["facts"]["sha256"], one["length"]) for one in images
    ]
    assert [one["path"] for one in images] == sorted(one["path"] for one in images)
    assert len(images) == 3


def test_findings_and_purpose_are_in_the_receipt(ready):
    """What was found about machine use, and what was looked for, is in the image's receipt."""
    ready.assemble()
    receipts = [json.loads(line) for line in read(ready, "receipts.jsonl").splitlines()]
    by_url = {one["image_url"]: one for one in receipts}
    visit = by_url["https://pictures.example/0.jpg"]["visit"]
    assert visit["findings"] == [json.loads(ALLOWED.model_dump_json())]
    assert visit["checked"] == ["robots.txt"]
    assert [hop["status"] for hop in visit["hops"]] == [302, 200]
    assert visit["at"] == "2026-05-01T12:00:45Z"
    assert "visit" not in by_url["https://pictures.example/8.jpg"]
    assert {one["purpose"] for one in receipts} == {"generative"}


def test_the_manifest_names_their_root(ready):
    """The manifest has the file, the number of receipts and the root of their tree."""
    ready.assemble()
    tree = MerkleTree()
    for line in read(ready, "receipts.jsonl").splitlines():
        tree.add(line)
    assert ready.manifest()["receipts"] == {
        "file": "receipts.jsonl",
        "algorithm": "rfc9162-sha256",
        "count": 3,
        "root": tree.root,
    }


def test_a_version_of_nothing_has_the_root_of_nothing(workshop):
    """Without an image there is no receipt, and the root is the hash of nothing."""
    workshop.job()
    workshop.download([(a_candidate(), b"<html>")])
    archive = workshop.build()
    assert archive.read("receipts.jsonl") == b""
    root = json.loads(archive.read("manifest.json"))["receipts"]["root"]
    assert root == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_older_manifests_are_read_and_packaged(ready):
    """A version from before there were receipts is packaged as it was, and its page is silent."""
    ready.assemble()
    place = version_ref("data-1", 1, "manifest.json")
    older = json.loads(ready.blobs.get(place))
    del older["receipts"], older["statistics"]["hosts"]
    ready.blobs.put(place, json.dumps(older).encode())
    for name in ("receipts.jsonl", "metadata/hosts.csv", "ledger.jsonl"):
        ready.blobs.delete(version_ref("data-1", 1, name))
    assert Manifest.model_validate(older).receipts is None
    package("data-1", 1, blobs=ready.blobs)
    [name] = [n for n in ready.blobs.names("archives", "") if n.endswith(".zip")]
    archive = zipfile.ZipFile(io.BytesIO(ready.snapshot("archives")[name]))
    assert len(archive.namelist()) == 8 + 3
    assert b"eceipts" not in archive.read("README.txt")


def test_the_archives_page_tells_how_to_verify(ready):
    """README names the root and the command; the ledger stays in storage."""
    archive = ready.build()
    page = archive.read("README.txt").decode()
    assert ready.manifest()["receipts"]["root"] in page
    assert "pixcrawler verify" in page
    assert archive.read("receipts.jsonl") == read(ready, "receipts.jsonl")
    assert not [name for name in archive.namelist() if "ledger" in name]


# ------------------------------------------------------------------ the ledger


def test_the_ledger_has_every_candidate(ready):
    """One verdict a line for every candidate of the job, in the order of rounds and chunks."""
    ready.download([(a_candidate(20), RejectReason.TIMED_OUT)], [(a_candidate(21), b"<html>")])
    ready.validate()
    ready.deduplicate()
    ready.assemble()
    verdicts = [Verdict.model_validate_json(x) for x in read(ready, "ledger.jsonl").splitlines()]
    ranks = [verdict.outcome.candidate.rank for verdict in verdicts]
    assert ranks == [*range(9), 20, 21]
    assert [verdict.outcome.visit for verdict in verdicts[:8]] == VISITS
    assert verdicts[9].reason is RejectReason.TIMED_OUT
    assert ready.manifest()["statistics"]["candidates"] == len(verdicts)


# ------------------------------------------------------------------ hosts


def test_the_load_on_each_host(ready):
    """All requests, bytes and what came of them are counted by host, the most requests first."""
    ready.assemble()
    rows = list(csv.DictReader(io.StringIO(read(ready, "metadata/hosts.csv").decode())))
    counted = {
        row["host"]: [int(row[name]) for name in list(row)[1:10]]
        for row in rows
        # visits, requests, redirects, busy, bytes, images, throttled, refused, failures
    }
    pictures = len(BODIES[0]) + len(BODIES[1])
    assert counted == {
        "pictures.example": [6, 8, 0, 4, pictures, 2, 1, 2, 1],
        "short.example": [0, 2, 2, 0, 0, 0, 0, 0, 0],
        "[2001:db8::1]": [1, 1, 0, 0, 0, 0, 0, 0, 0],
        "elsewhere.example": [0, 1, 0, 0, 0, 0, 0, 0, 0],
        "nowhere.example:8443": [1, 0, 0, 0, 0, 0, 0, 0, 1],
    }
    assert [row["host"] for row in rows] == list(counted)
    assert (rows[0]["first_visit"], rows[0]["last_visit"]) == (
        "2026-05-01T12:00:30+00:00",
        "2026-05-01T12:01:00+00:00",
    )
    assert ready.manifest()["statistics"]["hosts"] == 5


def test_the_host_report_adds_up(ready):
    """Every visited candidate is counted at one host; images are those of the dataset."""
    ready.assemble()
    rows = list(csv.DictReader(io.StringIO(read(ready, "metadata/hosts.csv").decode())))
    assert sum(int(row["visits"]) for row in rows) == len(VISITS)
    assert sum(int(row["images"]) for row in rows) == 2  # the third has no visit
    endings = sum(int(row[name]) for row in rows for name in ("throttled", "refused", "failures"))
    assert endings == len(REASONS) - 1  # the body of another format did come


def test_the_log_names_the_hosts_that_were_asked_most(ready):
    """The log has a line for each of the ten busiest hosts, and one for all others."""
    ready.assemble()
    log = read(ready, "metadata/processing_log.txt").decode().splitlines()
    came = f"2 images, {len(BODIES[0]) + len(BODIES[1])} bytes"
    assert f"      8  pictures.example: {came}, throttled: 1, refused: 2, failures: 1" in log
    loads = [HostLoad(f"h{n}.example", requests=20 - n) for n in range(12)]
    assert list(host_lines(loads))[-1] == "     19  at 2 further hosts, see metadata/hosts.csv"


def test_a_host_that_is_a_formula_is_text():
    """A host that a spreadsheet would run is written as text, and stays in its line."""
    loads = [HostLoad("=1+1"), HostLoad("a\nb,c")]
    assert [line.split(",0,")[0] for line in hosts_csv(loads).decode().splitlines()[1:]] == [
        "'=1+1",
        '"a b,c"',
    ]


# ------------------------------------------------------------------ copying


class Flowing(MemoryBlobs):
    """Blobs of which no shard may be read whole."""

    def get(self, ref):
        """Refuse shards."""
        assert not ref.name.endswith(".tar")
        return super().get(ref)

    def stream(self, ref):
        """Yield 700 bytes at a time."""
        data = super().get(ref)
        yield from (data[at : at + 700] for at in range(0, len(data), 700))


def flowing(workshop) -> None:
    """Let shards stream by in small pieces from now on."""
    blobs = Flowing()
    blobs._blobs = workshop.blobs._blobs
    workshop.blobs = blobs


def test_the_order_of_arrival_does_not_matter(ready):
    """Images lie in a shard as they came: each goes into the version with its own bytes."""
    ready.assemble()
    before = read(ready, "receipts.jsonl")
    for name in list(ready.blobs.names("datasets", "")):
        ready.blobs.delete(version_ref("data-1", 1, name.removeprefix("data-1/1/")))
    places, buffer = {}, io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as shard:
        for number, data in reversed(BODIES.items()):
            member = tarfile.TarInfo(f"{number:05d}")
            member.size = len(data)
            places[number] = buffer.tell() + tarfile.BLOCKSIZE
            shard.addfile(member, io.BytesIO(data))
    ready.blobs.put(shard_ref("job-1", 0, 0, "0" * 16), buffer.getvalue())
    rewritten(ready, lambda n, one: one.model_copy(update={"offset": places.get(n, 0)}))
    ready.blobs.delete_prefix("work", "job-1/verdicts/")
    ready.validate()
    flowing(ready)
    ready.assemble()
    assert read(ready, "receipts.jsonl") == before


def test_no_shard_is_held_whole(ready):
    """Shards stream by while a version is written: a chunk of large pictures fits any worker."""
    ready.assemble()
    before, plain = ready.snapshot("datasets"), ready.blobs
    plain.delete_prefix("datasets", "")
    flowing(ready)
    ready.assemble()
    ready.blobs = plain
    assert ready.snapshot("datasets") == before
