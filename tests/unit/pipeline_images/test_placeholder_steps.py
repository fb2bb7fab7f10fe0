"""Placeholders in the steps: known ones are refused at once, new ones leave together."""

from __future__ import annotations

import pytest

from pixcrawler.domain.storage import selection_ref, verdicts_ref
from pixcrawler.domain.verdict import Outcome, RejectReason
from pixcrawler.pipeline.deduplicate import Selection
from pixcrawler.pipeline.harvest import read_harvest, statistics_of
from pixcrawler.pipeline.payloads import ChunkRef, ChunkReport, Deduplicated
from pixcrawler.pipeline.pictures.imaging import examine
from pixcrawler.pipeline.validate import read_verdicts
from pixcrawler.pipeline.visits.ports import Placeholder
from tests.factories import a_candidate, a_verdict, an_image, some_facts
from tests.unit.pipeline_images.given import GONE, SEEN_AT, SHOP, at, given, same

CHUNK = ChunkRef(job_id="job-1", round=0, chunk=0)
BANNER = an_image(99)
SHA256 = examine(BANNER).sha256
SHOP_HOST = SHOP.removeprefix("https://")


def downloaded(urls: list[str], **candidate):
    """Return a chunk of which each address gave the banner."""
    return [(a_candidate(n, url=url, **candidate), BANNER) for n, url in enumerate(urls)]


def redirect(workshop, line: int, final: str) -> None:
    """Let an address of the first chunk have led elsewhere."""
    place = outcomes_place(workshop)
    lines = workshop.blobs.get(place).splitlines()
    outcome = Outcome.model_validate_json(lines[line]).model_copy(update={"final_url": final})
    lines[line] = outcome.model_dump_json().encode()
    workshop.blobs.put(place, b"\n".join(lines))


def outcomes_place(workshop):
    """Where the outcomes of the first chunk are."""
    [name] = workshop.blobs.names("work", "job-1/outcomes")
    return verdicts_ref("job-1", 0, 0).model_copy(update={"name": name})


def put_verdicts(workshop, verdicts, chunk: int = 0) -> None:
    """Write the verdicts of a chunk, as validation leaves them."""
    lines = "".join(f"{verdict.model_dump_json()}\n" for verdict in verdicts)
    workshop.blobs.put(verdicts_ref("job-1", 0, chunk), lines.encode())


def selection(workshop) -> Selection:
    """Return what deduplication wrote."""
    return Selection.model_validate_json(workshop.blobs.get(selection_ref("job-1", 1)))


# ------------------------------------------------------------------ validation


def test_what_its_host_is_known_for_is_refused(workshop):
    """A known placeholder has no facts, and its detail says since when it is known, and where."""
    workshop.job()
    workshop.placeholders.remember([Placeholder(SHOP_HOST, SHA256, 4, SEEN_AT)])
    urls = [
        f"{SHOP}/1.jpg",
        "https://b.example/2.jpg",
        f"{SHOP}:8443/3.jpg",
        f"upload://{'a' * 32}/1",
    ]
    workshop.download(downloaded(urls))
    assert workshop.validate_chunk(CHUNK) == ChunkReport(passed=3, rejected=1)
    verdicts = read_verdicts(verdicts_ref("job-1", 0, 0), workshop.blobs)
    assert [one.reason for one in verdicts] == [RejectReason.PLACEHOLDER, None, None, None]
    assert [one.facts is None for one in verdicts] == [True, False, False, False]
    assert verdicts[0].detail == "known since 2026-04-30 at img.shop.example"
    assert workshop.jobs.state("job-1").progress.reasons == {"placeholder": 1}


def test_the_host_that_gave_it_counts(workshop):
    """After redirects, the last host is the one whose placeholders are looked up."""
    workshop.job()
    workshop.placeholders.remember([Placeholder(SHOP_HOST, SHA256, 4, SEEN_AT)])
    workshop.download(downloaded(["https://b.example/1.jpg", f"{SHOP}/2.jpg"]))
    redirect(workshop, 0, GONE)
    redirect(workshop, 1, "https://b.example/3.jpg")
    workshop.validate_chunk(CHUNK)
    verdicts = read_verdicts(verdicts_ref("job-1", 0, 0), workshop.blobs)
    assert [one.reason for one in verdicts] == [RejectReason.PLACEHOLDER, None]


