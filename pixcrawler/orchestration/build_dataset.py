"""The story: words become a dataset that can be downloaded."""

from __future__ import annotations

from dataclasses import dataclass

import azure.durable_functions as df

from pixcrawler.domain.job import Failure, JobStatus
from pixcrawler.orchestration.durable import (
    StepFailed,
    Story,
    chapters,
    given,
    now,
    pause,
    run,
    tell_all,
    wait_for,
)
from pixcrawler.pipeline import steps
from pixcrawler.pipeline.discovery.saturation import Sum, is_saturated
from pixcrawler.pipeline.limits import (
    ARCHIVE_PATIENCE_S,
    ARCHIVE_POLL_S,
    GROUP_CHUNKS,
    GROUPS_AT_ONCE,
    MAX_ROUNDS,
    REPACKAGE_POLLS,
    RETRY_ROUND,
)
from pixcrawler.pipeline.payloads import (
    Assembled,
    ChunkGroup,
    ChunkReport,
    Ended,
    Ending,
    JobRef,
    Order,
    PackageCheck,
    RecallRef,
    RoundRef,
    Rounds,
    Stop,
)


@chapters
def build_dataset(context: df.DurableOrchestrationContext) -> Story[Ended]:
    """Tell the whole story of a job, and record how it ended whatever happens."""
    order = given(context, Order)
    try:
        ending = yield from _collect_and_package(context, order)
    except StepFailed as error:
        ending = Ending(job_id=order.job_id, status=JobStatus.FAILED, failure=error.failure)
    return (yield from run(context, steps.FINISH, ending))


def _collect_and_package(context: df.DurableOrchestrationContext, order: Order) -> Story[Ending]:
    if order.retry_of is None:
        yield from run(context, steps.EXPAND, JobRef(job_id=order.job_id))
        gathered = yield from _gathered(context, order)
    else:
        gathered = yield from _retried(context, order, order.retry_of)
    if gathered.cancelled:
        return Ending(job_id=order.job_id, status=JobStatus.CANCELLED)
    if gathered.kept == 0:
        nothing = Failure(code="no_images", message="No image was found that could be kept.")
        return Ending(
            job_id=order.job_id,
            status=JobStatus.FAILED,
            failure=nothing,
            is_exhausted=gathered.is_exhausted,
            stop=gathered.stop,
        )

    assembled = yield from run(context, steps.ASSEMBLE, gathered.rounds)
    if assembled.cancelled:
        return Ending(job_id=order.job_id, status=JobStatus.CANCELLED)
    yield from _packaged(context, assembled)
    enough = assembled.images >= order.wanted
    status = JobStatus.SUCCEEDED if enough else JobStatus.PARTIAL
    return Ending(
        job_id=order.job_id,
        status=status,
        images=assembled.images,
        is_exhausted=gathered.is_exhausted,
        stop=gathered.stop,
    )


@dataclass(frozen=True)
class _Gathered:
    """What the rounds of a job gave."""

    rounds: Rounds
    kept: int
    is_exhausted: bool = False
    """The search ended by itself; else it was ended after its last round."""
    stop: Stop | None = None
    cancelled: bool = False


def _gathered(context: df.DurableOrchestrationContext, order: Order) -> Story[_Gathered]:
    """Discover, process and deduplicate until enough is kept or nothing is left."""
    rounds, kept, sums = Rounds(job_id=order.job_id, chunks=()), 0, list[Sum]()
    for round_no in range(MAX_ROUNDS):
        ask = RoundRef(
            job_id=order.job_id, round=round_no, wanted=order.wanted - kept, at=now(context)
        )
        found = yield from run(context, steps.DISCOVER, ask)
        report = yield from _process(context, order.job_id, round_no, found.chunks)
        if found.cancelled or report.cancelled:
            return _Gathered(rounds, kept, cancelled=True)
        rounds = Rounds(job_id=order.job_id, chunks=(*rounds.chunks, found.chunks))
        if found.chunks:
            chosen = yield from run(context, steps.DEDUPLICATE, rounds)
            kept = chosen.kept
            sums.append(Sum(chosen.candidates, kept))
        if found.exhausted or kept >= order.wanted:
            return _Gathered(rounds, kept, found.exhausted, found.stop)
        if is_saturated(sums):
            return _Gathered(rounds, kept, is_exhausted=True, stop=Stop.SATURATED)
        if found.wait_s and not found.chunks:
            # Every engine is in trouble: asked again at once, it would be so still.
            yield from pause(context, found.wait_s)
    return _Gathered(rounds, kept)


def _retried(
    context: df.DurableOrchestrationContext, order: Order, retry_of: str
) -> Story[_Gathered]:
    """Recall what an earlier job has, as round 0; what failed there is fetched as round 1."""
    ask = RecallRef(job_id=order.job_id, retry_of=retry_of, reasons=order.reasons)
    found = yield from run(context, steps.RECALL, ask)
    rounds = Rounds(job_id=order.job_id, chunks=(found.held, found.chunks), limit=found.limit)
    if found.cancelled:
        return _Gathered(rounds, 0, cancelled=True)
    report = yield from _process(context, order.job_id, RETRY_ROUND, found.chunks)
    if report.cancelled:
        return _Gathered(rounds, 0, cancelled=True)
    chosen = yield from run(context, steps.DEDUPLICATE, rounds)
    return _Gathered(rounds, chosen.kept, is_exhausted=True, stop=Stop.RETRIED)


def _process(
    context: df.DurableOrchestrationContext, job_id: str, round_no: int, chunks: int
) -> Story[ChunkReport]:
    """Download and validate a round's chunks, in groups, so that no history grows long."""
    groups = [
        ChunkGroup(
            job_id=job_id, round=round_no, first=first, count=min(GROUP_CHUNKS, chunks - first)
        )
        for first in range(0, chunks, GROUP_CHUNKS)
    ]
    reports = yield from tell_all(
        context,
        "process_chunks",
        groups,
        ChunkReport,
        at_once=GROUPS_AT_ONCE,
        until=lambda report: report.cancelled,
    )
    return ChunkReport.total(reports)


def _packaged(context: df.DurableOrchestrationContext, assembled: Assembled) -> Story[None]:
    """Wait until the blob triggers have packaged and registered the version.

    The event is a wake-up call, the registered archive is the truth: a lost event costs one
    poll, and a lost trigger is asked for again.
    """
    polls = int(ARCHIVE_PATIENCE_S / ARCHIVE_POLL_S)
    for poll in range(1, polls + 1):
        yield from wait_for(context, f"archived-{assembled.version}", ARCHIVE_POLL_S)
        check = PackageCheck(assembled=assembled, again=poll % REPACKAGE_POLLS == 0)
        state = yield from run(context, steps.FIND_ARCHIVE, check)
        if state.archive is not None:
            return
    late = f"Packaging did not end within {ARCHIVE_PATIENCE_S // 60} minutes."
    raise StepFailed(Failure(code="package_late", message=late))
