"""Files become verdicts: each is decoded, measured and held against the job's filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from threading import Semaphore

from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.image import ImageFacts
from pixcrawler.domain.storage import BlobRef, outcomes_ref, shard_ref, verdicts_ref
from pixcrawler.domain.verdict import Outcome, RejectReason, Verdict
from pixcrawler.pipeline.discovery.sift import aspect_of, size_of
from pixcrawler.pipeline.limits import COLOR_SIDE_PX, IMAGE_MAX_BYTES
from pixcrawler.pipeline.payloads import ChunkRef, ChunkReport
from pixcrawler.pipeline.pictures.colors import color_flaw
from pixcrawler.pipeline.pictures.imaging import Flaw, examine, small_copy
from pixcrawler.pipeline.pictures.members import members
from pixcrawler.pipeline.pictures.placeholders import giver_of
from pixcrawler.pipeline.ports import BlobStore, ChunkCounts, JobStore
from pixcrawler.pipeline.visits.ports import PlaceholderBook

DECODERS = 2
"""Images decoded at a time in one chunk: bounds memory; Pillow decodes beside Python's lock."""
_DETAIL_MAX_CHARS = 300


def validate(
    ref: ChunkRef, *, jobs: JobStore, blobs: BlobStore, placeholders: PlaceholderBook
) -> ChunkReport:
    """Say of every candidate of a chunk whether its image may be kept, or why not.

    The verdicts are written once: of two workers the first counts, because meanwhile another
    placeholder may be known; a repeat reads them and only records the counts again. The report
    counts the whole chunk: what could not be downloaded is rejected, too.

    Raises:
        InvariantBroken: the shard is shorter than its outcomes say.
    """
    if jobs.is_given_up(ref.job_id):
        return ChunkReport(passed=0, rejected=0, cancelled=True)
    place = verdicts_ref(ref.job_id, ref.round, ref.chunk)
    if blobs.exists(place):
        verdicts = read_verdicts(place, blobs)
    else:
        verdicts = _judged(ref, jobs.job(ref.job_id).spec.filters, blobs)
        verdicts = _without_known(verdicts, placeholders)
        lines = "".join(f"{one.model_dump_json(exclude_defaults=True)}\n" for one in verdicts)
        if not blobs.put_new(place, lines.encode(), "application/x-ndjson"):
            verdicts = read_verdicts(place, blobs)
    counts = _counts(verdicts)
    jobs.chunk_validated(ref.job_id, ref.round, ref.chunk, counts)
    return ChunkReport(passed=counts.valid, rejected=counts.rejected)


def read_verdicts(place: BlobRef, blobs: BlobStore) -> list[Verdict]:
    """Return the verdicts of a chunk, in its candidates' order."""
    return [Verdict.model_validate_json(line) for line in blobs.get(place).splitlines()]


def _judged(ref: ChunkRef, filters: Filters, blobs: BlobStore) -> list[Verdict]:
    place = outcomes_ref(ref.job_id, ref.round, ref.chunk)
    outcomes = [Outcome.model_validate_json(line) for line in blobs.get(place).splitlines()]
    digest = next((outcome.shard for outcome in outcomes if outcome.reason is None), None)
    if digest is None:
        return judge_all(outcomes, (), filters)
    shard = blobs.stream(shard_ref(ref.job_id, ref.round, ref.chunk, digest))
    return judge_all(outcomes, shard, filters)


def judge_all(
    outcomes: Sequence[Outcome], shard: Iterable[bytes], filters: Filters
) -> list[Verdict]:
    """Return the verdicts on a chunk's outcomes, in their order.

    Args:
        outcomes: of the whole chunk.
        shard: its pieces in order, read no faster than images are decoded: in memory are one
            piece and what the decoders have in hand.
        filters: of the job.
    """
    verdicts = {place: _failed(one) for place, one in enumerate(outcomes) if one.reason is not None}
    waiting = [place for place in range(len(outcomes)) if place not in verdicts]
    waiting.sort(key=lambda place: outcomes[place].offset)
    bodies = members(shard, [(outcomes[place].offset, outcomes[place].length) for place in waiting])
    free = Semaphore(DECODERS)
    judged: dict[int, Future[Verdict]] = {}
    with ThreadPoolExecutor(DECODERS) as decoders:
        free.acquire()
        for place, body in zip(waiting, bodies, strict=True):
            judged[place] = decoders.submit(judge, outcomes[place], body, filters)
            judged[place].add_done_callback(lambda _: free.release())
            del body
            free.acquire()
    verdicts |= {place: one.result() for place, one in judged.items()}
    return [verdicts[place] for place in range(len(outcomes))]


