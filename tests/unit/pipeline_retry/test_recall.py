"""A retry has all that its job had, fetches only what failed, and forgets no failure."""

from __future__ import annotations

import hashlib

import pytest

from pixcrawler.domain.errors import InvariantBroken, NotFound
from pixcrawler.domain.source import Provenance
from pixcrawler.domain.storage import outcomes_ref, recall_ref, version_ref
from pixcrawler.domain.verdict import FETCH_REASONS, RejectReason
from pixcrawler.domain.visit import Visit
from pixcrawler.pipeline import recall as recall_module
from pixcrawler.pipeline.assemble import LEDGER
from pixcrawler.pipeline.download import download
from pixcrawler.pipeline.hindsight import is_recallable
from pixcrawler.pipeline.limits import CHUNK_IMAGES
from pixcrawler.pipeline.payloads import ChunkRef, Rounds
from tests.factories import a_candidate, a_picture, an_image, encoded, put_downloads

GONE, BUSY, LATE = RejectReason.GONE, RejectReason.THROTTLED, RejectReason.TIMED_OUT
ELSEWHERE = Provenance(engine="commons", creator="Somebody else")


def url(number: int) -> str:
    return a_candidate(number).url


@pytest.fixture
def base(workshop):
    """Version 1: 4 images in two rounds; of 12 candidates 4 failed, and 4 were refused."""
    return workshop.build(
        [
            [
                # Before the others, so that what is kept lies elsewhere in the version's tar.
                (a_candidate(4), b"<html>"),
                (a_candidate(0), an_image(0)),
                (a_candidate(1, keyword="wren"), an_image(1)),
                (a_candidate(2), BUSY),
                (a_candidate(3, provenance=ELSEWHERE), an_image(0)),
            ],
            [(a_candidate(5), GONE), (a_candidate(6), an_image(6, width=100))],
        ],
        [
            [
                (a_candidate(7), LATE),
                (a_candidate(8), an_image(8, file_format="PNG")),
                (a_candidate(10), an_image(10)),
                (a_candidate(11), encoded(a_picture(1).resize((280, 230)))),
                (a_candidate(9), BUSY),
            ]
        ],
        max_images=4,
    )


def test_the_base_is_what_its_test_says(workshop, base):
    """The world of these tests: what is kept, and why the rest is not."""
    assert len(workshop.ids(1)) == 4
    assert workshop.progress(base).reasons == {
        BUSY: 2, GONE: 1, LATE: 1, RejectReason.NOT_AN_IMAGE: 1, RejectReason.TOO_SMALL: 1,
        RejectReason.DUPLICATE_EXACT: 1, RejectReason.DUPLICATE_NEAR: 1,
    }  # fmt: skip


def test_what_failed_for_these_reasons_is_fetched_again(workshop, base):
    """Just these candidates, as they were found and in their order; nothing else."""
    found = workshop.recall(base, BUSY, LATE)
    assert (found.chunks, found.candidates) == (1, 3)
    assert workshop.again("job-2", found) == [[a_candidate(2), a_candidate(7), a_candidate(9)]]


def test_no_image_is_lost_when_everything_fails_again(workshop, base):
    """The next version has the same images, from the same places, bit for bit."""
    before = workshop.snapshot("data-1/1/", "datasets")
    workshop.retry(base, web=dict.fromkeys(map(url, range(12)), BUSY))
    old, new = workshop.manifest(1), workshop.manifest(2)
    moved = {"shard", "offset"}
    assert [image.model_dump(exclude=moved) for image in new.images] == [
        image.model_dump(exclude=moved) for image in old.images
    ]
    for image in new.images:
        data = workshop.blobs.get_range(
            version_ref("data-1", 2, image.shard), image.offset, image.length
        )
        assert hashlib.sha256(data).hexdigest() == image.facts.sha256
    assert workshop.snapshot("data-1/1/", "datasets") == before


