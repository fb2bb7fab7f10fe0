"""Progress told from sums: counts add up, the estimate is honest."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixcrawler.domain.job import JobStatus, Stage
from pixcrawler.domain.progress import ChunkStatus, Progress, Tally, progress_of
from pixcrawler.domain.verdict import RejectReason

DONE, QUEUED, RUNNING = ChunkStatus.VALIDATED, ChunkStatus.QUEUED, ChunkStatus.RUNNING


def told(**changes: object) -> Progress:
    """Return the progress of a running download, with changes."""
    fields = {
        "wanted": 100,
        "status": JobStatus.RUNNING,
        "stage": Stage.DOWNLOADING,
        "chunks": {DONE: 1, QUEUED: 3},
        "valid": 20,
        "elapsed_s": 10.0,
    }
    return progress_of(Tally(**{**fields, **changes}))  # type: ignore[arg-type]


def test_nothing_yet() -> None:
    """A job that has not begun has done nothing, and nobody knows how long it takes."""
    progress = progress_of(Tally(wanted=5))
    assert (progress.kept, progress.rejected, progress.reasons) == (0, 0, {})
    assert (progress.success_rate, progress.eta_s) == (None, None)


def test_the_estimate_covers_what_will_lack() -> None:
    """Open chunks at the pace so far, and the images that they will not give."""
    assert told(wanted=80).eta_s == 30
    assert told(wanted=100).eta_s == 40
    assert told(wanted=10).eta_s == 30


def test_the_estimate_knows_duplicates() -> None:
    """Duplicates found so far are expected among what comes; images beyond the number are not."""
    duplicates = {RejectReason.DUPLICATE_NEAR: 10}
    assert told(wanted=40, kept=10, left_out=duplicates).eta_s == 30
    assert told(wanted=60, kept=10, left_out=duplicates).eta_s == 50
    assert told(wanted=80, kept=10, left_out={RejectReason.OVER_LIMIT: 10}).eta_s == 30


@pytest.mark.parametrize(
    "changes",
    [
        {"status": JobStatus.PENDING},
        {"status": JobStatus.CANCELLING},
        {"status": JobStatus.SUCCEEDED},
        {"stage": Stage.ASSEMBLING},
        {"stage": Stage.PACKAGING},
        {"elapsed_s": None},
        {"elapsed_s": 0.0},
        {"chunks": {QUEUED: 4}},
        {"valid": 0},
    ],
)
def test_no_estimate_without_a_pace(changes: dict[str, object]) -> None:
    """Where nothing tells the pace, nothing is claimed."""
    assert told(**changes).eta_s is None


def test_chunks_by_state() -> None:
    """Active are those that somebody works on or will validate next."""
    chunks = {status: place + 1 for place, status in enumerate(ChunkStatus)}
    count = told(chunks=chunks).chunks
    assert (count.total, count.active, count.completed, count.failed) == (21, 2 + 3, 4, 5)


counts = st.integers(min_value=0, max_value=10**6)
reasons = st.dictionaries(st.sampled_from(RejectReason), counts)


@settings(deadline=None, derandomize=True)
@given(
    tally=st.builds(
        Tally,
        wanted=st.integers(min_value=1, max_value=10_000),
        status=st.sampled_from(JobStatus),
        stage=st.sampled_from(Stage),
        round=st.integers(min_value=0, max_value=20),
        chunks=st.dictionaries(st.sampled_from(ChunkStatus), counts),
        candidates=counts,
        downloaded=counts,
        valid=counts,
        rejected=counts,
        bytes=counts,
        reasons=reasons,
        kept=st.none() | counts,
        left_out=reasons,
        elapsed_s=st.none() | st.floats(min_value=0, max_value=10**7),
    )
)
def test_any_sums_make_sense(tally: Tally) -> None:
    """Whatever the sums, the estimate is not negative, the rate is a share, reasons add up."""
    progress = progress_of(tally)
    assert progress.eta_s is None or progress.eta_s >= 0
    assert progress.success_rate is None or 0 <= progress.success_rate <= 1
    given_reasons = sum(tally.reasons.values()) + sum(tally.left_out.values())
    assert sum(progress.reasons.values()) == given_reasons


def test_downloaded_chunks_tell_the_pace_too():
    """While nothing is validated yet, downloads count for most of their chunks' time."""
    waiting = told(chunks={ChunkStatus.DOWNLOADED: 2, QUEUED: 2}, valid=0, elapsed_s=15.0)

    assert waiting.eta_s == 25
    assert waiting.success_rate is None
