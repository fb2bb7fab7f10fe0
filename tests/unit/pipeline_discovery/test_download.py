"""A chunk becomes one shard and one outcome a candidate, in order, and only once."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pixcrawler.domain.source import Candidate, Provenance
from pixcrawler.domain.storage import BlobRef, candidates_ref, outcomes_ref, shard_ref
from pixcrawler.domain.verdict import Outcome, RejectReason
from pixcrawler.domain.visit import Hop, Visit
from pixcrawler.pipeline import download as download_module
from pixcrawler.pipeline.download import download
from pixcrawler.pipeline.payloads import ChunkRef, ChunkReport
from pixcrawler.pipeline.ports import Fetched, Unfetched
from pixcrawler.pipeline.visits.body import Body

JOB = "job-1"
CHUNK = ChunkRef(job_id=JOB, round=0, chunk=0)
OUTCOMES = outcomes_ref(JOB, 0, 0)
NOW = datetime(2026, 5, 1, tzinfo=UTC)
GONE = Unfetched(RejectReason.GONE, "p.example: status 404", "http://p.example/gone", 404, 12)


class Listed:
    """A fetcher that gives listed results, in the order of ``places``."""

    def __init__(self, results, places=None):
        self.results = results
        self.places = places or range(len(results))
        self.calls = 0

    def fetch_all(self, urls):
        """What the list says."""
        self.calls += 1
        assert len(urls) == len(self.results)
        for place in self.places:
            yield place, self.results[place]


def body(data, url="http://p.example/final"):
    """A good answer."""
    return Fetched(Body.of(data), url, 200, 34)


@pytest.fixture
def chunk(start, jobs, blobs):
    """Writes a chunk of ``count`` candidates; ``alternatives[n]`` are further addresses."""

    def write(count, alternatives=None):
        start(categories={"birds": ["owl"]})
        jobs.add_chunks(JOB, 0, [count])
        lines = [
            Candidate(
                url=f"http://p.example/{n}",
                alternatives=(alternatives or {}).get(n, ()),
                key=f"{n:032x}",
                keyword="owl",
                category="birds",
                query="owl",
                rank=n,
                provenance=Provenance(engine="local"),
            ).model_dump_json()
            for n in range(count)
        ]
        blobs.put(candidates_ref(JOB, 0, 0), "\n".join(lines).encode())

    return write


@pytest.fixture
def run(jobs, blobs):
    """Runs the step with a fetcher."""
    return lambda fetcher: download(CHUNK, jobs=jobs, blobs=blobs, fetcher=fetcher)


def outcomes(blobs):
    """The written outcomes."""
    return [Outcome.model_validate_json(line) for line in blobs.get(OUTCOMES).splitlines()]


def shards(blobs):
    """Where the shards are that were written."""
    return [BlobRef(container="work", name=n) for n in blobs.names("work", f"{JOB}/shards/")]


def kept_bytes(blobs):
    """The bodies that the written outcomes lead to."""
    places = [(o, shard_ref(JOB, 0, 0, o.shard)) for o in outcomes(blobs) if o.reason is None]
    return [blobs.get_range(place, o.offset, o.length) for o, place in places]


def test_each_candidate_has_its_outcome_in_order(chunk, run, blobs):
    """Results come in any order; outcomes stand in the candidates' order."""
    chunk(4)
    results = [body(b"zero"), GONE, body(b"two" * 400), body(b"three")]
    report = run(Listed(results, places=[3, 1, 0, 2]))
    assert report == ChunkReport(passed=3, rejected=1)
    written = outcomes(blobs)
    assert [o.candidate.rank for o in written] == [0, 1, 2, 3]
    assert [o.name for o in written] == ["00000", None, "00002", "00003"]
    assert [o.reason for o in written] == [None, RejectReason.GONE, None, None]
    assert (written[1].detail, written[1].status, written[1].elapsed_ms) == (GONE.detail, 404, 12)
    assert (written[0].final_url, written[0].status) == ("http://p.example/final", 200)