def test_what_comes_is_added(workshop, base):
    """All that recovered is in the next version, beside all that was, although 4 were wanted."""
    web = {url(2): an_image(2), url(7): an_image(7), url(9): LATE}
    chosen = workshop.retry(base, web=web)
    assert (chosen.kept, chosen.over_limit) == (6, 0)
    assert workshop.ids(1) < workshop.ids(2)
    assert workshop.manifest(2).spec == workshop.manifest(1).spec


def test_an_image_keeps_its_words(workshop):
    """Of one address that was found for different words, the same find is taken over."""
    found = [
        (a_candidate(1, url=url(0), category="boats"), an_image(0)),
        (a_candidate(0, category="cars"), an_image(0)),
        (a_candidate(2), BUSY),
    ]
    job_id = workshop.build([found])
    assert [image.category for image in workshop.manifest(1).images] == ["cars"]
    workshop.retry(job_id, web={url(2): GONE})
    assert [image.category for image in workshop.manifest(2).images] == ["cars"]


def test_a_better_copy_takes_the_place_of_a_worse_one(workshop, base):
    """A recovered picture that is larger replaces its copy; one that is smaller is left out."""
    web = {url(2): an_image(8, 640, 480), url(7): encoded(a_picture(10).resize((300, 225)))}
    chosen = workshop.retry(base, web={**web, url(9): GONE})
    kept = workshop.manifest(2).images
    assert (chosen.kept, chosen.duplicates) == (4, 2)
    assert len(workshop.ids(1) & workshop.ids(2)) == 3
    assert url(2) in {image.source_url for image in kept}


def test_failures_that_are_left_are_not_forgotten(workshop, base):
    """A retry for one reason keeps the others in its ledger, where a later retry finds them."""
    workshop.retry(base, LATE, web={url(7): an_image(7)})
    failed = {
        one.outcome.candidate.url: one.reason
        for one in workshop.ledger(2)
        if one.reason in FETCH_REASONS
    }
    assert failed == {url(2): BUSY, url(9): BUSY, url(5): GONE}
    assert workshop.progress("job-2").reasons[BUSY] == 2
    workshop.retry("job-2", BUSY, GONE, web={url(2): an_image(2), url(5): GONE, url(9): BUSY})
    assert len(workshop.ids(3)) == 6
    assert workshop.ids(1) < workshop.ids(2) < workshop.ids(3)
    found = workshop.recall("job-3", *FETCH_REASONS)
    assert [one.url for one in workshop.again("job-4", found)[0]] == [url(5), url(9)]


def test_only_failed_fetches_are_failures(workshop, base):
    """However many reasons are named, what came and was refused is not fetched again."""
    found = workshop.recall(base, *FETCH_REASONS)
    assert [one.url for one in workshop.again("job-2", found)[0]] == list(map(url, (2, 5, 7, 9)))


def test_progress_adds_up(workshop, base):
    """Round 0 is validated when the first download begins, and counts as nobody's traffic."""
    found = workshop.recall(base, BUSY)
    progress = workshop.progress("job-2")
    assert (progress.chunks.total, progress.chunks.completed) == (found.held + 1, found.held)
    assert (progress.candidates, progress.downloaded, progress.kept) == (8, 4, 4)
    assert (progress.reasons, progress.bytes) == ({GONE: 1, LATE: 1}, 0)


def test_many_failures_are_cut_into_chunks(workshop):
    """Chunks are as large as those of a search; so are those of failures that are left."""
    count = 2 * CHUNK_IMAGES + 3
    failed = [(a_candidate(n), BUSY if n % 2 else GONE) for n in range(2 * count)]
    base = workshop.build([[(a_candidate(999), an_image(1))], failed])
    found = workshop.recall(base, BUSY)
    sizes = [CHUNK_IMAGES, CHUNK_IMAGES, 3]
    assert list(map(len, workshop.again("job-2", found))) == sizes
    assert list(map(len, workshop.held("job-2", found))) == [1, *sizes]


