"""Every candidate of a chunk gets one verdict, and repeating changes nothing."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator

import pytest

from pixcrawler.domain.errors import InvariantBroken, StorageUnavailable
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.image import ImageFacts
from pixcrawler.domain.storage import BlobRef, outcomes_ref, shard_ref, verdicts_ref
from pixcrawler.domain.verdict import Outcome, RejectReason, Verdict
from pixcrawler.pipeline.limits import IMAGE_MAX_BYTES
from pixcrawler.pipeline.payloads import ChunkRef, ChunkReport
from pixcrawler.pipeline.pictures.imaging import Flaw
from pixcrawler.pipeline.validate import DECODERS, judge, judge_all, read_verdicts
from tests.factories import a_candidate, an_image

CHUNK = ChunkRef(job_id="job-1", round=0, chunk=0)
VERDICTS = verdicts_ref("job-1", 0, 0)
ON_ITS_SIDE = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06" + bytes(6)


@pytest.fixture
def downloaded(workshop):
    """A chunk of two good images, one wrong file and one failed download."""
    workshop.job()
    bodies = [an_image(0), b"<html>", RejectReason.TIMED_OUT, an_image(3)]
    workshop.download([(a_candidate(number), body) for number, body in enumerate(bodies)])
    return workshop


def test_one_verdict_a_candidate(downloaded):
    """Verdicts come in the candidates' order: facts, or the reason of this or the former step."""
    report = downloaded.validate_chunk(CHUNK)
    verdicts = read_verdicts(VERDICTS, downloaded.blobs)
    assert [verdict.outcome.candidate.rank for verdict in verdicts] == [0, 1, 2, 3]
    assert [verdict.reason for verdict in verdicts] == [None, "not_an_image", "timed_out", None]
    assert [verdict.detail for verdict in verdicts] == [None, "is HTML", "as planned", None]
    assert [bool(verdict.facts) for verdict in verdicts] == [True, False, False, True]
    assert report == ChunkReport(passed=2, rejected=2)


def test_the_chunks_totals_are_recorded(downloaded):
    """The chunk's counts hold the reasons of downloading and of validation together."""
    downloaded.validate_chunk(CHUNK)
    progress = downloaded.jobs.state("job-1").progress
    assert (progress.downloaded, progress.rejected) == (3, 2)
    assert progress.reasons == {"not_an_image": 1, "timed_out": 1}
    assert progress.bytes == len(an_image(0)) + len(an_image(3)) + len(b"<html>")


def test_a_repeat_changes_nothing(downloaded):
    """Done twice, the step reports and leaves the same; even without the shard."""
    first = downloaded.validate_chunk(CHUNK)
    before = downloaded.blobs.get(VERDICTS)
    downloaded.blobs.delete(shard_ref("job-1", 0, 0, "0" * 16))
    assert downloaded.validate_chunk(CHUNK) == first
    assert downloaded.blobs.get(VERDICTS) == before


def test_a_death_before_the_record_is_mended(downloaded):
    """Killed after the verdicts and before the counts, a repeat records the counts."""
    downloaded.validate_chunk(CHUNK)
    downloaded.jobs.add(downloaded.jobs.job("job-1"))
    downloaded.jobs.add_chunks("job-1", 0, [4])
    downloaded.validate_chunk(CHUNK)
    assert downloaded.jobs.state("job-1").progress.chunks.completed == 1


def test_a_job_that_is_being_cancelled(downloaded):
    """Nothing is done for a job that is being cancelled."""
    downloaded.jobs.cancel("job-1")
    assert downloaded.validate_chunk(CHUNK).cancelled
    assert not downloaded.blobs.exists(VERDICTS)


def test_a_chunk_without_files(workshop):
    """When no download worked there is no shard, and that is no error."""
    workshop.job()
    workshop.download([(a_candidate(), RejectReason.GONE)])
    workshop.blobs.delete(shard_ref("job-1", 0, 0, "0" * 16))
    assert workshop.validate_chunk(CHUNK) == ChunkReport(passed=0, rejected=1)


