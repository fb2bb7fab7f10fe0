"""A chunk becomes one shard and one outcome a candidate, in order, and only once."""

from __future__ import annotations

import io
import tarfile

import pytest

from pixcrawler.domain.source import Candidate, Provenance
from pixcrawler.domain.storage import BlobRef, candidates_ref, outcomes_ref, shard_ref
from pixcrawler.domain.verdict import Outcome, RejectReason
from pixcrawler.pipeline import download as download_module
from pixcrawler.pipeline.download import download
from pixcrawler.pipeline.payloads import ChunkRef, ChunkReport
from pixcrawler.pipeline.ports import Fetched, Unfetched

JOB = "job-1"
CHUNK = ChunkRef(job_id=JOB, round=0, chunk=0)
OUTCOMES = outcomes_ref(JOB, 0, 0)
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
    return Fetched(data, url, 200, 34)


@pytest.fixture
def chunk(start, jobs, blobs):
    """Writes a chunk of ``count`` candidates."""

    def write(count):
        start(categories={"birds": ["owl"]})
        jobs.add_chunks(JOB, 0, [count])
        lines = [
            Candidate(
                url=f"http://p.example/{n}",
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


def test_the_same_bodies_give_the_same_shard(chunk, run, blobs):
    """The order in which downloads end leaves no trace in the shard."""
    chunk(3)
    results = [body(b"zero"), body(b"one"), body(b"two")]
    run(Listed(results))
    first = blobs.get(OUTCOMES)
    blobs.delete(OUTCOMES)
    run(Listed(results, places=[2, 0, 1]))
    assert blobs.get(OUTCOMES) == first
    assert len(shards(blobs)) == 1


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