def test_further_addresses_come_along(workshop):
    """A candidate is fetched again with all that is known of it."""
    candidate = a_candidate(1, alternatives=("https://b.example/1.jpg",), also_found=(ELSEWHERE,))
    base = workshop.build([[(a_candidate(0), an_image(0)), (candidate, BUSY)]])
    found = workshop.recall(base)
    assert workshop.again("job-2", found) == [[candidate]]


def test_evidence_comes_along(workshop, base):
    """How an image was fetched the first time stays known: its receipt needs it."""
    place = version_ref("data-1", 1, LEDGER)
    visit = Visit(at="2026-05-01T12:00:00Z", checked=("robots.txt",))
    lines = workshop.ledger(1)
    with_visits = [
        one.model_copy(update={"outcome": one.outcome.model_copy(update={"visit": visit})})
        for one in lines
    ]
    workshop.blobs.put(place, b"".join(f"{v.model_dump_json()}\n".encode() for v in with_visits))
    found = workshop.recall(base)
    assert {one.outcome.visit for part in workshop.held("job-2", found) for one in part} == {visit}


def test_where_else_an_image_was_found_stays_known(workshop, base):
    """The copy that named somebody else is left behind; that it was found there is not."""
    workshop.retry(base, web=dict.fromkeys(map(url, range(12)), BUSY))
    for version in (1, 2):
        [image] = [one for one in workshop.manifest(version).images if one.source_url == url(0)]
        assert image.also_found == (ELSEWHERE,)


# ------------------------------------------------------------------ a job without a version


@pytest.fixture
def broken_off(workshop):
    """A job that ended before it had a version: one chunk judged, one fetched, one not begun."""
    job_id = workshop.new_job()
    workshop.download(
        job_id,
        0,
        [
            [(a_candidate(0), an_image(0)), (a_candidate(1), BUSY), (a_candidate(2), b"<html>")],
            [(a_candidate(3), an_image(3)), (a_candidate(4), BUSY)],
        ],
    )
    workshop.judge(Rounds(job_id=job_id, chunks=(1,)))
    return job_id


def test_a_job_without_a_version(workshop, broken_off):
    """What came is taken over, judged or not; what failed is fetched again."""
    workshop.retry(broken_off, web={url(1): an_image(1), url(4): BUSY})
    assert {image.source_url for image in workshop.manifest(2).images} == set(map(url, (0, 1, 3)))
    progress = workshop.progress("job-2")
    assert (progress.candidates, progress.chunks.total, progress.chunks.completed) == (4, 3, 3)


def test_what_came_is_not_fetched_again(workshop, broken_off):
    """A chunk whose bytes are there counts as downloaded, although nobody had looked at it."""
    found = workshop.recall(broken_off)
    last = ChunkRef(job_id="job-2", round=1, chunk=found.chunks - 1)
    report = download(last, jobs=workshop.jobs, blobs=workshop.blobs, fetcher=None)
    assert (report.passed, report.rejected) == (1, 0)


def test_a_job_that_found_nothing(workshop):
    """With nothing to take over, round 0 is empty, and the retry may still come to something."""
    job_id = workshop.new_job()
    workshop.download(job_id, 0, [[(a_candidate(0), BUSY), (a_candidate(1), BUSY)]])
    workshop.judge(Rounds(job_id=job_id, chunks=(1,)))
    found = workshop.recall(job_id)
    assert (found.held, found.chunks) == (0, 1)
    web = {url(0): an_image(0), url(1): GONE}
    workshop.retry(job_id, web=web)
    assert len(workshop.ids(3)) == 1


def test_without_a_version_the_wish_is_the_limit(workshop):
    """More may come than was wanted: where nothing was kept, nothing is crowded out."""
    workshop.spec = {"max_images": 1}
    job_id = workshop.new_job()
    workshop.download(job_id, 0, [[(a_candidate(n), BUSY) for n in range(3)]])
    workshop.judge(Rounds(job_id=job_id, chunks=(1,)))
    chosen = workshop.retry(job_id, web={url(n): an_image(n) for n in range(3)})
    assert (chosen.kept, chosen.over_limit) == (1, 2)