def test_all_of_a_chunk_is_asked_for_in_one_call(workshop):
    """The book is asked once a chunk, for what is valid only, and not for uploads."""
    asked = []
    workshop.placeholders.known = lambda pairs: asked.append(pairs) or {}
    workshop.job()
    found = downloaded([f"{SHOP}/1.jpg", f"{SHOP}/2.jpg", f"upload://{'a' * 32}/1"])
    workshop.download([*found, (a_candidate(8), b"<html>"), (a_candidate(9), RejectReason.GONE)])
    workshop.validate_chunk(CHUNK)
    assert asked == [[(SHOP_HOST, SHA256)]]


def test_the_first_verdicts_count(workshop):
    """A worker that is late, and meanwhile knows more, changes nothing that others rely on."""
    workshop.job()
    workshop.download(downloaded([f"{SHOP}/1.jpg"]))
    known = workshop.placeholders.known

    def overtaken(pairs):
        # Another worker ends this chunk while this one is under way.
        workshop.placeholders.known = known
        first = workshop.validate_chunk(CHUNK)
        assert first == ChunkReport(passed=1, rejected=0)
        workshop.placeholders.remember([Placeholder(SHOP_HOST, SHA256, 4, SEEN_AT)])
        return known(pairs)

    workshop.placeholders.known = overtaken
    assert workshop.validate_chunk(CHUNK) == ChunkReport(passed=1, rejected=0)
    assert workshop.jobs.state("job-1").progress.rejected == 0


# ------------------------------------------------------------------ deduplication


def test_placeholders_leave_before_copies_are_grouped(workshop):
    """None of them is kept or called a duplicate; the counts tell how many, and why."""
    workshop.job()
    verdicts = [*same(*at("/p/{}.jpg", 5)), a_verdict(7), a_verdict(8, some_facts(7))]
    put_verdicts(workshop, verdicts)
    workshop.rounds.append(1)
    expected = Deduplicated(kept=1, duplicates=1, over_limit=0, candidates=7)
    assert workshop.deduplicate() == workshop.deduplicate() == expected
    assert workshop.jobs.state("job-1").progress.reasons == {
        "duplicate_exact": 1,
        "placeholder": 5,
    }
    found = selection(workshop).stand_ins
    keys = {verdict.outcome.candidate.key for verdict in verdicts[:5]}
    assert {one.key for one in found} == keys
    assert {one.detail for one in found} == {"given for 5 addresses at img.shop.example"}


def test_every_candidate_that_is_left_out_says_why(workshop):
    """The log's lines and the statistics hold placeholders of both steps; the sum is whole."""
    workshop.job(max_images=2)
    verdicts = same(*at("/p/{}.jpg", 4))
    verdicts += [a_verdict(number) for number in range(10, 15)]
    verdicts += [
        a_verdict(20, some_facts(10)),
        a_verdict(21).model_copy(
            update={"facts": None, "reason": RejectReason.PLACEHOLDER, "detail": "known since then"}
        ),
    ]
    put_verdicts(workshop, verdicts)
    workshop.rounds.append(1)
    workshop.deduplicate()
    harvest = read_harvest(workshop.ref, workshop.blobs)
    left_out = harvest.left_out()
    told = {one.detail for one in left_out if one.reason is RejectReason.PLACEHOLDER}
    assert told == {"given for 4 addresses at img.shop.example", "known since then"}
    counts = statistics_of(harvest, [], 2)
    assert counts.rejected == {"duplicate_exact": 1, "over_limit": 3, "placeholder": 5}
    assert len(selection(workshop).kept) + len(left_out) == counts.candidates == 11


