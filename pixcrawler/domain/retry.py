"""Retries: which failures of an ended job are fetched again, and which stay as they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pixcrawler.domain.catalogue import JobEntry
from pixcrawler.domain.errors import Conflict, InvalidRequest, Violation
from pixcrawler.domain.job import MAX_IMAGES, JobStatus
from pixcrawler.domain.jobfile import SHOWN_CHARS
from pixcrawler.domain.model import Value
from pixcrawler.domain.note import Note
from pixcrawler.domain.progress import Progress
from pixcrawler.domain.verdict import FETCH_REASONS, PASSING_REASONS, RejectReason

RETRY_NOTE = "retry"
"""Code of the note that tells a retry's owner what it fetches."""
_FIELD = "reasons"
_WITH_VERSION = (JobStatus.SUCCEEDED, JobStatus.PARTIAL)

Counts = dict[RejectReason, int]


@dataclass(frozen=True)
class RetryCall:
    """What a call asks to be fetched again."""

    job_id: str
    reasons: tuple[RejectReason, ...]
    key: str | None = None
    """Idempotency-Key."""

    @property
    def digest(self) -> bytes:
        """What calls for the same have in common: 32 bytes."""
        text = json.dumps(["retry", self.job_id, sorted(self.reasons)])
        return hashlib.sha256(text.encode()).digest()


class Retry(Value):
    """What a retry does with the failures of a job, counted by reason."""

    again: Counts
    """Fetched again."""
    left: Counts
    """Not fetched again, because they were not asked for."""

    @property
    def told(self) -> str:
        """What is fetched again and what is not, in a sentence."""
        again, left = sum(self.again.values()), sum(self.left.values())
        if not again:
            return _taken_over(left, self.left)
        verb = "is" if again == 1 else "are"
        start = f"{again:,} of {_counted(again + left)} {verb} fetched again"
        sentence = f"{start} ({_listed(self.again)})"
        if not left:
            return f"{sentence}."
        rest = f"{left:,} {'is' if left == 1 else 'are'} not ({_listed(self.left)})"
        return f"{sentence}; {rest}: name these reasons to fetch them, too."


def retry_of(reasons: Mapping[RejectReason, int], wanted: Collection[RejectReason]) -> Retry:
    """Return what a retry for the ``wanted`` reasons does, given a job's reject reasons."""
    failed = {
        reason: reasons[reason]
        for reason in RejectReason
        if reason in FETCH_REASONS and reasons.get(reason)
    }
    return Retry(
        again={reason: count for reason, count in failed.items() if reason in wanted},
        left={reason: count for reason, count in failed.items() if reason not in wanted},
    )


def accepted(
    base: JobEntry,
    wanted: Collection[RejectReason],
    *,
    has_papers: bool,
    retried_by: str | None = None,
) -> Retry:
    """Return what a retry of ``base`` does.

    Args:
        base: the job to retry.
        wanted: the reasons to fetch again.
        has_papers: what it says of its candidates can still be read.
        retried_by: the job that retries it, or did so with success.

    Raises:
        Conflict: it cannot be retried, or there is nothing to fetch and nothing to save.
    """
    if not base.status.is_final:
        raise Conflict(
            f"Only a job that has ended can be retried, and this one is {base.status.value}: wait"
            " for its end, or cancel it.",
            status=base.status.value,
        )
    if base.retry_of is not None and base.status not in _WITH_VERSION:
        # It may have ended before it had taken over everything.
        raise Conflict(
            f"This retry came to nothing: retry job {base.retry_of} again, which has everything.",
            retry_of=base.retry_of,
        )
    if retried_by is not None:
        raise Conflict(
            f"Job {retried_by} retries this one already, and holds all that it does: retry that"
            " one, once it has ended.",
            retried_by=retried_by,
        )
    retry = retry_of(base.progress.reasons, wanted)
    has_version = base.status in _WITH_VERSION
    if not retry.again and (has_version or not _has_something(base.progress)):
        raise Conflict(_nothing(retry, wanted), failed=retry.left, would_be_retried=sorted(wanted))
    if has_version and base.progress.kept >= MAX_IMAGES:
        raise Conflict(f"The dataset is full: it has {base.progress.kept:,} images.")
    if not has_papers:
        raise Conflict(
            "What this job says of its candidates is gone: working files are kept for a while"
            " only, and it wrote no dataset version. Start a new job from its job file (`spec`).",
            reason="working_files_gone",
        )
    return retry