def test_the_sources_of_the_faster_worker_count(workshop, broken_off, monkeypatch):
    """Two that begin at once go by one list, whatever changes between their looks."""
    found = workshop.recall(broken_off)
    place = recall_ref("job-2", "sources.json")
    first = workshop.blobs.get(place)
    workshop.blobs.delete(recall_ref("job-2", "recalled.json"))
    workshop.download(broken_off, 5, [[(a_candidate(9), BUSY)]])
    seen = []
    exists = workshop.blobs.exists

    def late(ref):
        """The other one writes between the look and the writing."""
        seen.append(ref)
        return exists(ref) and not (ref == place and seen.count(place) == 1)

    monkeypatch.setattr(workshop.blobs, "exists", late)
    assert workshop.recall(broken_off, job_id="job-2") == found
    assert (place in seen, workshop.blobs.get(place)) == (True, first)


def test_a_ledger_of_a_version_that_never_was(workshop, broken_off):
    """Papers that were written before a job failed are no version: the work files tell."""
    workshop.blobs.put(version_ref("data-1", 1, LEDGER), b"")
    found = workshop.recall(broken_off)
    assert (found.held, found.candidates, found.limit) == (1, 3, 100)


def test_nothing_is_left_of_the_job(workshop, broken_off):
    """When work files were swept and there is no version, that is said."""
    assert is_recallable(broken_off, "data-1", 1, workshop.blobs)
    workshop.sweep(broken_off)
    assert not is_recallable(broken_off, "data-1", 1, workshop.blobs)
    workshop.blobs.put(version_ref("data-1", 1, LEDGER), b"")
    assert not is_recallable(broken_off, "data-1", 1, workshop.blobs)
    with pytest.raises(NotFound, match="gone"):
        workshop.recall(broken_off)


def test_a_version_is_enough(workshop, base):
    """Long after the work files were swept a version can be retried all the same."""
    workshop.sweep(base)
    assert is_recallable(base, "data-1", 1, workshop.blobs)
    found = workshop.recall(base)
    assert found.candidates == 3


def test_a_version_from_before_there_were_ledgers(workshop, base):
    """While its work files are there, they say what failed."""
    workshop.blobs.delete(version_ref("data-1", 1, LEDGER))
    web = {url(2): an_image(2), url(7): BUSY, url(9): BUSY}
    workshop.retry(base, web=web)
    assert workshop.ids(1) < workshop.ids(2)
    assert len(workshop.ids(2)) == 5


# ------------------------------------------------------------------ repeated, late, too large


def test_a_repetition_changes_nothing(workshop, base):
    """Done again, and with half of it lost, it comes to the same bytes and counts."""
    found = workshop.recall(base, BUSY)
    blobs, progress = workshop.snapshot("job-2/"), workshop.progress("job-2")
    assert workshop.recall(base, BUSY, job_id="job-2") == found
    workshop.forget(blobs)
    assert workshop.recall(base, BUSY, job_id="job-2") == found
    assert (workshop.snapshot("job-2/"), workshop.progress("job-2")) == (blobs, progress)


def test_what_is_done_needs_nothing_of_the_job_before(workshop, base):
    """A late repetition reads and copies nothing: what it comes from may be gone by then."""
    found = workshop.recall(base, BUSY)
    blobs = workshop.snapshot("job-2/")
    workshop.sweep(base)
    workshop.blobs.delete_prefix("datasets", "data-1/1/")
    assert workshop.recall(base, BUSY, job_id="job-2") == found
    assert workshop.snapshot("job-2/") == blobs


def test_what_is_copied_is_not_copied_again(workshop, base, monkeypatch):
    """A worker that is killed near the end of a large dataset leaves little to do."""
    found = workshop.recall(base, BUSY)
    workshop.forget(["job-2/recall/recalled.json"])
    monkeypatch.setattr(workshop.blobs, "put_file", None)
    assert workshop.recall(base, BUSY, job_id="job-2") == found


