"""Retention: what is swept today."""

from __future__ import annotations

import logging
from datetime import datetime

from pixcrawler.domain.errors import Conflict
from pixcrawler.domain.model import Value
from pixcrawler.domain.storage import UPLOADS, WORK, BlobRef
from pixcrawler.domain.upload import begun_at
from pixcrawler.pipeline.limits import UPLOAD_MAX_BYTES
from pixcrawler.pipeline.ports import BlobStore, JobKeeper

log = logging.getLogger("pixcrawler.retain")


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


def sweep_uploads(before: datetime, *, blobs: BlobStore) -> int:
    """Remove what users sent before ``before``, and what was made of it; return how many blobs.

    What is larger than an upload may be goes at once: a link to write with knows no limit. Safe
    to repeat. Of names that are no upload's nothing is known, so they stay; what cannot be
    removed, because its owner found a way to hold it, keeps nothing else.
    """
    removed = 0
    for name, length in list(blobs.lengths(WORK, UPLOADS)):
        begun = begun_at(name.rpartition("/")[2].partition(".")[0])
        if begun is not None and (begun < before or length > UPLOAD_MAX_BYTES):
            try:
                blobs.delete(BlobRef(container=WORK, name=name))
            except Conflict as error:
                log.warning("upload.stays name=%s cause=%s", name, error)
                continue
            removed += 1
    return removed
