"""Progress tells the truth and never goes backwards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixcrawler.cli.follow import FINAL, Watcher
from tests.fakes.api_server import a_job


def running(stage, kept=0, completed=0, total=4, **progress):
    """Return a running job."""
    chunks = {"total": total, "active": 1, "completed": completed, "failed": 0}
    return a_job(
        status="running",
        stage=stage,
        progress={"kept": kept, "chunks": chunks, "reasons": {}, **progress},
    )


def test_the_bar_stays_when_duplicates_are_removed():
    """Fewer kept after deduplication: the number tells it, the bar does not jump back."""
    watcher = Watcher()
    before = watcher.see(running("downloading", kept=10, completed=4))
    after = watcher.see(running("discovering", kept=6, reasons={"duplicate_near": 4}))
    assert after.fraction >= before.fraction
    assert "10 valid" in before.counts
    assert "kept 6 of 10" in after.counts


@pytest.mark.parametrize("stage", ["downloading", "deduplicating", "assembling", "packaging"])
def test_nothing_but_the_end_fills_the_bar(stage):
    """As long as the job runs the bar is not full, whatever the counts say."""
    assert Watcher().see(running(stage, kept=10, completed=4)).fraction < 1


@pytest.mark.parametrize("status", FINAL)
def test_the_end_fills_the_bar(status):
    """A job that has ended is shown as ended, by its status."""
    sight = Watcher().see(a_job(status=status))
    assert sight.fraction == 1
    assert sight.stage == status


def test_downloads_move_the_bar():
    """The bar moves with the downloads, before the first chunk is complete."""
    watcher = Watcher()
    before = watcher.see(running("downloading", candidates=150, downloaded=0, total=5))
    after = watcher.see(running("downloading", candidates=150, downloaded=75, total=5))
    assert 0 == before.fraction < after.fraction < 0.5
    assert after.counts.startswith("75 of 150 downloaded")


def test_few_candidates_do_not_fill_the_bar():
    """Where far fewer pictures were found than wanted, the bar stays as low as they are few."""
    done = {"candidates": 1, "downloaded": 1, "completed": 1, "total": 1}
    assert Watcher().see(running("downloading", **done)).fraction < 0.1


def test_later_rounds_and_the_time_left_are_named():
    """A person sees which round it is, from the second on, and how long it may take."""
    sight = Watcher().see(running("downloading", round=1, eta_s=200))
    assert sight.stage == "downloading, round 2"
    assert sight.left == "about 3 min left"


def test_no_time_left_is_shown_when_nobody_knows():
    """Without an estimate nothing is made up."""
    assert Watcher().see(running("downloading", eta_s=None)).left == ""


looks = st.builds(
    running,
    st.sampled_from(["discovering", "downloading", "deduplicating", "assembling", "packaging"]),
    kept=st.integers(0, 12),
    completed=st.integers(0, 9),
    downloaded=st.integers(0, 400),
    candidates=st.integers(0, 300),
    total=st.integers(0, 9),
    round=st.integers(0, 3),
)


@given(st.lists(looks, min_size=2))
def test_the_bar_never_goes_backwards(jobs):
    """Whatever the API answers, in whatever order, the bar only grows and is never full."""
    watcher = Watcher()
    seen = [watcher.see(job).fraction for job in jobs]
    assert seen == sorted(seen)
    assert seen[-1] < 1