def test_old_news_of_the_job_before_change_nothing(workshop, broken_off):
    """What a worker presumed lost still writes for the ended job does not mix two views of it."""
    found = workshop.recall(broken_off)
    blobs = workshop.snapshot("job-2/")
    put_downloads(workshop.blobs, broken_off, 0, 2, [(a_candidate(5), BUSY)])
    workshop.judge(Rounds(job_id=broken_off, chunks=(2,)))
    workshop.forget(blobs)
    assert workshop.recall(broken_off, job_id="job-2") == found
    assert workshop.snapshot("job-2/") == blobs


def test_a_cancelled_retry_copies_nothing_more(workshop, base):
    """A job that is given up stops between chunks, and says so."""
    workshop.new_job()
    workshop.jobs.cancel("job-2")
    assert workshop.recall(base, job_id="job-2").cancelled
    assert workshop.snapshot("job-2/") == {}


@pytest.mark.parametrize("kind", ["base", "broken_off"])
def test_cancelled_while_it_copies(workshop, request, monkeypatch, kind):
    """A cancel that comes in the middle is seen before the next chunk is copied."""
    base = request.getfixturevalue(kind)
    workshop.new_job()
    put_file = workshop.blobs.put_file

    def cancelling(*given):
        workshop.jobs.cancel("job-2")
        put_file(*given)

    monkeypatch.setattr(workshop.blobs, "put_file", cancelling)
    assert workshop.recall(base, job_id="job-2").cancelled
    assert len([name for name in workshop.snapshot("job-2/") if name.endswith(".tar")]) == 1


def test_bytes_are_streamed(workshop, base, monkeypatch):
    """Neither a shard nor the ledger is ever held whole."""
    get = workshop.blobs.get

    def small(ref):
        assert not ref.name.endswith((".tar", LEDGER)), ref
        return get(ref)

    monkeypatch.setattr(workshop.blobs, "get", small)
    assert workshop.recall(base).candidates == 3


@pytest.mark.parametrize("piece_bytes", [1, 7, 1000])
def test_a_ledger_comes_in_pieces(workshop, base, monkeypatch, piece_bytes):
    """Lines are read whole, wherever the pieces of a download end."""

    def stream(ref):
        data = workshop.blobs.get(ref)
        yield from (data[at : at + piece_bytes] for at in range(0, len(data), piece_bytes))

    place = version_ref("data-1", 1, LEDGER)
    workshop.blobs.put(place, workshop.blobs.get(place).removesuffix(b"\n"))
    monkeypatch.setattr(workshop.blobs, "stream", stream)
    found = workshop.recall(base, *FETCH_REASONS)
    assert (sum(map(len, workshop.held("job-2", found))), found.candidates) == (4, 4)


def test_a_full_dataset_takes_no_more_than_it_can_hold(workshop, base, monkeypatch):
    """More is not fetched than the largest dataset has room for, so that no old image must go."""
    monkeypatch.setattr(recall_module, "MAX_IMAGES", 6)
    found = workshop.recall(base)
    assert (found.candidates, found.limit) == (2, 6)
    left = [one for part in workshop.held("job-2", found) for one in part if one.reason]
    assert [one.outcome.candidate.url for one in left] == [url(5), url(9)]


def test_an_image_that_the_ledger_does_not_know(workshop, base):
    """A version and a ledger that disagree are not patched up in silence."""
    place = version_ref("data-1", 1, LEDGER)
    lines = workshop.blobs.get(place).splitlines(keepends=True)
    workshop.blobs.put(place, b"".join(lines[2:]))
    with pytest.raises(InvariantBroken, match="1 images"):
        workshop.recall(base)


def test_outcomes_alone_tell_failures(workshop):
    """A chunk that was fetched and not judged any more: its failures are fetched again."""
    job_id = workshop.new_job()
    workshop.download(job_id, 0, [[(a_candidate(0), LATE), (a_candidate(1), an_image(1))]])
    assert workshop.blobs.exists(outcomes_ref(job_id, 0, 0))
    found = workshop.recall(job_id)
    assert workshop.again("job-2", found) == [[a_candidate(0)]]