def test_the_dataset_has_none(workshop):
    """From files to the archive: no banner is in it, and images and rejected are all there is."""
    workshop.job()
    good = [(a_candidate(number), an_image(number)) for number in range(50, 53)]
    workshop.download([*downloaded(at("/p/{}.jpg", 4)), *good])
    names = workshop.build().namelist()
    counts = workshop.manifest()["statistics"]
    assert sum(name.endswith(".jpg") for name in names) == counts["images"] == 3
    assert counts["rejected"] == {"placeholder": 4}
    assert counts["images"] + sum(counts["rejected"].values()) == counts["candidates"] == 7


def test_a_selection_of_an_earlier_version_loads(workshop):
    """A selection without placeholders, as jobs under way have stored it, means the same."""
    workshop.job()
    put_verdicts(workshop, [a_verdict(0)])
    workshop.rounds.append(1)
    stored = b'{"kept":[{"round":0,"chunk":0,"line":0}],"duplicates":[],"over_limit":0}'
    workshop.blobs.put(selection_ref("job-1", 1), stored)
    assert workshop.deduplicate() == Deduplicated(kept=1, duplicates=0, over_limit=0)
    assert read_harvest(workshop.ref, workshop.blobs).left_out() == []


def test_a_later_round_may_show_what_a_picture_is(workshop):
    """What was kept of three addresses goes when a fourth gives the same."""
    workshop.job()
    verdicts = same(*at("/p/{}.jpg", 4))
    put_verdicts(workshop, verdicts[:3])
    workshop.rounds.append(1)
    assert workshop.deduplicate().kept == 1
    lines = f"{verdicts[3].model_dump_json()}\n".encode()
    workshop.blobs.put(verdicts_ref("job-1", 1, 0), lines)
    workshop.rounds.append(1)
    assert workshop.deduplicate() == Deduplicated(kept=0, duplicates=0, over_limit=0, candidates=4)


# ------------------------------------------------------------------ from job to job


def visited(workshop, urls: list[str], engine: str) -> None:
    """Write verdicts as if the banner had been visited, and deduplicate."""
    facts = {"sha256": SHA256}
    verdicts = [given(n, url, engines=(engine,), facts=facts) for n, url in enumerate(urls)]
    put_verdicts(workshop, verdicts)
    workshop.rounds = [1]
    workshop.deduplicate()


@pytest.mark.parametrize(
    ("engine", "reason"),
    [("openverse", RejectReason.PLACEHOLDER), ("urls", None), ("uploads", None)],
)
def test_what_one_job_found_the_next_one_knows(workshop, engine, reason):
    """One banner is enough for the next job, unless a user's own list led to those before."""
    workshop.job()
    visited(workshop, at("/p/{}.jpg", 4), engine)
    second = type(workshop)(placeholders=workshop.placeholders)
    second.job()
    second.download(downloaded([f"{SHOP}/another.jpg", "https://b.example/1.jpg"]))
    second.validate()
    verdicts = read_verdicts(verdicts_ref("job-1", 0, 0), second.blobs)
    assert [one.reason for one in verdicts] == [reason, None]


def test_it_is_remembered_before_the_selection_is_written(workshop, monkeypatch):
    """Killed between the two, a repeat remembers the same again; afterwards none does."""
    workshop.job()
    told = []
    monkeypatch.setattr(workshop.placeholders, "remember", told.append)
    with monkeypatch.context() as killed:
        killed.setattr(workshop.blobs, "put", _killed(workshop.blobs.put, "selection"))
        with pytest.raises(KeyboardInterrupt):
            visited(workshop, at("/p/{}.jpg", 4), "openverse")
    expected = (Placeholder(SHOP_HOST, SHA256, 4, SEEN_AT),)
    assert told == [expected]
    for _ in range(3):
        workshop.deduplicate()
    assert told == [expected] * 2


def _killed(put, kind: str):
    def stopped(ref, *rest):
        if kind in ref.name:
            raise KeyboardInterrupt
        put(ref, *rest)

    return stopped


def test_since_when_is_told_by_visits(workshop):
    """What is remembered has the time of the last visit, so that a repeat remembers the same."""
    workshop.job()
    visited(workshop, at("/p/{}.jpg", 4), "openverse")
    assert workshop.placeholders.known([(SHOP_HOST, SHA256)]) == {(SHOP_HOST, SHA256): SEEN_AT}
