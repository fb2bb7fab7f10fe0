"""Kept images become a dataset version: shards, labels, statistics, log and manifest."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO

from pixcrawler.domain.dataset import Manifest, ManifestImage
from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.domain.image import ImageFacts
from pixcrawler.domain.job import Job
from pixcrawler.domain.keyword import folder_name
from pixcrawler.domain.note import Note
from pixcrawler.domain.source import Provenance
from pixcrawler.domain.storage import BlobRef, shard_ref, version_ref
from pixcrawler.domain.verdict import Verdict
from pixcrawler.pipeline.deduplicate import ID_DIGITS
from pixcrawler.pipeline.harvest import Harvest, read_harvest, statistics_of
from pixcrawler.pipeline.papers.labels import label_files
from pixcrawler.pipeline.papers.processing_log import processing_log
from pixcrawler.pipeline.payloads import Assembled, ChunkRef, Rounds
from pixcrawler.pipeline.ports import BlobStore, Clock, DatasetStore, JobStore

MANIFEST = "manifest.json"
STATISTICS = "statistics.json"
LOG = "metadata/processing_log.txt"
INDEX = "index.jsonl"
_MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "txt": "text/plain; charset=utf-8",
    "yaml": "application/yaml",
}


def assemble(
    ref: Rounds, *, jobs: JobStore, datasets: DatasetStore, blobs: BlobStore, clock: Clock
) -> Assembled:
    """Write the dataset version that a job built; its manifest last, which starts packaging.

    Safe to repeat, also by two workers at once: the first manifest written is kept as it is,
    everything before it is written again, the same. A job that is being cancelled writes nothing.

    Raises:
        InvariantBroken: the bytes of a kept image are not those that were validated.
    """
    job = jobs.job(ref.job_id)
    place = version_ref(job.dataset_id, job.version, MANIFEST)
    if not jobs.begin_packaging(ref.job_id):
        return _assembled(job, place, 0, cancelled=True)
    if blobs.exists(place):
        manifest = Manifest.model_validate_json(blobs.get(place))
        return _assembled(job, place, manifest.statistics.images)
    harvest = read_harvest(ref, blobs)
    again = harvest.found_again()
    images = [image for chunk in ref.refs() for image in _copied(chunk, job, harvest, again, blobs)]
    images.sort(key=lambda image: image.path)
    statistics = statistics_of(harvest, images, job.spec.max_images)
    manifest = Manifest(
        name=job.spec.name,
        dataset_id=job.dataset_id,
        version=job.version,
        job_id=job.id,
        created_at=clock(),
        spec=job.spec.model_dump(mode="json"),
        engines=jobs.engines(job.id),
        statistics=statistics,
        images=tuple(images),
    )
    _write_texts(manifest, job, jobs.notes(job.id), harvest, blobs)
    datasets.version_assembled(
        job.dataset_id, job.version, statistics.images, statistics.bytes, place
    )
    blobs.put_new(place, manifest.model_dump_json(indent=1).encode(), "application/json")
    return _assembled(job, place, len(images))


def _assembled(job: Job, manifest: BlobRef, images: int, *, cancelled: bool = False) -> Assembled:
    return Assembled(
        job_id=job.id,
        dataset_id=job.dataset_id,
        version=job.version,
        images=images,
        manifest=manifest,
        cancelled=cancelled,
    )


def _write_texts(
    manifest: Manifest, job: Job, notes: Sequence[Note], harvest: Harvest, blobs: BlobStore
) -> None:
    index = "".join(
        f"{image.model_dump_json(include={'id', 'path', 'shard', 'offset', 'length'})}\n"
        for image in manifest.images
    )
    files = {
        **label_files(manifest.images),
        INDEX: index.encode(),
        STATISTICS: manifest.statistics.model_dump_json(indent=1).encode(),
        LOG: processing_log(manifest, job.spec, harvest, notes).encode(),
    }
    for name, data in files.items():
        place = version_ref(manifest.dataset_id, manifest.version, name)
        media_type = _MEDIA_TYPES[name.rpartition(".")[2]]
        blobs.put(place, data, media_type)


def _copied(
    chunk: ChunkRef,
    job: Job,
    harvest: Harvest,
    again: Mapping[str, tuple[Provenance, ...]],
    blobs: BlobStore,
) -> list[ManifestImage]:
    """Copy the kept images of one chunk into the version's own tar, nothing else of it."""
    kept = harvest.kept(chunk.round, chunk.chunk)
    if not kept:
        return []
    name = f"images/{chunk.round:03d}-{chunk.chunk:05d}.tar"
    digest = kept[0].outcome.shard
    shard = blobs.get(shard_ref(chunk.job_id, chunk.round, chunk.chunk, digest))
    images = []
    with tempfile.TemporaryFile() as tar:
        for verdict in kept:
            image = _described(verdict, again)
            data = _taken(shard, verdict, image.facts)
            offset = _append(tar, image.path.rpartition("/")[2], data)
            images.append(image.model_copy(update={"shard": name, "offset": offset}))
        tar.write(bytes(2 * tarfile.BLOCKSIZE))
        blobs.put_file(version_ref(job.dataset_id, job.version, name), tar, "application/x-tar")
    return images


def _taken(shard: bytes, verdict: Verdict, facts: ImageFacts) -> bytes:
    outcome = verdict.outcome
    data = shard[outcome.offset : outcome.offset + outcome.length]
    if hashlib.sha256(data).hexdigest() != facts.sha256:
        raise InvariantBroken(f"The image {facts.sha256} changed in storage after validation")
    return data


def _append(tar: IO[bytes], name: str, data: bytes) -> int:
    """Append a member; its header holds nothing but name and length. Return where it begins."""
    header = tarfile.TarInfo(name)
    header.size = len(data)
    tar.write(header.tobuf(tarfile.USTAR_FORMAT))
    offset = tar.tell()
    tar.write(data)
    tar.write(bytes(-len(data) % tarfile.BLOCKSIZE))
    return offset


def _described(verdict: Verdict, again: Mapping[str, tuple[Provenance, ...]]) -> ManifestImage:
    """Return the image's entry; where in storage it lies is added when it does."""
    candidate, facts = verdict.outcome.candidate, verdict.facts
    if facts is None:
        raise InvariantBroken("A kept image has no facts")
    image_id = facts.sha256[:ID_DIGITS]
    folder = f"images/{folder_name(candidate.category)}/{folder_name(candidate.keyword)}"
    finds = (*candidate.also_found, *again.get(facts.sha256, ()))
    return ManifestImage(
        id=image_id,
        path=f"{folder}/{image_id}.{facts.format.extension}",
        category=candidate.category,
        keyword=candidate.keyword,
        source_url=verdict.outcome.address,
        final_url=verdict.outcome.final_url,
        facts=facts,
        provenance=candidate.provenance,
        also_found=tuple(dict.fromkeys(find for find in finds if find != candidate.provenance)),
        shard="",
        offset=0,
        length=facts.bytes,
    )
