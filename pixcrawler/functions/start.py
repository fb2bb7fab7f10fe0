"""Starts the story of a job; the one place that knows the orchestration's name and instance id."""

from __future__ import annotations

import azure.durable_functions as df

from pixcrawler.pipeline.payloads import Order

_ALIVE = {
    df.OrchestrationRuntimeStatus.Running,
    df.OrchestrationRuntimeStatus.Pending,
    df.OrchestrationRuntimeStatus.Suspended,
}


async def start_story(client: df.DurableOrchestrationClient, order: Order) -> None:
    """Start the story of a job unless it was ever started; safe to repeat.

    The instance id is the job id, and the Python client would replace an instance of that id
    without a word: so look first.
    """
    if await story_status(client, order.job_id) is None:
        # Without what most jobs lack: workers of the version before read it, too.
        given = order.model_dump(mode="json", exclude_defaults=True)
        await client.start_new("build_dataset", order.job_id, given)


async def story_status(
    client: df.DurableOrchestrationClient, job_id: str
) -> df.OrchestrationRuntimeStatus | None:
    """Return the runtime status of a job's story, or None when it was never started."""
    found = await client.get_status(job_id)
    return found.runtime_status if found else None


async def is_alive(client: df.DurableOrchestrationClient, job_id: str) -> bool:
    """Say whether the job's story still goes on."""
    return await story_status(client, job_id) in _ALIVE