def _has_something(progress: Progress) -> bool:
    """Say whether a job that broke off has what makes a version, judged already or not."""
    return progress.kept > 0 or progress.downloaded > progress.rejected


def note_of(retry: Retry, base_id: str) -> Note:
    """Return what the owner of a retry should know."""
    return Note(code=RETRY_NOTE, subject=base_id, message=f"Retry of job {base_id}: {retry.told}")


def reasons_of(given: Any) -> tuple[RejectReason, ...]:
    """Return the reasons that the body of a retry call names, in order; without any, the default.

    Raises:
        InvalidRequest: with one violation for each broken rule.
    """
    if not isinstance(given, Mapping):
        raise InvalidRequest(
            violations=(_broken("(whole document)", "object_type", given, "must be an object"),)
        )
    violations = [
        _broken(str(name), "extra_forbidden", given[name], f"is not known here; only {_FIELD} is")
        for name in given
        if name != _FIELD
    ]
    named = given.get(_FIELD)
    violations += _faults(named)
    if violations:
        raise InvalidRequest(violations=tuple(violations))
    wanted = PASSING_REASONS if named is None else frozenset(named)
    return tuple(reason for reason in RejectReason if reason in wanted)


def _faults(named: Any) -> list[Violation]:
    if named is None:
        return []
    if not isinstance(named, list | tuple):
        return [_broken(_FIELD, "list_type", named, "must be a list of reasons")]
    if not named:
        text = "must name at least one; leave it out for those that may have passed"
        return [_broken(_FIELD, "too_short", [], text)]
    allowed = ", ".join(reason for reason in RejectReason if reason in FETCH_REASONS)
    known = {str(reason) for reason in FETCH_REASONS}
    return [
        _broken(f"{_FIELD}.{place}", "unknown_reason", name, f"must be one of {allowed}")
        for place, name in enumerate(named)
        if not isinstance(name, str) or name not in known
    ]


def _nothing(retry: Retry, wanted: Collection[RejectReason]) -> str:
    if not retry.left:
        return "Nothing can be fetched again: no candidate failed while it was fetched."
    left = sum(retry.left.values())
    asked = ", ".join(sorted(wanted))
    return (
        f"Nothing is fetched again: {left:,} failed for other reasons ({_listed(retry.left)}) than"
        f" those that are retried ({asked}). Name the reasons to fetch them all the same."
    )


def _taken_over(left: int, reasons: Counts) -> str:
    taken = "What had come when it broke off is taken over"
    if not left:
        return f"{taken}; nothing is fetched again."
    verb = "is" if left == 1 else "are"
    rest = f"{_counted(left)} {verb} not fetched again ({_listed(reasons)})"
    return f"{taken}; {rest}: name these reasons to fetch them, too."


def _counted(count: int) -> str:
    return f"{count:,} failed candidate{'' if count == 1 else 's'}"


def _listed(counts: Mapping[RejectReason, int]) -> str:
    most_first = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{reason} {count:,}" for reason, count in most_first)


def _broken(field: str, rule: str, value: Any, message: str) -> Violation:
    is_short = value is None or isinstance(value, bool) or value == []
    shown = value if is_short else str(value)[:SHOWN_CHARS]
    return Violation(field=field[:SHOWN_CHARS], rule=rule, value=shown, message=message)
