"""HTTP: start a job, look at jobs, cancel one, retry one."""

from __future__ import annotations

import re

import azure.durable_functions as df

from pixcrawler.bootstrap import world
from pixcrawler.domain.catalogue import PAGE_ITEMS, PAGE_MAX_ITEMS, JobEntry, Page
from pixcrawler.domain.errors import InvalidRequest, Violation
from pixcrawler.domain.job import JobSpec, JobStatus
from pixcrawler.domain.jobfile import parse_job
from pixcrawler.domain.note import Note
from pixcrawler.domain.retry import RetryCall, reasons_of
from pixcrawler.functions.bodies import printable
from pixcrawler.functions.guard import (
    Access,
    Call,
    bounded_number,
    operation,
    starting_operation,
)
from pixcrawler.functions.http_uploads import check_uploads
from pixcrawler.functions.wire import Answer, Wire
from pixcrawler.pipeline.engines.choice import faults, filter_notes
from pixcrawler.pipeline.engines.entries import Switches
from pixcrawler.pipeline.hindsight import is_recallable
from pixcrawler.pipeline.payloads import Order
from pixcrawler.pipeline.words.consult import notes_at_creation

RETRY_BODY_MAX_BYTES = 4096
_KEY = re.compile(r"[\x21-\x7e]{1,128}")

blueprint = df.Blueprint()


@starting_operation(blueprint, "POST", "v1/jobs")
def create_job(call: Call) -> Answer:
    """Create a job from a job file and start its story once the row stands.

    A repetition (same Idempotency-Key, same job file) answers with the same job, and starts its
    story if nobody did.
    """
    spec, notes = order_of(call)
    created = world().catalogue.create_job(call.principal, spec, _idempotency_key(call), notes)
    return _begun(created.job, is_repeated=created.is_repeated)


@starting_operation(blueprint, "POST", "v1/jobs/{job_id}/retry")
def retry_job(call: Call) -> Answer:
    """Create a job that fetches again what failed in an ended one, and start its story.

    It builds the version after, with all that is in the one before. A repetition (same
    Idempotency-Key, same reasons) answers with the same job.
    """
    w = world()
    reasons = reasons_of(call.body(RETRY_BODY_MAX_BYTES) if call.request.get_body() else {})
    base = w.catalogue.job(call.principal, call.path("job_id").lower())
    asked = RetryCall(base.id, reasons, _idempotency_key(call))
    has_papers = is_recallable(base.id, base.dataset_id, base.version, w.blobs)
    created = w.catalogue.retry_job(call.principal, asked, has_papers=has_papers)
    return _begun(created.job, is_repeated=created.is_repeated)


@operation(blueprint, "GET", "v1/jobs")
def list_jobs(call: Call) -> Answer:
    """Answer with the caller's jobs, newest first, without their chunks."""
    listing = world().catalogue.list_jobs(call.principal, page_of(call))
    items = [_without_chunks(job) for job in listing.items]
    return Answer({"items": items, "next_cursor": listing.next_cursor})


@operation(blueprint, "GET", "v1/jobs/{job_id}")
def read_job(call: Call) -> Answer:
    """Answer with one job and its progress."""
    return Answer(world().catalogue.job(call.principal, call.path("job_id").lower()))


@operation(blueprint, "POST", "v1/jobs/{job_id}/cancel", Access.CHANGE)
def cancel_job(call: Call) -> Answer:
    """Ask for a job to be cancelled; its steps see that between chunks."""
    return Answer(world().catalogue.cancel_job(call.principal, call.path("job_id").lower()), 202)


def order_of(call: Call) -> tuple[JobSpec, tuple[Note, ...]]:
    """Return the job that a call describes, and what its owner should know before it starts.

    Raises:
        InvalidRequest: the job file breaks a rule, or asks for what is not here.
    """
    spec = parse_job(call.body())
    ignored = _check_engines(spec)
    check_uploads(call.principal.user_id, spec)
    notes = notes_at_creation(spec, has_model=bool(world().settings.words_url))
    return spec, (*notes, *ignored)


def page_of(call: Call) -> Page:
    """Return which part of a list is asked for.

    Raises:
        InvalidRequest: the limit is out of range.
    """
    limit = bounded_number("limit", call.query("limit"), PAGE_ITEMS, PAGE_MAX_ITEMS)
    return Page(limit=limit, cursor=call.query("cursor"))


def _begun(job: JobEntry, *, is_repeated: bool) -> Answer:
    """Answer with a job, and start its story unless that was done before."""
    order = Order(
        job_id=job.id, wanted=job.wanted, retry_of=job.retry_of, reasons=job.retry_reasons
    )
    headers = {"Location": f"/api/v1/jobs/{job.id}"}
    is_new = job.status is JobStatus.PENDING
    return Answer(job, 200 if is_repeated else 202, headers, order if is_new else None)


def _without_chunks(job: JobEntry) -> Wire:
    return job.model_dump(mode="json", exclude={"progress": {"chunks"}})


def _check_engines(spec: JobSpec) -> tuple[Note, ...]:
    """Return what the chosen engines will ignore of the job.

    Raises:
        InvalidRequest: one of them cannot be asked, or not for this.
    """
    cards = world().engine_cards
    violations = faults(spec, cards, world().engines, Switches.at(world().desk))
    if violations:
        raise InvalidRequest(violations=violations)
    return filter_notes(spec.filters, (cards[name] for name in spec.engines))


def _idempotency_key(call: Call) -> str | None:
    key = call.header("idempotency-key")
    if key is None or _KEY.fullmatch(key):
        return key
    violation = Violation(
        field="Idempotency-Key",
        rule="pattern",
        value=printable(key),
        message="must be 1 to 128 printable ASCII characters without spaces",
    )
    raise InvalidRequest(violations=(violation,))
