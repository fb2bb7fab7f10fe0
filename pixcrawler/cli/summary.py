"""What a person reads at the end: what was kept, why the rest was not, and where the files are."""

from __future__ import annotations

import math
from typing import Any

from rich.table import Table

from pixcrawler.cli.archive import Delivered
from pixcrawler.cli.errors import FAILED, OK, PARTIAL, CliError, JobEnded
from pixcrawler.cli.outlook import show_comparison
from pixcrawler.cli.reasons import explain
from pixcrawler.cli.talk import Talk, plain_table, plural, row, size

_SHORT_ID = 8
_TROUBLED = ("blocked", "changed", "failed")


def show_job(talk: Talk, job: dict[str, Any]) -> None:
    """Show all that is known of a job."""
    progress = job.get("progress") or {}
    talk.line(f"job      {job['id']}")
    talk.line(f"dataset  {job.get('name')}, version {job.get('version')} ({job.get('dataset_id')})")
    if job.get("retry_of"):
        talk.line(f"retry of {job['retry_of']} ({', '.join(job.get('retry_reasons') or [])})")
    stage = f", {job['stage']}" if job.get("status") == "running" else ""
    talk.line(f"status   {job.get('status')}{stage}")
    talk.line(
        f"images   {progress.get('kept', 0):,} of {job.get('wanted', 0):,} wanted; "
        f"{plural(progress.get('candidates', 0), 'candidate')}, "
        f"{progress.get('downloaded', 0):,} downloaded ({size(progress.get('bytes', 0))})"
    )
    for name in ("created_at", "started_at", "finished_at"):
        if job.get(name):
            talk.line(f"{name.removesuffix('_at'):8} {job[name]}")
    if job.get("message"):
        talk.line(f"message  {job['message']}")
    show_notes(talk, job)
    show_reasons(talk, progress)
    show_engines(talk, job)
    show_comparison(talk, job)


def notes_of(job: dict[str, Any]) -> list[str]:
    """Return what the person should know about a job although it is no failure, a line each."""
    return [f"note: {note['message']}" for note in job.get("notes") or []]


def show_notes(talk: Talk, job: dict[str, Any]) -> None:
    """Show what the person should know about a job although it is no failure."""
    notes = notes_of(job)
    if notes:
        talk.line()
    for note in notes:
        talk.line(note)


def show_reasons(talk: Talk, progress: dict[str, Any]) -> None:
    """Show why candidates are not in the dataset."""
    reasons = {str(k): int(v) for k, v in (progress.get("reasons") or {}).items() if v}
    if not reasons:
        return
    table = plain_table("count", "reason", "meaning")
    table.columns[0].justify = "right"
    for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
        row(table, f"{count:,}", reason, explain(reason))
    talk.line()
    talk.line(f"Not in the dataset: {plural(sum(reasons.values()), 'candidate')}")
    talk.table(table)


def show_engines(talk: Talk, job: dict[str, Any]) -> None:
    """Show how the engines fared."""
    engines = job.get("engines") or []
    if not engines:
        return
    table = plain_table("engine", "answer", "candidates", "requests", "sifted", "detail")
    for column in table.columns[2:5]:
        column.justify = "right"
    for report in engines:
        counts = (f"{report.get(one) or 0:,}" for one in ("candidates", "requests", "sifted"))
        row(table, str(report.get("engine")), _answer(report), *counts, _remarks(report))
    talk.line()
    talk.table(table)


def _answer(report: dict[str, Any]) -> str:
    if report.get("stands_by_for"):
        return "stands by"
    kind = f" ({report['kind']})" if report.get("kind") else ""
    return f"{report.get('status')}{kind}"


def _remarks(report: dict[str, Any]) -> str:
    """Everything else that is known of an engine, in a few words."""
    remarks = [str(report["detail"])] if report.get("detail") else []
    if report.get("stands_by_for"):
        remarks.append(f"same index as {report['stands_by_for']}")
    if report.get("stands_in_for"):
        remarks.append(f"went on for {report['stands_in_for']}")
    if report.get("saturated"):
        remarks.append("hardly anything new at the end")
    elif report.get("is_used_up") and report.get("status") == "ok":
        remarks.append("used up")
    told = "; ".join(remarks)
    if report.get("until"):
        return f"{told} (not before {str(report['until'])[:16].replace('T', ' ')} UTC)".strip()
    if report.get("retry_after_s"):
        return f"{told} (try again in {report['retry_after_s']:.0f} s)".strip()
    return told


def show_jobs(talk: Talk, jobs: list[dict[str, Any]]) -> None:
    """Show a list of jobs, one a line."""
    if not jobs:
        talk.line("no jobs yet; `pixcrawler run` makes the first one")
        return
    table = plain_table("job", "dataset", "status", "kept", "wanted", "created")
    for job in jobs:
        row(table, *_row(job))
    talk.table(table)


def _row(job: dict[str, Any]) -> list[str]:
    progress = job.get("progress") or {}
    status = str(job.get("status"))
    return [
        str(job["id"])[:_SHORT_ID],
        f"{job.get('name')} v{job.get('version')}",
        str(job.get("stage")) if status == "running" else status,
        f"{progress.get('kept', 0):,}",
        f"{job.get('wanted', 0):,}",
        str(job.get("created_at", ""))[:19].replace("T", " "),
    ]


def show_delivered(talk: Talk, delivered: Delivered) -> None:
    """Show where the files are."""
    again = " (it was here already)" if delivered.reused else ""
    table = Table.grid(padding=(0, 2))
    row(table, "folder", str(delivered.folder) + again)
    row(table, "archive", f"{delivered.archive} ({size(delivered.bytes)})")
    row(table, "sha-256", delivered.sha256)
    for column in table.columns:
        column.overflow = "fold"
    talk.line()
    talk.table(table)


def headline(job: dict[str, Any]) -> str:
    """Return the sentence above the summary of a job that gave a dataset."""
    kept = (job.get("progress") or {}).get("kept", 0)
    what = f"{job.get('name')}, version {job.get('version')}"
    if job["status"] == "succeeded":
        return f"{what}: {plural(kept, 'image')}, as many as wanted."
    told = f"{plural(kept, 'image')} of {job.get('wanted', 0):,} wanted."
    return f"{what}: {job.get('message') or told}"


def ending(job: dict[str, Any]) -> tuple[int, CliError | None]:
    """Return the exit code of a job that has ended, and the error to show, if any."""
    status = str(job["status"])
    if status == "succeeded":
        return OK, None
    if status == "partial":
        return PARTIAL, None
    if status == "cancelled":
        return FAILED, JobEnded(f"job {job['id']} was cancelled", job_id=job["id"])
    error = job.get("error") or {}
    message = str(error.get("message") or job.get("message") or "the job failed")
    ended = JobEnded(message, job_id=job["id"], advice=advice(job))
    ended.code = str(error.get("code") or ended.code)
    return FAILED, ended


def advice(job: dict[str, Any]) -> str:
    """Return what the person can do beside what the message says, as far as the engines tell."""
    reports = [r for r in job.get("engines") or [] if r.get("status") in _TROUBLED]
    waits_s = [float(report.get("retry_after_s") or 0) for report in reports]
    if any(waits_s):
        return f"The engines ask to be left alone for {math.ceil(max(waits_s) / 60)} min."
    if any(report.get("status") == "failed" for report in reports):
        return (
            "Nothing is lost: run it again once the engines can be reached. Without any internet, "
            "`run` with no words builds the sample out of the stack's own pictures."
        )
    return ""
