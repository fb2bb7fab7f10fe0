"""What goes into and comes out of each step: references and counts only."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, Field

from pixcrawler.domain.job import Failure, JobStatus
from pixcrawler.domain.model import Value
from pixcrawler.domain.storage import Archive, BlobRef
from pixcrawler.domain.verdict import RejectReason


class JobRef(Value):
    """Names a job; the steps read its spec themselves."""

    job_id: str


class Order(Value):
    """What the story of a job starts with."""

    job_id: str
    wanted: int = Field(ge=1)
    """Images to keep, after cleaning."""
    retry_of: str | None = None
    """The job of which only what failed is fetched again."""
    reasons: tuple[RejectReason, ...] = ()
    """Of a retry: why what is fetched again had failed."""


class Expanded(Value):
    """How many queries were written."""

    queries: int = Field(ge=0)


class Stop(StrEnum):
    """Why the search for candidates ended before there was enough."""

    USED_UP = "used_up"
    """No engine has anything more."""
    SATURATED = "saturated"
    """There may be more, but the last rounds gave almost nothing that could be kept."""
    REFUSED = "refused"
    """The engines that have more want to be left alone for longer than a job waits."""
    MAX_REQUESTS = "max_requests"
    MAX_CANDIDATES = "max_candidates"
    MAX_BYTES = "max_bytes"
    RETRIED = "retried"
    """A retry fetches what failed before, and looks for nothing new."""


class RoundRef(Value):
    """One round of discovery: how many kept images are still wanted."""

    job_id: str
    round: int = Field(ge=0)
    wanted: int = Field(ge=1)
    at: AwareDatetime | None = None
    """When the round begins; None in stories that were begun by an earlier version."""


class Discovered(Value):
    """What a round found: candidates, in chunks numbered from 0."""

    chunks: int = Field(ge=0)
    candidates: int = Field(ge=0)
    exhausted: bool
    """There will be no more; ``stop`` says why."""
    wait_s: float = Field(default=0.0, ge=0)
    """Seconds after which an engine in trouble is worth asking again; 0 when none is."""
    cancelled: bool = False
    stop: Stop | None = None


class RecallRef(Value):
    """What a retry begins with: the job before it, and which of its failures to fetch again."""

    job_id: str
    retry_of: str
    reasons: tuple[RejectReason, ...] = Field(min_length=1)


class Recalled(Value):
    """What a retry has of the job before it, in chunks numbered from 0."""

    held: int = Field(ge=0)
    """Chunks of round 0, judged already: its images, and failures that are left as they are."""
    chunks: int = Field(ge=0)
    """Chunks of round 1: candidates to fetch again, or to look at for the first time."""
    candidates: int = Field(ge=0)
    """In round 1."""
    limit: int = Field(default=1, ge=1)
    """Images that the version may hold, so that none is left out for being too many."""
    cancelled: bool = False


class ChunkRef(Value):
    """Names one chunk of candidates."""

    job_id: str
    round: int = Field(ge=0)
    chunk: int = Field(ge=0)


class ChunkGroup(Value):
    """Neighbouring chunks that one sub-orchestration processes."""

    job_id: str
    round: int = Field(ge=0)
    first: int = Field(ge=0)
    count: int = Field(ge=1)

    def chunks(self) -> list[ChunkRef]:
        """Every chunk of the group."""
        return [
            ChunkRef(job_id=self.job_id, round=self.round, chunk=chunk)
            for chunk in range(self.first, self.first + self.count)
        ]


class ChunkReport(Value):
    """What became of one chunk, or the sum over several."""

    passed: int = Field(ge=0)
    """Downloaded, or found valid."""
    rejected: int = Field(ge=0)
    cancelled: bool = False
    """The job is given up; the chunk was left alone."""

    @classmethod
    def total(cls, reports: list[ChunkReport]) -> ChunkReport:
        """Sum of counts; cancelled when any is."""
        return cls(
            passed=sum(report.passed for report in reports),
            rejected=sum(report.rejected for report in reports),
            cancelled=any(report.cancelled for report in reports),
        )


class Rounds(Value):
    """The first ``rounds`` rounds of a job; ``chunks[r]`` chunks in round r."""

    job_id: str
    chunks: tuple[int, ...]
    limit: int | None = Field(default=None, ge=1)
    """Images to keep at most; None: as many as the job file wants."""

    def refs(self) -> list[ChunkRef]:
        """Every chunk of every round, in order."""
        return [
            ChunkRef(job_id=self.job_id, round=round_no, chunk=chunk)
            for round_no, count in enumerate(self.chunks)
            for chunk in range(count)
        ]


class Deduplicated(Value):
    """What is left after duplicates were removed across the whole job."""

    kept: int = Field(ge=0)
    duplicates: int = Field(ge=0)
    over_limit: int = Field(ge=0)
    """Good images beyond the wanted number."""
    candidates: int = Field(default=0, ge=0)
    """Of all rounds so far; 0 from a worker of an earlier version."""


class Assembled(Value):
    """A dataset version, complete but not yet packaged."""

    job_id: str
    dataset_id: str
    version: int
    images: int
    manifest: BlobRef
    cancelled: bool = False
    """The job was cancelled before the version was written: nothing was."""


class PackageCheck(Value):
    """Is the version's archive registered? ``again``: if not, ask for packaging once more."""

    assembled: Assembled
    again: bool = False


class PackageState(Value):
    """The registered archive, if there is one."""

    archive: Archive | None = None


class Ending(Value):
    """How a job ends."""

    job_id: str
    status: JobStatus
    failure: Failure | None = None
    images: int = 0
    is_exhausted: bool = True
    """The search ended by itself, ``stop`` says why; else the job ended after its last round."""
    stop: Stop | None = None


class Ended(Value):
    """The final status, as recorded, and the sentence shown with it."""

    status: JobStatus
    message: str