def test_bytes_are_found_by_offset_and_by_name(chunk, run, blobs):
    """A range read gives the body, and so does any tar reader."""
    chunk(3)
    bodies = [b"a" * 511, b"b" * 512, b"c" * 100_001]
    run(Listed([body(b) for b in bodies]))
    [place] = shards(blobs)
    assert {shard_ref(JOB, 0, 0, o.shard) for o in outcomes(blobs)} == {place}
    ranges = [blobs.get_range(place, o.offset, o.length) for o in outcomes(blobs)]
    assert ranges == bodies
    with tarfile.open(fileobj=io.BytesIO(blobs.get(place))) as shard:
        members = shard.getmembers()
        assert [m.name for m in members] == ["00000", "00001", "00002"]
        assert [shard.extractfile(m).read() for m in members] == bodies
        assert {(m.mtime, m.uid, m.gid, m.mode) for m in members} == {(0, 0, 0, 0o644)}


def test_each_outcome_points_at_its_own_bytes(chunk, run, blobs):
    """In whatever order downloads end, an outcome leads to what its own address gave."""
    chunk(3)
    run(Listed([body(b"zero"), body(b"one"), body(b"two")], places=[2, 0, 1]))
    assert kept_bytes(blobs) == [b"zero", b"one", b"two"]


def test_no_image_needs_no_shard(chunk, run, blobs):
    """When nothing came there are outcomes, but no shard."""
    chunk(2)
    assert run(Listed([GONE, GONE])) == ChunkReport(passed=0, rejected=2)
    assert shards(blobs) == []
    assert len(outcomes(blobs)) == 2


def test_a_full_shard_takes_no_more(chunk, run, blobs, monkeypatch):
    """What does not fit is over the limit; smaller ones after it still come in."""
    monkeypatch.setattr(download_module, "SHARD_MAX_BYTES", 10_000)
    chunk(3)
    report = run(Listed([body(b"a" * 4000), body(b"b" * 6000), body(b"c" * 2000)]))
    assert report == ChunkReport(passed=2, rejected=1)
    assert [o.reason for o in outcomes(blobs)] == [None, RejectReason.OVER_LIMIT, None]
    [place] = shards(blobs)
    assert len(blobs.get(place)) <= 10_000


def test_what_a_tar_adds_to_each_file_counts(chunk, run, blobs, monkeypatch):
    """Many tiny pictures fill a shard with headers."""
    monkeypatch.setattr(download_module, "SHARD_MAX_BYTES", 10_000)
    chunk(20)
    assert run(Listed([body(b"a")] * 20)).passed == 9
    [place] = shards(blobs)
    assert len(blobs.get(place)) <= 10_000 + 2 * tarfile.BLOCKSIZE


def test_counts_reach_the_job(chunk, run, jobs):
    """The job sees what was downloaded, rejected and why, and the bytes."""
    chunk(3)
    run(Listed([body(b"12345"), GONE, body(b"678")]))
    progress = jobs.state(JOB).progress
    assert (progress.downloaded, progress.rejected, progress.bytes) == (2, 1, 8)
    assert progress.reasons == {RejectReason.GONE: 1}


def test_a_repeated_chunk_fetches_nothing(chunk, run):
    """Once the outcomes are written, the step reports them and asks the web for nothing."""
    chunk(2)
    fetcher = Listed([body(b"zero"), GONE])
    assert run(fetcher) == run(fetcher)
    assert fetcher.calls == 1


def test_a_killed_chunk_is_done_again(chunk, run, blobs):
    """A shard without outcomes counts for nothing: the chunk is fetched again."""
    chunk(1)
    run(Listed([body(b"before the kill")]))
    blobs.delete(OUTCOMES)
    assert run(Listed([body(b"whole")])).passed == 1
    assert kept_bytes(blobs) == [b"whole"]