def test_a_shard_that_is_too_short(downloaded):
    """A shard that ends before its outcomes do is a broken promise, not a broken image."""
    place: BlobRef = shard_ref("job-1", 0, 0, "0" * 16)
    downloaded.blobs.put(place, downloaded.blobs.get(place)[:2000])
    with pytest.raises(InvariantBroken):
        downloaded.validate_chunk(CHUNK)


def judged(data: bytes, **filters) -> Verdict:
    """Judge one body under filters."""
    outcome = Outcome(candidate=a_candidate(), name="0", offset=0, length=len(data))
    return judge(outcome, data, Filters(**filters))


@pytest.mark.parametrize(
    ("size", "filters", "reason"),
    [
        ((224, 224), {}, None),
        ((223, 300), {}, RejectReason.TOO_SMALL),
        ((300, 223), {}, RejectReason.TOO_SMALL),
        ((300, 200), {"min_height": 200}, None),
        ((900, 225), {}, None),
        ((901, 225), {}, RejectReason.ASPECT),
        ((225, 901), {}, RejectReason.ASPECT),
        ((1600, 120), {}, RejectReason.ASPECT),
        ((300, 300), {"max_aspect_ratio": 1}, None),
        ((301, 300), {"max_aspect_ratio": 1}, RejectReason.ASPECT),
        ((300, 300), {"formats": ("png", "webp")}, RejectReason.UNSUPPORTED_FORMAT),
    ],
)
def test_filters(size, filters, reason):
    """Each filter's limit is allowed, one step beyond it is not."""
    assert judged(an_image(0, *size), **filters).reason is reason


@pytest.mark.parametrize(
    ("size", "filters", "detail"),
    [
        ((300, 300), {"size": "small"}, None),
        ((320, 320), {"size": "small"}, "320 x 320 is medium, not small"),
        ((320, 320), {"size": "medium"}, None),
        ((999, 1000), {"size": "medium"}, None),
        ((1000, 1000), {"size": "medium"}, "1000 x 1000 is large, not medium"),
        ((1000, 1000), {"size": "large"}, None),
        ((1000, 1000), {"size": "huge"}, "1000 x 1000 is large, not huge"),
        ((330, 300), {"aspect": "square"}, None),
        ((331, 300), {"aspect": "square"}, "331 x 300 is wide, not square"),
        ((331, 300), {"aspect": "wide"}, None),
        ((300, 400), {"aspect": "tall"}, None),
        ((300, 400), {"aspect": "wide"}, "300 x 400 is tall, not wide"),
        ((300, 300), {"color": "color"}, None),
        ((300, 300), {"color": "transparent"}, "0% of it is transparent"),
    ],
)
def test_what_engines_were_asked_for_is_looked_at_again(size, filters, detail):
    """Size, aspect and colour are those of the bytes, whatever an engine said."""
    verdict = judged(an_image(0, *size), **filters)
    assert verdict.reason is (None if detail is None else RejectReason.FILTER_MISMATCH)
    assert verdict.detail == detail


def test_a_picture_on_its_side_is_tall_as_shown():
    """The aspect is that of the picture upright."""
    lying = an_image(0, 400, 300, exif=ON_ITS_SIDE)
    assert judged(lying, aspect="tall").reason is None
    assert judged(lying, aspect="wide").reason is RejectReason.FILTER_MISMATCH


def test_no_colour_is_measured_when_none_is_asked_for(monkeypatch):
    """A job that takes any colour does not pay for it."""
    monkeypatch.setattr("pixcrawler.pipeline.validate.small_copy", None)
    assert judged(an_image(0), size="small").reason is None


def test_sizes_are_those_shown():
    """A picture that lies on its side is measured upright."""
    lying = an_image(0, 300, 230, exif=ON_ITS_SIDE)
    facts = judged(lying, min_width=230, min_height=300).facts
    assert isinstance(facts, ImageFacts)
    assert (facts.width, facts.height) == (230, 300)


