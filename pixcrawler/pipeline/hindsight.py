"""Hindsight: what an ended job says of its candidates, in its version or in its work files."""

from __future__ import annotations

from collections.abc import Iterator

from pixcrawler.domain.dataset import Manifest, ManifestImage
from pixcrawler.domain.errors import NotFound
from pixcrawler.domain.job import Job
from pixcrawler.domain.model import Value
from pixcrawler.domain.storage import (
    WORK,
    BlobRef,
    chunks_of,
    outcomes_ref,
    shard_ref,
    verdicts_ref,
    version_ref,
)
from pixcrawler.domain.verdict import Outcome, Verdict
from pixcrawler.pipeline.assemble import LEDGER, MANIFEST
from pixcrawler.pipeline.ports import BlobStore

ImageName = tuple[str, ...]
"""What names an image of a version in its ledger: content hash, address, category and keyword.
One address may have been found, or led to, for different words."""


class Sources(Value):
    """Where it stands what became of a job's candidates; the same blobs at every repetition."""

    has_version: bool
    """The images are those of its version; else all that were found valid."""
    has_ledger: bool
    judged: tuple[tuple[int, int], ...] = ()
    """Rounds and chunks whose verdicts are read, when there is no ledger."""
    fetched: tuple[tuple[int, int], ...] = ()
    """The same for those that were not judged any more: their outcomes are read."""


def is_recallable(job_id: str, dataset_id: str, version: int, blobs: BlobStore) -> bool:
    """Say whether it can still be read what became of an ended job's candidates."""
    written = (version_ref(dataset_id, version, name) for name in (MANIFEST, LEDGER))
    if all(blobs.exists(place) for place in written):
        return True
    kinds = ("verdicts", "outcomes")
    return any(next(_names(job_id, kind, blobs), None) is not None for kind in kinds)


def sources_of(base: Job, blobs: BlobStore) -> Sources:
    """Return where it stands now.

    Raises:
        NotFound: nowhere any more.
    """
    has_version = blobs.exists(version_ref(base.dataset_id, base.version, MANIFEST))
    # A ledger alone was written by a job that ended before its manifest: its shards may lack.
    if has_version and blobs.exists(version_ref(base.dataset_id, base.version, LEDGER)):
        return Sources(has_version=True, has_ledger=True)
    judged = tuple(_chunks(base.id, "verdicts", blobs))
    fetched = tuple(sorted(set(_chunks(base.id, "outcomes", blobs)) - set(judged)))
    if not judged and not fetched:
        raise NotFound(f"The working files of job {base.id} are gone, and it wrote no version.")
    return Sources(has_version=has_version, has_ledger=False, judged=judged, fetched=fetched)


def images_of(base: Job, blobs: BlobStore) -> dict[ImageName, ManifestImage]:
    """Return the images of the job's version by their names in its ledger."""
    place = version_ref(base.dataset_id, base.version, MANIFEST)
    manifest = Manifest.model_validate_json(blobs.get(place))
    return {
        (image.facts.sha256, image.source_url, image.category, image.keyword): image
        for image in manifest.images
    }


def name_of(verdict: Verdict) -> ImageName:
    """Return by which name the image that a verdict let in is in ``images_of``."""
    outcome, candidate = verdict.outcome, verdict.outcome.candidate
    sha256 = verdict.facts.sha256 if verdict.facts else ""
    return sha256, outcome.address, candidate.category, candidate.keyword


def verdicts_of(base: Job, sources: Sources, blobs: BlobStore) -> Iterator[tuple[Verdict, BlobRef]]:
    """Yield every verdict of a job in order, and where the work files have its bytes.

    One with neither facts nor a reason is none yet: its bytes came, and nobody looked at them.
    """
    if sources.has_ledger:
        nowhere = BlobRef(container=WORK, name="-")
        for line in _lines(version_ref(base.dataset_id, base.version, LEDGER), blobs):
            yield Verdict.model_validate_json(line), nowhere
        return
    for round_no, chunk in sources.judged:
        for line in _lines(verdicts_ref(base.id, round_no, chunk), blobs):
            verdict = Verdict.model_validate_json(line)
            yield verdict, shard_ref(base.id, round_no, chunk, verdict.outcome.shard)
    for round_no, chunk in sources.fetched:
        place = outcomes_ref(base.id, round_no, chunk)
        for line in _lines(place, blobs):
            outcome = Outcome.model_validate_json(line)
            verdict = Verdict(outcome=outcome, reason=outcome.reason, detail=outcome.detail)
            yield verdict, shard_ref(base.id, round_no, chunk, outcome.shard)


def _lines(place: BlobRef, blobs: BlobStore) -> Iterator[bytes]:
    """Yield the lines of a blob; hold little more than a piece of it."""
    rest = b""
    for piece in blobs.stream(place):
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        yield rest


def _chunks(job_id: str, kind: str, blobs: BlobStore) -> Iterator[tuple[int, int]]:
    for name in _names(job_id, kind, blobs):
        round_no, _, chunk = name.rpartition("/")[2].partition(".")[0].partition("-")
        yield int(round_no), int(chunk)


def _names(job_id: str, kind: str, blobs: BlobStore) -> Iterator[str]:
    place = chunks_of(job_id, kind)
    return blobs.names(place.container, place.name)
