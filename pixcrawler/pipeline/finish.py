"""The end: record how a job ended, with a sentence that a person understands."""

from __future__ import annotations

from collections.abc import Iterable

from pixcrawler.domain.job import Failure, Job, JobStatus
from pixcrawler.domain.source import EngineReport, EngineStatus
from pixcrawler.pipeline.payloads import Ended, Ending
from pixcrawler.pipeline.ports import JobStore

_TROUBLE = {EngineStatus.FAILED, EngineStatus.BLOCKED, EngineStatus.CHANGED}
_WORDS = {
    EngineStatus.FAILED: "could not be reached",
    EngineStatus.BLOCKED: "refused to answer",
    EngineStatus.CHANGED: "gave an answer that this version does not understand",
}
_CODES = {
    EngineStatus.FAILED: "source_unavailable",
    EngineStatus.BLOCKED: "source_blocked",
    EngineStatus.CHANGED: "source_changed",
}
_ADVICE = {
    EngineStatus.FAILED: "Check the network or the proxy and try again",
    EngineStatus.BLOCKED: "Wait a while and try again",
    EngineStatus.CHANGED: "Look for a newer version",
}


def finish(ending: Ending, *, jobs: JobStore) -> Ended:
    """Record the end of a job. The first recorded end wins; repeating changes nothing."""
    job = jobs.job(ending.job_id)
    reports = jobs.engines(ending.job_id)
    failure = _explained(ending.failure, reports) if ending.failure else None
    message = failure.message if failure else _sentence(job, ending, reports)
    status = jobs.finish(ending.job_id, ending.status, message, failure)
    return Ended(status=status, message=message)


def _sentence(job: Job, ending: Ending, reports: tuple[EngineReport, ...]) -> str:
    if ending.status is JobStatus.CANCELLED:
        return "Cancelled. No dataset version was written."
    wanted = job.spec.max_images
    if ending.status is JobStatus.SUCCEEDED:
        return f"{ending.images} images kept, as wanted."
    cause = " ".join(_trouble(report) for report in _troubled(reports))
    return (
        f"{ending.images} of {wanted} wanted images kept: the engines have no more for these"
        f" words. {cause or 'Add keywords, engines or expansions to get more.'}"
    ).strip()


def _explained(failure: Failure, reports: tuple[EngineReport, ...]) -> Failure:
    """When nothing was found because engines failed, say so and what to do."""
    troubled = _troubled(reports)
    if failure.code != "no_images" or not troubled:
        return failure
    worst = troubled[0].status
    advice = f"{_ADVICE[worst]}, or choose another engine (local works without the Internet)."
    told = " ".join(_trouble(report) for report in troubled)
    return Failure(code=_CODES[worst], message=f"{told} {advice}"[:2000])


def _troubled(reports: Iterable[EngineReport]) -> list[EngineReport]:
    return [report for report in reports if report.status in _TROUBLE]


def _trouble(report: EngineReport) -> str:
    detail = f" ({report.detail})" if report.detail else ""
    return f"Engine {report.engine} {_WORDS[report.status]}{detail}."