def test_the_byte_limit():
    """A file beyond the byte limit is refused without being looked at."""
    assert judged(bytes(IMAGE_MAX_BYTES + 1)).reason is RejectReason.TOO_LARGE
    assert judged(bytes(IMAGE_MAX_BYTES)).reason is not RejectReason.TOO_LARGE


def test_the_verdicts_are_the_same_bytes(downloaded):
    """The same outcomes give the same verdicts, byte for byte, whichever decoder ends first."""
    downloaded.validate_chunk(CHUNK)
    first = downloaded.blobs.get(VERDICTS)
    for _ in range(5):
        downloaded.blobs.delete(VERDICTS)
        downloaded.validate_chunk(CHUNK)
        assert downloaded.blobs.get(VERDICTS) == first
    assert downloaded.blobs.exists(outcomes_ref("job-1", 0, 0))


PIECE_BYTES = 4 * 1024 * 1024


def a_heavy_shard(members: int) -> tuple[list[Outcome], Iterator[bytes]]:
    """Return outcomes of so many members of one piece each, and the shard as it streams by."""
    outcomes = [
        Outcome(
            candidate=a_candidate(number),
            name=f"{number:05d}",
            offset=512 + number * (PIECE_BYTES + 512),
            length=PIECE_BYTES,
        )
        for number in range(members)
    ]
    total = members * (PIECE_BYTES + 512) + 1024
    return outcomes, (bytes(PIECE_BYTES) for _ in range(-(-total // PIECE_BYTES)))


def test_memory_does_not_follow_the_shard():
    """Of a shard of 256 MB, no more is in memory than decoders have in hand, and two pieces."""
    outcomes, pieces = a_heavy_shard(64)
    tracemalloc.start()
    try:
        verdicts = judge_all(outcomes, pieces, Filters())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert {verdict.reason for verdict in verdicts} == {RejectReason.NOT_AN_IMAGE}
    assert peak < (DECODERS + 5) * PIECE_BYTES


def test_the_shard_is_read_no_faster_than_it_is_decoded(monkeypatch):
    """While every decoder is busy, no further piece is asked for."""
    read, seen = [], []
    outcomes, pieces = a_heavy_shard(12)

    def counted() -> Iterator[bytes]:
        for piece in pieces:
            read.append(1)
            yield piece

    def busy(data: bytes) -> Flaw:
        time.sleep(0.02)
        seen.append(len(read))
        return Flaw(RejectReason.NOT_AN_IMAGE, "slow")

    monkeypatch.setattr("pixcrawler.pipeline.validate.examine", busy)
    judge_all(outcomes, counted(), Filters())
    ahead = [pieces - done for done, pieces in enumerate(seen)]
    assert max(ahead) <= DECODERS + 2


def test_members_may_lie_in_any_order():
    """Bodies are filed as they came: each verdict is on its own candidate's."""
    files = {1: an_image(1), 0: b"<html>", 2: an_image(2)}
    shard, outcomes = b"", {}
    for number, data in files.items():
        outcomes[number] = Outcome(
            candidate=a_candidate(number), name=str(number), offset=len(shard), length=len(data)
        )
        shard += data
    failed = Outcome(candidate=a_candidate(3), reason=RejectReason.GONE, detail="404")
    ordered = [outcomes[0], failed, outcomes[1], outcomes[2]]
    pieces = [shard[at : at + 1000] for at in range(0, len(shard), 1000)]
    verdicts = judge_all(ordered, pieces, Filters())
    assert [verdict.outcome for verdict in verdicts] == ordered
    assert [verdict.reason for verdict in verdicts] == ["not_an_image", "gone_404_410", None, None]
    assert [verdict.facts.bytes for verdict in verdicts[2:]] == [len(files[1]), len(files[2])]


def test_storage_that_fails_half_way():
    """A shard that cannot be read to its end fails the step; nothing hangs, nothing is judged."""
    outcomes, pieces = a_heavy_shard(12)

    def broken() -> Iterator[bytes]:
        for _ in range(6):
            yield next(pieces)
        raise StorageUnavailable("away")

    with pytest.raises(StorageUnavailable):
        judge_all(outcomes, broken(), Filters())
