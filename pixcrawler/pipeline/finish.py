"""The end: record how a job ended, with a sentence that a person understands."""

from __future__ import annotations

from collections.abc import Iterable

from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.errors import (
    DatabaseUnavailable,
    SourceBlocked,
    SourceChanged,
    SourceUnavailable,
    StorageUnavailable,
)
from pixcrawler.domain.job import Failure, JobSpec, JobStatus
from pixcrawler.domain.source import EngineReport
from pixcrawler.pipeline.limits import MAX_ROUNDS
from pixcrawler.pipeline.payloads import Ended, Ending
from pixcrawler.pipeline.ports import JobStore

MESSAGE_MAX_CHARS = 2000
"""Of a failure."""
_ADD = "Add keywords, engines or expansions to get more."
_TROUBLE = {EngineStatus.FAILED, EngineStatus.BLOCKED, EngineStatus.CHANGED}
_WORDS = {
    EngineStatus.FAILED: "could not be reached",
    EngineStatus.BLOCKED: "refused to answer",
    EngineStatus.CHANGED: "gave an answer that this version does not understand",
}
_CODES = {
    EngineStatus.FAILED: SourceUnavailable.code,
    EngineStatus.BLOCKED: SourceBlocked.code,
    EngineStatus.CHANGED: SourceChanged.code,
}
_ADVICE = {
    EngineStatus.FAILED: "Check the network or the proxy and try again",
    EngineStatus.BLOCKED: "Wait a while and try again",
    EngineStatus.CHANGED: "Look for a newer version",
}


_OURS = {
    StorageUnavailable.code: "The storage could not be reached",
    DatabaseUnavailable.code: "The database could not be reached",
    "activity_lost": "A step ended its worker again and again",
}
"""Failures of this service whose own message is for its operator."""


def finish(ending: Ending, *, jobs: JobStore) -> Ended:
    """Record the end of a job. The first recorded end wins; repeating changes nothing.

    A job that fails while it is being cancelled is cancelled: nobody waits for it any more.
    """
    if ending.status is JobStatus.FAILED and jobs.is_given_up(ending.job_id):
        ending = Ending(job_id=ending.job_id, status=JobStatus.CANCELLED)
    reports = jobs.engines(ending.job_id)
    failure = _explained(ending.failure, reports) if ending.failure else None
    message = failure.message if failure else _sentence(ending, reports, jobs)
    status = jobs.finish(ending.job_id, ending.status, message, failure)
    return Ended(status=status, message=message)


def _sentence(ending: Ending, reports: tuple[EngineReport, ...], jobs: JobStore) -> str:
    if ending.status is JobStatus.CANCELLED:
        return "Cancelled. No dataset version was written."
    if ending.status is JobStatus.SUCCEEDED:
        return f"{_images(ending.images)} kept, as wanted."
    # Not before: a job whose job file cannot be read any more must be able to fail.
    spec = jobs.job(ending.job_id).spec
    limit, advice = _limit(spec, ending)
    cause = " ".join(_trouble(report) for report in _troubled(reports))
    return f"{ending.images} of {spec.max_images} wanted images kept: {limit}. {cause or advice}"


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"


def _limit(spec: JobSpec, ending: Ending) -> tuple[str, str]:
    """What ended the search, and what to do about it."""
    if not ending.is_exhausted:
        return f"the engines were asked in {MAX_ROUNDS} rounds, which is the most", _ADD
    if not spec.keywords:
        return "the list of addresses has no more", "Add addresses to get more."
    return "the engines have no more for these words", _ADD


def _explained(failure: Failure, reports: tuple[EngineReport, ...]) -> Failure:
    """Say what failed so that a person understands it, and what to do."""
    if failure.code in _OURS:
        message = f"{_OURS[failure.code]} ({failure.message}). Start the job again."
        return Failure(code=failure.code, message=message[:MESSAGE_MAX_CHARS])
    troubled = _troubled(reports)
    if failure.code != "no_images" or not troubled:
        return failure
    told = " ".join(_trouble(report) for report in troubled)
    if any(report.candidates for report in reports):
        message = f"{failure.message} {told}"
        return Failure(code=failure.code, message=message[:MESSAGE_MAX_CHARS])
    worst = troubled[0].status
    advice = f"{_ADVICE[worst]}, or choose another engine (local works without the Internet)."
    return Failure(code=_CODES[worst], message=f"{told} {advice}"[:MESSAGE_MAX_CHARS])


def _troubled(reports: Iterable[EngineReport]) -> list[EngineReport]:
    return [report for report in reports if report.status in _TROUBLE]


def _trouble(report: EngineReport) -> str:
    detail = f" ({report.detail})" if report.detail else ""
    return f"Engine {report.engine} {_WORDS[report.status]}{detail}."
