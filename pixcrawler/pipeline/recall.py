"""Retries begin here: what an ended job has becomes round 0, what failed in it round 1."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from pixcrawler.domain.dataset import ManifestImage
from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.domain.job import MAX_IMAGES, Job
from pixcrawler.domain.source import Candidate
from pixcrawler.domain.storage import (
    BlobRef,
    candidates_ref,
    outcomes_ref,
    recall_ref,
    shard_ref,
    verdicts_ref,
    version_ref,
)
from pixcrawler.domain.verdict import FETCH_REASONS, Outcome, RejectReason, Verdict
from pixcrawler.pipeline.hindsight import Sources, images_of, name_of, sources_of, verdicts_of
from pixcrawler.pipeline.limits import CHUNK_IMAGES, RETRY_ROUND
from pixcrawler.pipeline.payloads import ChunkRef, Recalled, RecallRef
from pixcrawler.pipeline.ports import BlobStore, ChunkCounts, JobStore

HELD_ROUND = 0
_DIGEST_DIGITS = 16
_JSON_LINES = "application/x-ndjson"


def recall(ref: RecallRef, *, jobs: JobStore, blobs: BlobStore) -> Recalled:
    """Bring what an ended job has into a new one, and cut into chunks what failed in it.

    Round 0 holds the images of the job's version, judged already and with their bytes; of a job
    without a version, everything that it found valid. In its last chunks are the failures that
    are not asked for: a later retry finds them there. Round 1 are the candidates to fetch again,
    and after them those whose bytes came when the job broke off, before anybody looked at them.

    Safe to repeat, also by two workers at once: the first list of sources counts, what they say
    does not change, and everything else follows from it. Of the bytes, one piece is in memory.

    Raises:
        NotFound: what the job says of its candidates is gone.
        InvariantBroken: its version has an image that its ledger does not know.
    """
    done = recall_ref(ref.job_id, "recalled.json")
    if blobs.exists(done):
        return Recalled.model_validate_json(blobs.get(done))
    if jobs.is_given_up(ref.job_id):
        return _CANCELLED
    base = jobs.job(ref.retry_of)
    memory = _remembered(ref, base, _sources(ref, base, blobs), blobs)
    try:
        held = _write_held(memory, ref.job_id, jobs=jobs, blobs=blobs)
        sizes = _write_open(memory, ref.job_id, jobs=jobs, blobs=blobs)
    except _GivenUp:
        return _CANCELLED
    recalled = Recalled(
        held=held,
        chunks=len(sizes),
        candidates=sum(sizes),
        limit=memory.limit(jobs.job(ref.job_id).spec.max_images),
    )
    blobs.put(done, recalled.model_dump_json().encode(), "application/json")
    return recalled


class _GivenUp(Exception):
    """Nobody waits for the job any more."""


_CANCELLED = Recalled(held=0, chunks=0, candidates=0, cancelled=True)


def _sources(ref: RecallRef, base: Job, blobs: BlobStore) -> Sources:
    """Return the sources: the first time as they are now, then always the same ones."""
    place = recall_ref(ref.job_id, "sources.json")
    if not blobs.exists(place):
        blobs.put_new(place, sources_of(base, blobs).model_dump_json().encode())
    return Sources.model_validate_json(blobs.get(place))


# ------------------------------------------------------------------ what is remembered


@dataclass
class _Part:
    """A chunk: verdicts or outcomes as lines, and the tar in which their images lie."""

    shard: BlobRef | None = None
    lines: list[bytes] = field(default_factory=list)
    reasons: Counter[RejectReason] = field(default_factory=Counter)

    @property
    def counts(self) -> ChunkCounts:
        """Of the chunk; no bytes, for this job downloads none of it."""
        valid = len(self.lines) - self.reasons.total()
        rejected = self.reasons.total()
        return ChunkCounts(valid, valid, rejected, 0, dict(self.reasons))


@dataclass
class _Memory:
    """What a job has and lacks, as lines: objects would take ten times the memory."""

    room: int
    """Candidates that may be fetched again, so that all that come can be held."""
    kept: int = 0
    """Images of its version."""
    held: dict[str, _Part] = field(default_factory=dict)
    """By the name of the tar."""
    left: list[tuple[RejectReason, bytes]] = field(default_factory=list)
    again: list[bytes] = field(default_factory=list)
    unseen: dict[str, _Part] = field(default_factory=dict)
    """What came and was not looked at, by the name of the tar."""

    def parts(self) -> list[_Part]:
        """Return the chunks of round 0, those with images first."""
        starts = range(0, len(self.left), CHUNK_IMAGES)
        failures = [self.left[start : start + CHUNK_IMAGES] for start in starts]
        return [
            *self.held.values(),
            *(
                _Part(None, [line for _, line in part], Counter(reason for reason, _ in part))
                for part in failures
            ),
        ]

    def limit(self, wanted: int) -> int:
        """Return how many images the version may hold; no image of the last one is crowded out."""
        return max(wanted, self.kept + len(self.again)) if self.kept else wanted

    def hold(self, shard: BlobRef, verdict: Verdict) -> None:
        """Take an image whose bytes lie in ``shard``."""
        outcome = verdict.outcome.model_copy(update={"shard": _digest(shard)})
        part = self.held.setdefault(shard.name, _Part(shard))
        part.lines.append(_line(verdict.model_copy(update={"outcome": outcome})))

    def keep_unseen(self, shard: BlobRef, outcome: Outcome) -> None:
        """Take a picture whose bytes lie in ``shard``, and that nobody looked at."""
        part = self.unseen.setdefault(shard.name, _Part(shard))
        part.lines.append(_line(outcome.model_copy(update={"shard": _digest(shard)})))

    def miss(self, verdict: Verdict, reason: RejectReason, *, is_wanted: bool) -> None:
        """Take a candidate that failed while it was fetched."""
        if is_wanted and len(self.again) < self.room:
            self.again.append(_line(verdict.outcome.candidate))
        else:
            self.left.append((reason, _line(verdict)))


def _remembered(ref: RecallRef, base: Job, sources: Sources, blobs: BlobStore) -> _Memory:
    images = images_of(base, blobs) if sources.has_version else {}
    memory = _Memory(room=max(0, MAX_IMAGES - len(images)), kept=len(images))
    for verdict, shard in verdicts_of(base, sources, blobs):
        reason = verdict.reason
        if reason in FETCH_REASONS:
            memory.miss(verdict, reason, is_wanted=reason in ref.reasons)
        elif verdict.facts is None:
            if reason is None:
                memory.keep_unseen(shard, verdict.outcome)
        elif not sources.has_version:
            memory.hold(shard, verdict)
        else:
            image = images.pop(name_of(verdict), None)
            if image is not None:
                place = version_ref(base.dataset_id, base.version, image.shard)
                memory.hold(place, _as_kept(verdict, image))
    if images:
        raise InvariantBroken(f"{len(images)} images of the version are not in its ledger")
    return memory


def _as_kept(verdict: Verdict, image: ManifestImage) -> Verdict:
    """The verdict on an image of a version: where its bytes lie now, and where else it was found.

    Copies that were left out tell no more where they were found; the manifest does.
    """
    outcome = verdict.outcome
    finds = dict.fromkeys((*outcome.candidate.also_found, *image.also_found))
    candidate = outcome.candidate.model_copy(update={"also_found": tuple(finds)})
    where = {
        "candidate": candidate,
        "name": image.path.rpartition("/")[2],
        "offset": image.offset,
        "length": image.length,
    }
    return verdict.model_copy(update={"outcome": outcome.model_copy(update=where)})


# ------------------------------------------------------------------ what is written


def _write_held(memory: _Memory, job_id: str, *, jobs: JobStore, blobs: BlobStore) -> int:
    """Write round 0, which is judged; return how many chunks it has."""
    parts = memory.parts()
    jobs.add_chunks(job_id, HELD_ROUND, [len(part.lines) for part in parts])
    for chunk, part in enumerate(parts):
        _check_wanted(job_id, jobs)
        at = ChunkRef(job_id=job_id, round=HELD_ROUND, chunk=chunk)
        _copy(part, at, verdicts_ref(job_id, HELD_ROUND, chunk), blobs)
        jobs.chunk_validated(job_id, HELD_ROUND, chunk, part.counts)
    return len(parts)


def _write_open(memory: _Memory, job_id: str, *, jobs: JobStore, blobs: BlobStore) -> list[int]:
    """Write round 1, which is still to be judged; return how many candidates each chunk has.

    With its outcomes written, a chunk counts as downloaded: nothing of it is fetched again.
    """
    cut = list(_in_chunks(memory.again))
    for chunk, lines in enumerate(cut):
        blobs.put(candidates_ref(job_id, RETRY_ROUND, chunk), b"".join(lines), _JSON_LINES)
    for chunk, part in enumerate(memory.unseen.values(), len(cut)):
        _check_wanted(job_id, jobs)
        at = ChunkRef(job_id=job_id, round=RETRY_ROUND, chunk=chunk)
        _copy(part, at, outcomes_ref(job_id, RETRY_ROUND, chunk), blobs)
    sizes = [len(lines) for lines in (*cut, *(part.lines for part in memory.unseen.values()))]
    jobs.add_chunks(job_id, RETRY_ROUND, sizes)
    return sizes


def _check_wanted(job_id: str, jobs: JobStore) -> None:
    if jobs.is_given_up(job_id):
        raise _GivenUp


def _copy(part: _Part, at: ChunkRef, place: BlobRef, blobs: BlobStore) -> None:
    """Write a chunk: its images, and last the lines that say where they lie."""
    if blobs.exists(place):
        return
    if part.shard is not None:
        with tempfile.TemporaryFile() as file:
            for piece in blobs.stream(part.shard):
                file.write(piece)
            shard = shard_ref(at.job_id, at.round, at.chunk, _digest(part.shard))
            blobs.put_file(shard, file, "application/x-tar")
    blobs.put(place, b"".join(part.lines), _JSON_LINES)


def _in_chunks(lines: list[bytes]) -> Iterator[list[bytes]]:
    for start in range(0, len(lines), CHUNK_IMAGES):
        yield lines[start : start + CHUNK_IMAGES]


def _digest(shard: BlobRef) -> str:
    """Return what stands for a shard's content in names: it was written once, under one name."""
    name = f"{shard.container}/{shard.name}"
    return hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_DIGITS]


def _line(value: Candidate | Outcome | Verdict) -> bytes:
    return f"{value.model_dump_json(exclude_defaults=True)}\n".encode()
