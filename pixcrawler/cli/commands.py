"""The commands: each takes the parsed arguments and returns an exit code."""

from __future__ import annotations

import argparse
import itertools
import uuid
from collections.abc import Callable
from typing import Any

from pixcrawler.cli.archive import Delivered, Wanted, chosen_version, deliver
from pixcrawler.cli.connection import Connection, connected
from pixcrawler.cli.engines import engines
from pixcrawler.cli.errors import INTERRUPTED, OK, CliError, Unreachable
from pixcrawler.cli.fetch import fetch
from pixcrawler.cli.follow import FINAL, cancel_politely, follow
from pixcrawler.cli.jobfile import Wishes
from pixcrawler.cli.outlook import show_comparison, show_estimate
from pixcrawler.cli.own import JobOrder, job_order
from pixcrawler.cli.reasons import reason_of
from pixcrawler.cli.send import send_all
from pixcrawler.cli.serve import serve
from pixcrawler.cli.stack import Stack
from pixcrawler.cli.summary import (
    ending,
    headline,
    notes_of,
    show_delivered,
    show_engines,
    show_job,
    show_jobs,
    show_notes,
    show_reasons,
)
from pixcrawler.cli.talk import Talk
from pixcrawler.cli.verify import verify
from pixcrawler.cli.view import job_view

WITH_DATASET = ("succeeded", "partial")


def run(options: argparse.Namespace, talk: Talk) -> int:
    """Start a job, follow it, and bring its dataset here."""
    order = _order(options, talk)
    with connected(options, talk) as connection:
        document = _document(order, connection, talk)
        job = connection.api.create_job(document, uuid.uuid4().hex)
        return _attended(connection, job, options, talk)


def retry(options: argparse.Namespace, talk: Talk) -> int:
    """Fetch again what failed in a job, follow that, and bring the new version here."""
    reasons = [reason_of(word) for word in options.reason]
    with connected(options, talk) as connection:
        base = connection.api.find_job(options.job)
        job = connection.api.retry_job(base, reasons, uuid.uuid4().hex)
        return _attended(connection, job, options, talk)


def _attended(
    connection: Connection, job: dict[str, Any], options: argparse.Namespace, talk: Talk
) -> int:
    """Follow a new job to its end and bring its dataset here, unless nobody wants to wait."""
    if options.no_wait:
        _tell_created(job, talk)
        if connection.stack:
            _keep(connection.stack, talk)
        talk.json(job)
        talk.line(f"{job['id']}")
        return OK
    ended = _followed(connection, job, talk)
    return INTERRUPTED if ended is None else _concluded(connection, ended, options, talk)


def estimate(options: argparse.Namespace, talk: Talk) -> int:
    """Say what a job would give and cost; nothing is started."""
    order = _order(options, talk)
    with connected(options, talk) as connection:
        found = connection.api.estimate(_document(order, connection, talk))
    show_estimate(talk, found, str(order.document.get("name") or "dataset"))
    talk.json(found)
    return OK


def _order(options: argparse.Namespace, talk: Talk) -> JobOrder:
    """What the command line asks for."""
    wishes = Wishes(options.name, options.max, tuple(options.engine))
    order = job_order(options.words, wishes, options.category)
    for note in order.notes:
        talk.note(note)
    return order


def _document(order: JobOrder, connection: Connection, talk: Talk) -> dict[str, Any]:
    """The job file to send, once what is the person's own has been sent."""
    if not order.own:
        return order.document
    uploads = send_all(order.own, connection.api, talk, connection.patience)
    return {**order.document, "uploads": uploads}


def _tell_created(job: dict[str, Any], talk: Talk) -> None:
    talk.note(f"job {job['id']}: {job['name']}, {job['wanted']:,} images wanted")
    for note in notes_of(job):
        talk.note(note)


