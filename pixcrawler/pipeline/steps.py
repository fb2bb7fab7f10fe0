"""The steps of the story: name, what each takes and gives, how it retries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from pixcrawler.domain.model import Value
from pixcrawler.pipeline import payloads as p

In = TypeVar("In", bound=Value)
Out = TypeVar("Out", bound=Value)


@dataclass(frozen=True)
class Step(Generic[In, Out]):
    """A named unit of work run by one activity.

    The name is part of the stored history of running jobs: never rename it. Transient errors
    are retried inside the activity, ``attempts`` times in all, the wait doubling from
    ``first_retry_s`` (with jitter).
    """

    name: str
    takes: type[In]
    gives: type[Out]
    attempts: int = 6
    first_retry_s: float = 1.0


EXPAND = Step("expand", p.JobRef, p.Expanded)
DISCOVER = Step("discover", p.RoundRef, p.Discovered)
RECALL = Step("recall", p.RecallRef, p.Recalled)
DOWNLOAD = Step("download", p.ChunkRef, p.ChunkReport)
VALIDATE = Step("validate", p.ChunkRef, p.ChunkReport)
DEDUPLICATE = Step("deduplicate", p.Rounds, p.Deduplicated)
ASSEMBLE = Step("assemble", p.Rounds, p.Assembled)
FIND_ARCHIVE = Step("find_archive", p.PackageCheck, p.PackageState)
FINISH = Step("finish", p.Ending, p.Ended)

STORY = (
    *(EXPAND, DISCOVER, RECALL),
    *(DOWNLOAD, VALIDATE, DEDUPLICATE, ASSEMBLE, FIND_ARCHIVE, FINISH),
)
"""In what order; a retry begins with ``RECALL`` instead of the first two."""
