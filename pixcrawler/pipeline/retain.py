"""Retention: what is swept today."""

from __future__ import annotations

from datetime import datetime

from pixcrawler.domain.model import Value
from pixcrawler.domain.storage import WORK
from pixcrawler.pipeline.ports import BlobStore, JobKeeper


class Swept(Value):
    """What a sweep removed."""

    jobs: int = 0
    blobs: int = 0


def sweep(before: datetime, *, keeper: JobKeeper, blobs: BlobStore) -> Swept:
    """Remove the working files of jobs that ended before ``before``; safe to repeat."""
    swept = Swept()
    for job_id in keeper.ended(before):
        removed = blobs.delete_prefix(WORK, f"{job_id}/")
        keeper.mark_swept(job_id)
        swept = Swept(jobs=swept.jobs + 1, blobs=swept.blobs + removed)
    return swept