def _failed(outcome: Outcome) -> Verdict:
    return Verdict(outcome=outcome, reason=outcome.reason, detail=outcome.detail)


def judge(outcome: Outcome, data: bytes | None, filters: Filters) -> Verdict:
    """Return the verdict on the body of one outcome; None: the shard ends before."""
    if data is None:
        raise InvariantBroken(f"The shard ends inside member {outcome.name}")
    found = _too_heavy(data) or examine(data)
    if isinstance(found, ImageFacts):
        found = _filtered(found, filters)
    if isinstance(found, ImageFacts):
        found = _as_asked(found, data, filters)
    if isinstance(found, Flaw):
        return Verdict(outcome=outcome, reason=found.reason, detail=found.detail)
    return Verdict(outcome=outcome, facts=found)


def _too_heavy(data: bytes) -> Flaw | None:
    if len(data) <= IMAGE_MAX_BYTES:
        return None
    detail = f"{len(data)} bytes are more than {IMAGE_MAX_BYTES}"
    return Flaw(RejectReason.TOO_LARGE, detail)


def _filtered(facts: ImageFacts, filters: Filters) -> ImageFacts | Flaw:
    if facts.format not in filters.formats:
        return Flaw(RejectReason.UNSUPPORTED_FORMAT, f"{facts.format} is not asked for")
    # Before the size: a banner is refused as one, although it is low as well.
    longer, shorter = max(facts.width, facts.height), min(facts.width, facts.height)
    if longer > filters.max_aspect_ratio * shorter:
        detail = f"{facts.width} x {facts.height} is longer than {filters.max_aspect_ratio:g} : 1"
        return Flaw(RejectReason.ASPECT, detail)
    if facts.width < filters.min_width or facts.height < filters.min_height:
        least = f"{filters.min_width} x {filters.min_height}"
        detail = f"{facts.width} x {facts.height} is less than {least}"
        return Flaw(RejectReason.TOO_SMALL, detail)
    return facts


def _as_asked(facts: ImageFacts, data: bytes, filters: Filters) -> ImageFacts | Flaw:
    """What engines were asked for is looked at again; pixels only when a colour is wished."""
    size, aspect = size_of(facts.width, facts.height), aspect_of(facts.width, facts.height)
    if filters.size not in ("any", size):
        detail = f"{facts.width} x {facts.height} is {size}, not {filters.size}"
        return Flaw(RejectReason.FILTER_MISMATCH, detail)
    if filters.aspect not in ("any", aspect):
        detail = f"{facts.width} x {facts.height} is {aspect}, not {filters.aspect}"
        return Flaw(RejectReason.FILTER_MISMATCH, detail)
    if filters.color == "any":
        return facts
    small = small_copy(data, COLOR_SIDE_PX)
    if isinstance(small, Flaw):
        return small
    lack = color_flaw(small, filters.color)
    return Flaw(RejectReason.FILTER_MISMATCH, lack) if lack else facts


def _without_known(verdicts: list[Verdict], placeholders: PlaceholderBook) -> list[Verdict]:
    """Refuse what its host is known to give instead of pictures; uploads have no host."""
    pairs = [
        (giver_of(one.outcome) or "", one.facts.sha256) if one.facts else ("", "")
        for one in verdicts
    ]
    since = placeholders.known(sorted({pair for pair in pairs if pair[0]}))
    return [
        _known(one.outcome, pair[0], since[pair]) if pair in since else one
        for one, pair in zip(verdicts, pairs, strict=True)
    ]


def _known(outcome: Outcome, host: str, since: datetime) -> Verdict:
    detail = f"known since {since:%Y-%m-%d} at {host}"[:_DETAIL_MAX_CHARS]
    return Verdict(outcome=outcome, reason=RejectReason.PLACEHOLDER, detail=detail)


def _counts(verdicts: list[Verdict]) -> ChunkCounts:
    reasons = Counter(verdict.reason for verdict in verdicts if verdict.reason is not None)
    return ChunkCounts(
        downloaded=sum(1 for verdict in verdicts if verdict.outcome.reason is None),
        valid=len(verdicts) - reasons.total(),
        rejected=reasons.total(),
        bytes=sum(verdict.outcome.length for verdict in verdicts),
        reasons=dict(reasons),
    )
