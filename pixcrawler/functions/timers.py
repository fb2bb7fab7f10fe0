"""On a timer: sweep what is old, start and end jobs that are stuck."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import azure.durable_functions as df
import azure.functions as func

from pixcrawler.bootstrap import world
from pixcrawler.domain.job import Failure, JobStatus
from pixcrawler.functions.start import is_alive, start_story, story_status
from pixcrawler.pipeline.finish import finish
from pixcrawler.pipeline.limits import UPLOAD_SWEPT_DAYS
from pixcrawler.pipeline.payloads import Ending, Order
from pixcrawler.pipeline.retain import sweep, sweep_uploads

log = logging.getLogger("pixcrawler.timers")
blueprint = df.Blueprint()

UNSTARTED_AFTER = timedelta(seconds=30)
"""A story starts right after its job's row is written; later means that somebody died between."""

_LOST = Failure(code="story_lost", message="The job stopped without an end. Start it again.")


@blueprint.function_name("sweep_work")
@blueprint.timer_trigger(arg_name="timer", schedule="0 7 * * * *")
def sweep_work(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding needs it
    """Remove the working files of ended jobs, and uploads, estimates and hosts that are old."""
    w = world()
    before = w.clock() - timedelta(hours=w.settings.work_grace_h)
    swept = sweep(before, keeper=w.keeper, blobs=w.blobs)
    uploads = sweep_uploads(w.clock() - timedelta(days=UPLOAD_SWEPT_DAYS), blobs=w.blobs)
    told = (swept.jobs, swept.blobs, uploads, w.estimates.sweep(), w.hosts.sweep())
    log.info("work.swept jobs=%d blobs=%d uploads=%d estimates=%d hosts=%d", *told)


@blueprint.function_name("find_stuck")
@blueprint.timer_trigger(arg_name="timer", schedule="*/30 * * * * *")
@blueprint.durable_client_input(client_name="client")
async def find_stuck(
    timer: func.TimerRequest,  # noqa: ARG001 - the binding needs it
    client: df.DurableOrchestrationClient,
) -> None:
    """Start the stories that nobody started; end the jobs whose story is gone."""
    for order in await asyncio.to_thread(_waiting):
        await _examine(client, order)


async def _examine(client: df.DurableOrchestrationClient, order: Order) -> None:
    if await story_status(client, order.job_id) is None:
        log.warning("job.unstarted job_id=%s", order.job_id)
        await start_story(client, order)
    elif not await is_alive(client, order.job_id):
        log.error("job.lost job_id=%s", order.job_id)
        await asyncio.to_thread(_end_lost, order.job_id)
    else:
        log.warning("job.silent job_id=%s", order.job_id)


def _waiting() -> list[Order]:
    """Jobs whose story has not begun although it should have, and those that fell silent."""
    w = world()
    unstarted = w.keeper.unstarted(w.clock() - UNSTARTED_AFTER)
    stuck_after = timedelta(minutes=w.settings.stuck_after_min)
    return [*unstarted, *w.keeper.silent(w.clock() - stuck_after)]


def _end_lost(job_id: str) -> None:
    ending = Ending(job_id=job_id, status=JobStatus.FAILED, failure=_LOST)
    finish(ending, jobs=world().jobs)