@pytest.mark.parametrize(
    ("written", "slower"),
    [("put_file", body(b"slower")), ("put_new", body(b"slower")), ("put_new", GONE)],
    ids=["before its shard", "before its outcomes", "without a shard"],
)
def test_the_faster_of_two_workers_wins(chunk, run, blobs, written, slower):
    """Overtaken before any write, a worker leaves the other's shard and outcomes as they are."""
    chunk(1)
    write, faster = getattr(blobs, written), Listed([body(b"faster")])

    def overtaken(*given):
        """The other worker does everything just before this one writes."""
        setattr(blobs, written, write)
        run(faster)
        return write(*given)

    setattr(blobs, written, overtaken)
    assert run(Listed([slower])) == ChunkReport(passed=1, rejected=0)
    assert kept_bytes(blobs) == [b"faster"]


def test_a_cancelled_job_is_left_alone(chunk, run, jobs, blobs):
    """A chunk of a job that is being cancelled is not touched."""
    chunk(1)
    jobs.cancel(JOB)
    fetcher = Listed([body(b"x")])
    assert run(fetcher) == ChunkReport(passed=0, rejected=0, cancelled=True)
    assert fetcher.calls == 0
    assert not blobs.exists(OUTCOMES)


def test_what_a_fetcher_forgets_is_unreachable(chunk, run, blobs):
    """No candidate is without an outcome, whatever the fetcher does."""
    chunk(2)
    assert run(Listed([body(b"x"), GONE], places=[0])) == ChunkReport(passed=1, rejected=1)
    assert outcomes(blobs)[1].reason is RejectReason.UNREACHABLE


def test_a_long_detail_is_cut(chunk, run, blobs):
    """A detail keeps to what an outcome may hold."""
    chunk(1)
    run(Listed([Unfetched(RejectReason.BAD_ANSWER, "x" * 1000)]))
    assert len(outcomes(blobs)[0].detail) == 300


JPEG = b"\xff\xd8\xff picture"
HTML = b"<html>please do not link to us</html>"


class Web:
    """A fetcher of a web where ``pages`` says what is where; everything else is gone."""

    def __init__(self, **pages):
        self.pages = {f"http://p.example/{name}": page for name, page in pages.items()}
        self.asked = []

    def fetch_all(self, urls):
        """What is there, last first."""
        self.asked.append([url.rsplit("/", 1)[1] for url in urls])
        for place in reversed(range(len(urls))):
            page = self.pages.get(urls[place], GONE)
            yield place, body(page, urls[place]) if isinstance(page, bytes) else page


def at(*names):
    """Addresses."""
    return tuple(f"http://p.example/{name}" for name in names)


def test_what_fails_is_tried_elsewhere(chunk, run, blobs):
    """Only failures are asked for again, at their next address, and the outcome says which."""
    chunk(4, {0: at("a", "b"), 1: at("c"), 3: at("d")})
    web = Web(**{"1": JPEG + b"1", "b": JPEG + b"b", "d": JPEG + b"d"})
    assert run(web) == ChunkReport(passed=3, rejected=1)
    assert web.asked == [["0", "1", "2", "3"], ["a", "d"], ["b"]]
    written = outcomes(blobs)
    assert [one.address for one in written] == list(at("b", "1", "2", "d"))
    assert [one.alternative for one in written] == [at("b")[0], None, None, at("d")[0]]
    assert kept_bytes(blobs) == [JPEG + b"b", JPEG + b"1", JPEG + b"d"]
    assert written[2].reason is RejectReason.GONE


@pytest.mark.parametrize("page", [HTML, b"GIF89a moving", b""])
def test_a_body_that_is_no_picture_is_tried_elsewhere(chunk, run, blobs, page):
    """What looks like success but is no picture of ours counts as failure while there is more."""
    chunk(1, {0: at("a")})
    assert run(Web(**{"0": page, "a": JPEG})).passed == 1
    assert kept_bytes(blobs) == [JPEG]


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (HTML, RejectReason.NOT_AN_IMAGE),
        (b"GIF89a", RejectReason.UNSUPPORTED_FORMAT),
        (Unfetched(RejectReason.REFUSED, "no"), RejectReason.REFUSED),
    ],
)
def test_the_first_failure_is_told(chunk, run, blobs, page, reason):
    """Where no address helps, the reason is that of the best one."""
    chunk(1, {0: at("a", "b")})
    run(Web(**{"0": page, "a": HTML}))
    assert [one.reason for one in outcomes(blobs)] == [reason]


