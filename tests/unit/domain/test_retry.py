"""What a retry fetches again, what it says of the rest, and when there is nothing to do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixcrawler.domain.catalogue import JobEntry
from pixcrawler.domain.errors import Conflict, InvalidRequest
from pixcrawler.domain.job import MAX_IMAGES, JobStatus, Stage
from pixcrawler.domain.progress import Tally, progress_of
from pixcrawler.domain.retry import RetryCall, accepted, note_of, reasons_of, retry_of
from pixcrawler.domain.verdict import FETCH_REASONS, PASSING_REASONS, RejectReason

GONE, BUSY, LATE = RejectReason.GONE, RejectReason.THROTTLED, RejectReason.TIMED_OUT
SMALL = RejectReason.TOO_SMALL
TWO_THOUSAND = (
    "2,000 of 2,001 failed candidates are fetched again (gone_404_410 2,000); 1 is not"
    " (throttled 1): name these reasons to fetch them, too."
)
COUNTS = {LATE: 2, SMALL: 7, GONE: 28, BUSY: 10}


def a_base(status: JobStatus = JobStatus.PARTIAL, kept: int = 5, **counts: int) -> JobEntry:
    """Return an ended job with these reject reasons."""
    reasons = {RejectReason(name): count for name, count in counts.items()} or COUNTS
    tally = Tally(wanted=10, status=status, reasons=reasons, kept=kept)
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    return JobEntry(
        id="job-1", name="birds", project="default", dataset_id="data-1", version=1,
        status=status, stage=Stage.DONE, wanted=10, progress=progress_of(tally), engines=(),
        message=None, error=None, spec={}, created_at=moment, started_at=None, finished_at=None,
    )  # fmt: skip


def test_the_usual_retry_in_words():
    """Whoever retries reads how many come again, how many do not, and what to do about those."""
    told = retry_of(COUNTS, PASSING_REASONS).told
    assert told == (
        "12 of 40 failed candidates are fetched again (throttled 10, timed_out 2); 28 are not"
        " (gone_404_410 28): name these reasons to fetch them, too."
    )
    note = note_of(retry_of(COUNTS, PASSING_REASONS), "job-1")
    assert (note.code, note.subject) == ("retry", "job-1")
    assert note.message.endswith(told)


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({GONE: 1}, "1 of 1 failed candidate is fetched again (gone_404_410 1)."),
        ({GONE: 2000, BUSY: 1}, TWO_THOUSAND),
    ],
    ids=["one", "many and one"],
)
def test_numbers_agree_with_their_words(counts, told):
    """One is, several are."""
    assert retry_of(counts, {GONE}).told == told


@given(
    st.dictionaries(st.sampled_from(RejectReason), st.integers(1, 99)),
    st.sets(st.sampled_from(RejectReason)),
)
def test_every_failed_fetch_is_counted_once(counts, wanted):
    """What comes again and what does not are together all that failed while it was fetched."""
    retry = retry_of(counts, wanted)
    assert retry.again | retry.left == {r: n for r, n in counts.items() if r in FETCH_REASONS}
    assert set(retry.again) <= wanted
    assert not set(retry.left) & wanted


def test_without_a_word_passing_troubles_are_retried():
    """The default is what may be gone by now, not what a site or a rule decided."""
    assert set(reasons_of({})) == set(reasons_of({"reasons": None})) == PASSING_REASONS


def test_reasons_that_are_named():
    """Just these, each once, in the order of the list of reasons."""
    assert reasons_of({"reasons": ["throttled", "gone_404_410", "throttled"]}) == (GONE, BUSY)


@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ({"reasons": ["too_small_px"]}, "reasons.0", "unknown_reason"),
        ({"reasons": ["throttled", "gone"]}, "reasons.1", "unknown_reason"),
        ({"reasons": [{"a": 1}]}, "reasons.0", "unknown_reason"),
        ({"reasons": [None]}, "reasons.0", "unknown_reason"),
        ({"reasons": []}, "reasons", "too_short"),
        ({"reasons": "throttled"}, "reasons", "list_type"),
        ({"reasons": 10**4000}, "reasons", "list_type"),
        ({"reason": ["throttled"]}, "reason", "extra_forbidden"),
        ({"x" * 5000: 1}, "x" * 200, "extra_forbidden"),
        ([], "(whole document)", "object_type"),
        (None, "(whole document)", "object_type"),
    ],
    ids=[
        *("no fetch", "unknown", "object", "null", "empty", "text", "number", "other field"),
        *("long field", "list", "nothing"),
    ],
)
def test_a_body_that_breaks_a_rule(body, field, rule):
    """Field and rule of what is wrong; nothing shown is long."""
    with pytest.raises(InvalidRequest) as caught:
        reasons_of(body)
    [violation] = caught.value.violations
    assert (violation.field, violation.rule) == (field, rule)
    assert len(str(violation.value)) <= 200


def test_an_unknown_reason_is_told_with_the_known_ones():
    """The message lists every reason that may be named, and no other."""
    with pytest.raises(InvalidRequest) as caught:
        reasons_of({"reasons": ["gone"]})
    [violation] = caught.value.violations
    assert violation.value == "gone"
    listed = violation.message.removeprefix("must be one of ").split(", ")
    assert sorted(listed) == sorted(FETCH_REASONS)


def refused(base: JobEntry, wanted=PASSING_REASONS, **more) -> Conflict:
    with pytest.raises(Conflict) as caught:
        accepted(base, wanted, **{"has_papers": True, **more})
    return caught.value


def test_a_good_retry_is_accepted():
    """An ended job with such failures and papers, whatever its end was."""
    for status in (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED):
        assert accepted(a_base(status), {GONE}, has_papers=True).again == {GONE: 28}


@pytest.mark.parametrize("status", [s for s in JobStatus if not s.is_final])
def test_a_job_that_goes_on(status):
    """It is told how the job stands."""
    assert refused(a_base(status)).details == {"status": status.value}


def test_nothing_failed_for_these_reasons():
    """It is told what failed instead, and what would have been retried."""
    error = refused(a_base(gone_404_410=28, too_small_px=3))
    assert error.details == {"failed": {GONE: 28}, "would_be_retried": sorted(PASSING_REASONS)}
    assert "28 failed for other reasons" in str(error)
    assert "gone_404_410 28" in str(error)
    assert "throttled" in str(error)


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED])
def test_what_had_come_is_saved(status):
    """A job that broke off is retried for what it had found, although nothing comes again."""
    told = accepted(a_base(status, gone_404_410=28), {BUSY}, has_papers=True).told
    assert told == (
        "What had come when it broke off is taken over; 28 failed candidates are not fetched"
        " again (gone_404_410 28): name these reasons to fetch them, too."
    )
    told = accepted(a_base(status, too_small_px=3), {BUSY}, has_papers=True).told
    assert told.endswith("taken over; nothing is fetched again.")


@pytest.mark.parametrize(("downloaded", "is_saved"), [(3, False), (4, True)])
def test_what_nobody_had_looked_at_is_saved(downloaded, is_saved):
    """Pictures that had come count when not all of them were refused."""
    base = a_base(JobStatus.CANCELLED, kept=0, too_small_px=3)
    counts = {"downloaded": downloaded, "rejected": 3}
    base = base.model_copy(update={"progress": base.progress.model_copy(update=counts)})
    if is_saved:
        assert accepted(base, {BUSY}, has_papers=True).again == {}
    else:
        assert "no candidate failed" in str(refused(base))


def test_nothing_failed_at_all():
    """What was refused for what it is, is no failure, and no reason helps."""
    error = refused(a_base(too_small_px=3), FETCH_REASONS)
    assert error.details["failed"] == {}
    assert "no candidate failed" in str(error)


def test_a_full_dataset():
    """What could not be held is not fetched."""
    assert "full" in str(refused(a_base(kept=MAX_IMAGES)))


def test_papers_that_are_gone():
    """It is told why, and what can be done instead."""
    error = refused(a_base(), has_papers=False)
    assert error.details["reason"] == "working_files_gone"
    assert "new job" in str(error)


def test_a_job_that_was_retried():
    """The retry has all that its base has: it is the one to retry."""
    error = refused(a_base(), retried_by="job-2")
    assert error.details == {"retried_by": "job-2"}
    assert "job-2" in str(error)


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED])
def test_a_retry_that_came_to_nothing(status):
    """It may lack images of the job before it, which has them all: that one is named instead."""
    broken_off = a_base(status).model_copy(update={"retry_of": "job-0"})
    error = refused(broken_off)
    assert error.details == {"retry_of": "job-0"}
    assert "job-0" in str(error)


def test_a_retry_with_a_version():
    """It has all that its base had, so it is retried itself."""
    retry = a_base(JobStatus.PARTIAL).model_copy(update={"retry_of": "job-0"})
    assert accepted(retry, {GONE}, has_papers=True).again == {GONE: 28}


def test_calls_for_the_same():
    """Whatever their order of reasons; another job or reason is another call."""
    same = {RetryCall("a", (GONE, BUSY)).digest, RetryCall("a", (BUSY, GONE), "key").digest}
    assert len(same) == 1
    assert len(same | {RetryCall("b", (GONE, BUSY)).digest, RetryCall("a", (GONE,)).digest}) == 3