def _followed(connection: Connection, job: dict[str, Any], talk: Talk) -> dict[str, Any] | None:
    """Return the job at its end, or None when the person did not want to wait for it."""
    job_id = str(job["id"])
    try:
        # In here, so that whoever reads the line and presses Ctrl-C at once cancels the job.
        _tell_created(job, talk)
        with job_view(talk) as show:
            return follow(connection.api, job_id, show)
    except Unreachable as error:
        error.message += f". Job {job_id} is not lost: `status {job_id[:8]} --watch` looks again"
        raise
    except KeyboardInterrupt:
        pass
    try:
        ended = cancel_politely(connection.api, job_id, talk.note)
        if ended is not None:
            talk.note(f"job {job_id} is {ended['status']}")
            return None
    except KeyboardInterrupt:
        pass
    if connection.stack:
        _keep(connection.stack, talk)
    talk.note(f"job {job_id} is left to itself; `status {job_id[:8]} --watch` looks at it")
    return None


def _keep(stack: Stack, talk: Talk) -> None:
    stack.keep()
    talk.note("the local stack goes on running; `serve --stop` ends it")


def _concluded(
    connection: Connection, job: dict[str, Any], options: argparse.Namespace, talk: Talk
) -> int:
    """Fetch what the job gave and sum it up; return the exit code."""
    delivered: Delivered | None = None
    code, error = ending(job)
    if job["status"] in WITH_DATASET:
        wanted = Wanted(
            job["dataset_id"], job["version"], job["name"], options.out, force=options.force
        )
        delivered = deliver(connection.api, wanted, talk, connection.patience)
        talk.line(headline(job))
    show_notes(talk, job)
    show_reasons(talk, job.get("progress") or {})
    show_engines(talk, job)
    show_comparison(talk, job)
    if delivered:
        show_delivered(talk, delivered)
    if error:
        talk.line()
        error.details["job"] = job
        raise error
    talk.json({"job": job, "files": delivered.as_json() if delivered else None})
    return code


def jobs(options: argparse.Namespace, talk: Talk) -> int:
    """List the newest jobs."""
    with connected(options, talk) as connection:
        found = list(itertools.islice(connection.api.jobs(), options.limit))
    show_jobs(talk, found)
    talk.json(found)
    return OK


def status(options: argparse.Namespace, talk: Talk) -> int:
    """Show a job; with --watch, follow it to its end."""
    with connected(options, talk) as connection:
        job_id = connection.api.find_job(options.job)
        if options.watch:
            with job_view(talk) as show:
                job = follow(connection.api, job_id, show)
        else:
            job = connection.api.job(job_id)
    show_job(talk, job)
    talk.json(job)
    return ending(job)[0] if options.watch and job["status"] in FINAL else OK


def cancel(options: argparse.Namespace, talk: Talk) -> int:
    """Ask for a job to be cancelled."""
    with connected(options, talk) as connection:
        job = connection.api.cancel_job(connection.api.find_job(options.job))
    talk.line(f"job {job['id']} is {job['status']}")
    talk.json(job)
    return OK


def download(options: argparse.Namespace, talk: Talk) -> int:
    """Bring a dataset version here."""
    with connected(options, talk) as connection:
        dataset, number = chosen_version(connection.api, options.dataset, options.version)
        wanted = Wanted(dataset["id"], number, dataset["name"], options.out, force=options.force)
        delivered = deliver(connection.api, wanted, talk, connection.patience)
    talk.line(f"{dataset['name']}, version {number}")
    show_delivered(talk, delivered)
    talk.json({"dataset": dataset, "version": number, "files": delivered.as_json()})
    return OK


COMMANDS: dict[str, Callable[[argparse.Namespace, Talk], int]] = {
    "run": run,
    "estimate": estimate,
    "jobs": jobs,
    "status": status,
    "cancel": cancel,
    "retry": retry,
    "download": download,
    "fetch": fetch,
    "verify": verify,
    "engines": engines,
    "serve": serve,
}


def perform(options: argparse.Namespace, talk: Talk) -> int:
    """Do what the options say.

    Raises:
        CliError: it cannot be done; the message says why.
    """
    try:
        return COMMANDS[options.command](options, talk)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        # Answers come from a server that may be of another age: no traceback for that.
        raise CliError(f"the server's answer lacks something: {error!r}") from error