def test_wishes_are_not_gone_around(chunk, run):
    """A site that wants its pictures left alone is not asked for them through others."""
    chunk(1, {0: at("a")})
    web = Web(**{"0": Unfetched(RejectReason.DISALLOWED_BY_SITE, "noai"), "a": JPEG})
    assert run(web) == ChunkReport(passed=0, rejected=1)
    assert web.asked == [["0"]]


@pytest.mark.parametrize("reason", [RejectReason.OPTED_OUT, RejectReason.DISALLOWED_BY_SITE])
def test_wishes_met_on_the_way_are_not_gone_around(chunk, run, blobs, reason):
    """A wish at a further address ends the search, and is what is told."""
    chunk(1, {0: at("a", "b")})
    web = Web(a=Unfetched(reason, "iptc: plus:DataMining"), b=JPEG)
    assert run(web) == ChunkReport(passed=0, rejected=1)
    assert web.asked == [["0"], ["a"]]
    assert [one.reason for one in outcomes(blobs)] == [reason]


def visited(result, name, status):
    """The same result, with the visit that gave it."""
    hop = Hop(url=f"http://{name}.example/", status=status, address="192.0.2.1")
    return replace(result, visit=Visit(at=NOW, hops=(hop,)))


@pytest.mark.parametrize(
    ("last", "told", "beside"),
    [(JPEG, "c", {"own": 0, "b": 1}), (HTML, "own", {"b": 1, "c": 0})],
    ids=["a picture", "none"],
)
def test_no_request_is_forgotten(chunk, run, blobs, last, told, beside):
    """Whichever visit is told, what was asked at the other addresses is counted with it."""
    chunk(1, {0: at("b", "c")})
    web = Web(**{"0": visited(GONE, "own", 404), "b": visited(GONE, "b", 429)})
    web.pages["http://p.example/c"] = visited(body(last), "c", 200)
    run(web)
    [outcome] = outcomes(blobs)
    assert [hop.url for hop in outcome.visit.hops] == [f"http://{told}.example/"]
    counted = {load.host: (load.requests, load.busy) for load in outcome.visit.beside}
    assert counted == {f"{name}.example": (1, busy) for name, busy in beside.items()}


def test_addresses_are_few(chunk, run):
    """However many addresses a candidate has, three further ones are tried."""
    chunk(1, {0: at(*"abcdef")})
    web = Web()
    run(web)
    assert web.asked == [["0"], ["a"], ["b"], ["c"]]


def test_a_body_from_elsewhere_fills_the_shard_too(chunk, run, blobs, monkeypatch):
    """The limit of a shard holds for what further addresses give."""
    monkeypatch.setattr(download_module, "SHARD_MAX_BYTES", 10_000)
    chunk(2, {1: at("a")})
    run(Web(**{"0": JPEG * 700, "a": JPEG * 200}))
    assert [one.reason for one in outcomes(blobs)] == [None, RejectReason.GONE]


def test_what_did_not_fit_is_not_sought_elsewhere(chunk, run, blobs, monkeypatch):
    """A full shard is no failure of an address: no other one is asked."""
    monkeypatch.setattr(download_module, "SHARD_MAX_BYTES", 10_000)
    chunk(2, {0: at("a"), 1: at("a")})
    web = Web(**{"0": JPEG * 700, "1": JPEG * 700, "a": JPEG})
    run(web)
    assert web.asked == [["0", "1"]]
    assert {one.reason for one in outcomes(blobs)} == {None, RejectReason.OVER_LIMIT}
