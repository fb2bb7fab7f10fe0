"""Why there is less than wanted: the truth, engine by engine, and what a person can do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pixcrawler.adapters.memory.jobs import MemoryJobs
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.job import Failure, Job, JobStatus
from pixcrawler.domain.jobfile import parse_job
from pixcrawler.domain.source import EngineReport
from pixcrawler.pipeline.finish import MESSAGE_MAX_CHARS, finish
from pixcrawler.pipeline.payloads import Ending, Stop

UNTIL = datetime(2026, 5, 1, 14, 5, tzinfo=UTC)
WELL = EngineReport(engine="commons", status=EngineStatus.OK, candidates=90, is_used_up=True)
BLOCKED = EngineReport(
    engine="google",
    status=EngineStatus.BLOCKED,
    kind=BlockKind.CAPTCHA,
    detail="Google: asks for proof that we are no robot",
    retry_after_s=3600,
    until=UNTIL,
)
OFF = EngineReport(engine="bing", status=EngineStatus.BLOCKED, kind=BlockKind.SWITCHED_OFF)
BUDGET = {"max_requests": 1000, "max_candidates": 5000, "max_bytes": 10**9}


def told(reports, stop=None, *, images=3, is_exhausted=True, **spec):
    """What a person reads at the end of a job that fell short."""
    jobs = MemoryJobs()
    words = {} if "uploads" in spec else {"keywords": ["red panda"]}
    parsed = parse_job({"max_images": 50, **words, **spec})
    jobs.add(
        Job(id="j", user_id="u", dataset_id="d", version=1, status=JobStatus.RUNNING, spec=parsed)
    )
    jobs.set_engines("j", reports)
    nothing = Failure(code="no_images", message="No image was found that could be kept.")
    ending = Ending(
        job_id="j",
        status=JobStatus.PARTIAL if images else JobStatus.FAILED,
        failure=None if images else nothing,
        images=images,
        is_exhausted=is_exhausted,
        stop=stop,
    )
    return finish(ending, jobs=jobs).message


@pytest.mark.parametrize(
    ("stop", "said", "tip"),
    [
        (Stop.MAX_REQUESTS, "its budget of 1,000 requests to engines", "budget.max_requests"),
        (Stop.MAX_CANDIDATES, "its budget of 5,000 candidates", "budget.max_candidates"),
        (Stop.MAX_BYTES, "its budget of 1,000,000,000 downloaded bytes", "budget.max_bytes"),
        (Stop.RETRIED, "a retry fetches what failed before", "Retry later"),
        (Stop.SATURATED, "the last rounds gave hardly anything new", "Add keywords"),
        (Stop.REFUSED, "want to be left alone for now", "Add keywords"),
        (Stop.USED_UP, "the engines have no more for these words", "Add keywords"),
        (None, "the engines have no more for these words", "Add keywords"),
    ],
)
def test_what_ended_the_search_is_said(stop, said, tip):
    """Each end has its own words, and its own way to more."""
    message = told([WELL], stop, budget=BUDGET)
    assert message.startswith("3 of 50 wanted images kept: ")
    assert said in message
    assert tip in message


def test_the_first_that_may_be_asked_again_says_when():
    """Of two engines that want to be left alone, the earlier one is worth coming back for."""
    later = BLOCKED.model_copy(update={"engine": "brave", "until": UNTIL + timedelta(hours=2)})
    assert "Try again after 2026-05-01 14:05 UTC." in told([later, BLOCKED], Stop.REFUSED)


def test_a_blocked_engine_says_how_and_until_when():
    """The kind of the refusal, the engine's own words, and when it is worth coming back."""
    message = told([WELL, BLOCKED], Stop.REFUSED)
    assert (
        "Engine google refused to answer (captcha; Google: asks for proof that we are no robot; "
        "not before 2026-05-01 14:05 UTC)."
    ) in message
    assert "Try again after 2026-05-01 14:05 UTC." in message


def test_engines_in_trouble_are_not_said_to_have_no_more():
    """What nobody could ask is not used up."""
    assert "no engine could be searched to its end" in told([BLOCKED], Stop.USED_UP)
    assert "the other engines have no more" in told([WELL, BLOCKED], Stop.USED_UP)


def test_one_index_is_told_once():
    """Who stood by, and who went on for whom, is said with the reason."""
    standing_by = EngineReport(engine="duckduckgo", status="empty", stands_by_for="bing")
    standing_in = EngineReport(engine="duckduckgo", status="ok", stands_in_for="bing")
    assert "duckduckgo stood by: its index is that of bing" in told([WELL, standing_by])
    assert "duckduckgo went on where bing could not" in told([OFF, standing_in])


def test_filters_that_leave_much_out_are_part_of_the_cause():
    """How many finds each engine lost to filters, and the tip to loosen them when it matters."""
    some = WELL.model_copy(update={"sifted": 5})
    many = WELL.model_copy(update={"sifted": 1500, "saturated": 2})
    assert "5 finds were left out before download" in told([some])
    assert "Loosen the filters" not in told([some])
    message = told([many])
    assert "1,500 finds were left out before download because of the job's filters" in message
    assert "(commons 1,500)" in message
    assert "Loosen the filters." in message
    assert "left because they gave hardly anything new (commons)" in message


def test_nothing_kept_names_the_cause():
    """Never "0 images, done": with candidates or without, the message says why."""
    refused = told([BLOCKED], Stop.REFUSED, images=0)
    assert refused.startswith("Engine google refused to answer")
    assert "Try again after 2026-05-01 14:05 UTC, or choose another engine" in refused
    spent = told([WELL], Stop.MAX_REQUESTS, images=0, budget=BUDGET)
    assert spent.startswith("No image was found that could be kept: its budget of 1,000 requests")
    switched_off = told([OFF], Stop.USED_UP, images=0)
    assert "An operator has to switch the engine on first" in switched_off


def test_the_last_round_is_no_used_up_engine():
    """A job that was ended after its rounds does not say that there is no more."""
    assert "asked in 20 rounds" in told([WELL], is_exhausted=False)


def test_a_message_stays_readable():
    """Twenty engines with long stories do not make a message that nothing can hold."""
    many = [
        BLOCKED.model_copy(update={"engine": f"e{n:02}", "detail": "x" * 500}) for n in range(20)
    ]
    assert len(told(many, images=0)) <= MESSAGE_MAX_CHARS
    assert len(told(many)) <= MESSAGE_MAX_CHARS


def test_a_job_of_uploads_is_not_told_about_words():
    """Who brought pictures is told to bring more."""
    message = told([], Stop.USED_UP, uploads={"mine": ["0" * 32]})
    assert message.endswith("what was uploaded has no more. Add pictures to get more.")
