"""Follows a job to its end and reports what it sees, as it is and never backwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pixcrawler.cli.api import Api
from pixcrawler.cli.errors import ApiRefused
from pixcrawler.cli.talk import plural

FINAL = ("succeeded", "partial", "failed", "cancelled")
_AFTER_CHUNKS = {"assembling": 0.92, "packaging": 0.96, "done": 0.99}
"""How far the bar is once the pictures are chosen; only a final status fills it."""
_OF_KEPT = 0.9
_OF_DOWNLOADS = 0.45
_OF_CHUNKS = 0.3
"""Before the first deduplication nothing is certain: all downloads and chunks fill no more."""
_DECIDED_STAGES = ("assembling", "packaging", "done")
_DECIDED_REASONS = ("duplicate_exact", "duplicate_near", "over_limit")
_PACES = ((30.0, 0.4), (600.0, 1.0), (float("inf"), 4.0))
"""(Seconds since the start, seconds between two looks)."""
_CANCEL_WAIT_S = 30.0
_CONFLICT = 409


@dataclass(frozen=True)
class Sight:
    """One look at a job, in words and as a part of the whole."""

    fraction: float
    """0..1; never less than at the look before; 1 only when the job has ended."""
    status: str
    stage: str
    counts: str
    left: str
    """How long it may still take; empty when nobody knows."""


class Watcher:
    """Turns the answers of the API into sights that never go backwards."""

    def __init__(self) -> None:
        self._fraction = 0.0
        self._decided = False

    def see(self, job: dict[str, Any]) -> Sight:
        """Return what this look shows."""
        progress = job.get("progress") or {}
        self._decided = self._decided or _is_decided(job, progress)
        self._fraction = max(self._fraction, self._reached(job, progress))
        eta_s = progress.get("eta_s")
        known = isinstance(eta_s, int | float) and job["status"] not in FINAL
        return Sight(
            fraction=self._fraction,
            status=str(job["status"]),
            stage=_stage(job, progress),
            counts=self._counts(job, progress),
            left=f"about {_duration(float(eta_s or 0))} left" if known else "",
        )

    def _reached(self, job: dict[str, Any], progress: dict[str, Any]) -> float:
        if job["status"] in FINAL:
            return 1.0
        wanted = max(job.get("wanted", 1), 1)
        reached: float
        if self._decided:
            reached = _OF_KEPT * min(progress.get("kept", 0) / wanted, 1.0)
        else:
            reached = _work_done(progress, wanted)
        return max(_AFTER_CHUNKS.get(str(job.get("stage")), 0.0), reached)

    def _counts(self, job: dict[str, Any], progress: dict[str, Any]) -> str:
        chunks = progress.get("chunks") or {}
        if not chunks.get("total"):
            return ""
        kept, found = progress.get("kept", 0), progress.get("candidates", 0)
        downloaded = f"{progress.get('downloaded', 0):,} of {found:,} downloaded"
        good = f"kept {kept:,} of {job.get('wanted', 0):,}" if self._decided else f"{kept:,} valid"
        return (
            f"{downloaded} · {good} · {progress.get('rejected', 0):,} rejected"
            f" · chunks {chunks.get('completed', 0)}/{chunks['total']}"
        )


def _work_done(progress: dict[str, Any], wanted: int) -> float:
    """Return how far the first round is; with few downloads for many wanted it stays low."""
    chunks = progress.get("chunks") or {}
    downloaded = float(progress.get("downloaded", 0))
    downloads: float = min(downloaded / max(progress.get("candidates", 0), 1), 1.0)
    completed: float = min(float(chunks.get("completed", 0)) / max(chunks.get("total", 0), 1), 1.0)
    work: float = _OF_DOWNLOADS * downloads + _OF_CHUNKS * completed
    return min(work, (_OF_DOWNLOADS + _OF_CHUNKS) * downloaded / wanted)


def _stage(job: dict[str, Any], progress: dict[str, Any]) -> str:
    """Return the stage of a running job, with its round from the second on; else the status."""
    if job["status"] != "running":
        return str(job["status"])
    round_no = int(progress.get("round") or 0)
    return str(job.get("stage", "")) + (f", round {round_no + 1}" if round_no else "")


def _is_decided(job: dict[str, Any], progress: dict[str, Any]) -> bool:
    """Say whether duplicates were removed at least once, so that `kept` means kept."""
    reasons = progress.get("reasons") or {}
    return (
        job.get("stage") in _DECIDED_STAGES
        or bool(progress.get("round"))
        or any(reason in reasons for reason in _DECIDED_REASONS)
    )


def _duration(seconds: float) -> str:
    if seconds < 90:  # noqa: PLR2004 - seconds are clear up to here
        return f"{max(round(seconds), 1)} s"
    if seconds < 5400:  # noqa: PLR2004 - minutes up to here
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def follow(api: Api, job_id: str, show: Callable[[Sight], None]) -> dict[str, Any]:
    """Look at the job until it has ended; return it as it then is.

    Raises:
        Unreachable: the API has been away for longer than we wait.
        KeyboardInterrupt: the person wants something else.
    """
    watcher = Watcher()
    started = time.monotonic()
    while True:
        job = api.job(job_id)
        show(watcher.see(job))
        if job["status"] in FINAL:
            return job
        elapsed = time.monotonic() - started
        time.sleep(next(pace for until, pace in _PACES if elapsed < until))


def cancel_politely(api: Api, job_id: str, note: Callable[[str], None]) -> dict[str, Any] | None:
    """Cancel the job and wait a little for its end; return it, or None when it goes on.

    Raises:
        KeyboardInterrupt: the person does not want to wait.
    """
    note(f"cancelling job {job_id}; Ctrl-C again leaves it as it is")
    try:
        api.cancel_job(job_id)
    except ApiRefused as error:
        if error.status != _CONFLICT:
            raise
        note(f"it cannot be cancelled any more: {error.message}")
    deadline = time.monotonic() + _CANCEL_WAIT_S
    while time.monotonic() < deadline:
        job = api.job(job_id)
        if job["status"] in FINAL:
            return job
        time.sleep(0.3)
    note(f"it has not ended within {plural(round(_CANCEL_WAIT_S), 'second')}")
    return None
