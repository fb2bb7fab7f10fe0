"""Kept images become a dataset version: shards, labels, receipts, log, ledger and manifest."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, NamedTuple

from pixcrawler.domain.dataset import Manifest, ManifestImage, ReceiptRoot
from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.domain.job import Job
from pixcrawler.domain.keyword import folder_name
from pixcrawler.domain.note import Note
from pixcrawler.domain.receipt import RECEIPTS
from pixcrawler.domain.source import Provenance
from pixcrawler.domain.storage import BlobRef, shard_ref, version_ref
from pixcrawler.domain.verdict import Verdict
from pixcrawler.pipeline.deduplicate import ID_DIGITS
from pixcrawler.pipeline.harvest import Harvest, read_harvest, statistics_of
from pixcrawler.pipeline.papers.hosts import HOSTS, HostLoad, host_loads, hosts_csv
from pixcrawler.pipeline.papers.labels import label_files
from pixcrawler.pipeline.papers.processing_log import processing_log
from pixcrawler.pipeline.papers.receipts import MerkleTree, line_of, receipt_of
from pixcrawler.pipeline.payloads import Assembled, ChunkRef, Rounds
from pixcrawler.pipeline.pictures.members import members
from pixcrawler.pipeline.ports import BlobStore, Clock, DatasetStore, JobStore

MANIFEST = "manifest.json"
STATISTICS = "statistics.json"
LOG = "metadata/processing_log.txt"
INDEX = "index.jsonl"
LEDGER = "ledger.jsonl"
"""What became of each candidate of the job: one Verdict a line. In storage only, for ``retry``."""
_MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "txt": "text/plain; charset=utf-8",
    "yaml": "application/yaml",
}


class _Kept(NamedTuple):
    """An image of the version, and the verdict that let it in."""

    image: ManifestImage
    verdict: Verdict


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
    kept = [one for chunk in ref.refs() for one in _copied(chunk, job, harvest, again, blobs)]
    kept.sort(key=lambda one: one.image.path)
    images = tuple(one.image for one in kept)
    loads = host_loads(harvest)
    counts = statistics_of(harvest, images, job.spec.max_images)
    manifest = Manifest(
        name=job.spec.name,
        dataset_id=job.dataset_id,
        version=job.version,
        job_id=job.id,
        created_at=clock(),
        spec=job.spec.model_dump(mode="json"),
        engines=jobs.engines(job.id),
        statistics=counts.model_copy(update={"hosts": len(loads)}),
        receipts=_write_receipts(kept, job, blobs),
        images=images,
    )
    _write_ledger(harvest, job, blobs)
    _write_texts(manifest, job, _Report(harvest, loads, jobs.notes(job.id)), blobs)
    datasets.version_assembled(job.dataset_id, job.version, counts.images, counts.bytes, place)
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


def _write_receipts(kept: Iterable[_Kept], job: Job, blobs: BlobStore) -> ReceiptRoot:
    tree = MerkleTree()
    with tempfile.TemporaryFile() as file:
        for image, verdict in kept:
            line = line_of(receipt_of(image, verdict, job.spec))
            tree.add(line)
            file.write(line + b"\n")
        _put_lines(RECEIPTS, file, job, blobs)
    return ReceiptRoot(file=RECEIPTS, count=tree.leaves, root=tree.root)


def _write_ledger(harvest: Harvest, job: Job, blobs: BlobStore) -> None:
    with tempfile.TemporaryFile() as file:
        for _, verdict in harvest.all():
            file.write(f"{verdict.model_dump_json(exclude_defaults=True)}\n".encode())
        _put_lines(LEDGER, file, job, blobs)


def _put_lines(name: str, file: IO[bytes], job: Job, blobs: BlobStore) -> None:
    blobs.put_file(version_ref(job.dataset_id, job.version, name), file, _MEDIA_TYPES["jsonl"])


class _Report(NamedTuple):
    """What the papers tell beside the manifest."""

    harvest: Harvest
    loads: Sequence[HostLoad]
    notes: Sequence[Note]


def _write_texts(manifest: Manifest, job: Job, report: _Report, blobs: BlobStore) -> None:
    index = "".join(
        f"{image.model_dump_json(include={'id', 'path', 'shard', 'offset', 'length'})}\n"
        for image in manifest.images
    )
    log = processing_log(manifest, job.spec, report.harvest, report.loads, report.notes)
    files = {
        **label_files(manifest.images),
        INDEX: index.encode(),
        STATISTICS: manifest.statistics.model_dump_json(indent=1).encode(),
        LOG: log.encode(),
        HOSTS: hosts_csv(report.loads),
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
) -> list[_Kept]:
    """Copy the kept images of one chunk into the version's own tar, nothing else of it.

    The chunk's shard may be large: it streams by, and the images are taken as they lie in it.
    """
    kept = sorted(harvest.kept(chunk.round, chunk.chunk), key=lambda one: one.outcome.offset)
    if not kept:
        return []
    name = f"images/{chunk.round:03d}-{chunk.chunk:05d}.tar"
    digest = kept[0].outcome.shard
    shard = blobs.stream(shard_ref(chunk.job_id, chunk.round, chunk.chunk, digest))
    places = [(verdict.outcome.offset, verdict.outcome.length) for verdict in kept]
    copied = []
    with tempfile.TemporaryFile() as tar:
        for verdict, data in zip(kept, members(shard, places), strict=True):
            image = _described(verdict, again)
            if data is None or hashlib.sha256(data).hexdigest() != image.facts.sha256:
                told = f"The image {image.facts.sha256} changed in storage after validation"
                raise InvariantBroken(told)
            offset = _append(tar, image.path.rpartition("/")[2], data)
            stored = image.model_copy(update={"shard": name, "offset": offset})
            copied.append(_Kept(stored, verdict))
        tar.write(bytes(2 * tarfile.BLOCKSIZE))
        blobs.put_file(version_ref(job.dataset_id, job.version, name), tar, "application/x-tar")
    return copied


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
