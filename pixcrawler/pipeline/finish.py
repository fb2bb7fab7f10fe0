"""The end: record how a job ended, with a sentence that a person understands."""

from __future__ import annotations

from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.errors import (
    DatabaseUnavailable,
    SourceBlocked,
    SourceChanged,
    SourceUnavailable,
    StorageUnavailable,
)
from pixcrawler.domain.job import Failure, JobStatus
from pixcrawler.domain.source import EngineReport
from pixcrawler.pipeline.papers import shortfall
from pixcrawler.pipeline.payloads import Ended, Ending
from pixcrawler.pipeline.ports import JobStore

MESSAGE_MAX_CHARS = 2000
_CODES = {
    EngineStatus.FAILED: SourceUnavailable.code,
    EngineStatus.BLOCKED: SourceBlocked.code,
    EngineStatus.CHANGED: SourceChanged.code,
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
    failure = _explained(ending, reports, jobs)
    message = failure.message if failure else _sentence(ending, reports, jobs)
    status = jobs.finish(ending.job_id, ending.status, message, failure)
    return Ended(status=status, message=message)


def _sentence(ending: Ending, reports: tuple[EngineReport, ...], jobs: JobStore) -> str:
    if ending.status is JobStatus.CANCELLED:
        return "Cancelled. No dataset version was written."
    if ending.status is JobStatus.SUCCEEDED:
        return f"{_images(ending.images)} kept, as wanted."
    wanted = jobs.job(ending.job_id).spec.max_images
    start = f"{ending.images} of {wanted} wanted images kept"
    return _because(start, ending, reports, jobs)


def _because(start: str, ending: Ending, reports: tuple[EngineReport, ...], jobs: JobStore) -> str:
    """A sentence, why it is so, and what can be done."""
    spec = jobs.job(ending.job_id).spec
    why = shortfall.limit(spec, ending.stop, reports, is_exhausted=ending.is_exhausted)
    tip = shortfall.advice(spec, ending.stop, reports)
    return _short(" ".join((f"{start}: {why}.", *shortfall.causes(reports), tip)))


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"


def _explained(ending: Ending, reports: tuple[EngineReport, ...], jobs: JobStore) -> Failure | None:
    """Say what failed so that a person understands it, and what to do."""
    failure = ending.failure
    if failure is None:
        return None
    if failure.code in _OURS:
        message = f"{_OURS[failure.code]} ({failure.message}). Start the job again."
        return Failure(code=failure.code, message=_short(message))
    # Only then: a job whose job file cannot be read any more must be able to fail.
    if failure.code != "no_images":
        return failure
    wrong = shortfall.troubled(reports)
    if not wrong or any(report.candidates for report in reports):
        message = _because(failure.message.removesuffix("."), ending, reports, jobs)
        return Failure(code=failure.code, message=message)
    told = " ".join(shortfall.causes(reports))
    remedy = shortfall.remedy(reports).removesuffix(".")
    message = f"{told} {remedy}, or choose another engine (local works without the Internet)."
    return Failure(code=_CODES[wrong[0].status], message=_short(message))


def _short(message: str) -> str:
    return message[:MESSAGE_MAX_CHARS]
