"""HTTP: what would a job give and cost?"""

from __future__ import annotations

import azure.durable_functions as df

from pixcrawler.bootstrap import world
from pixcrawler.functions.guard import Access, Call, operation
from pixcrawler.functions.http_jobs import order_of
from pixcrawler.functions.wire import Answer
from pixcrawler.pipeline.estimate import estimated
from pixcrawler.pipeline.expand import queries_of
from pixcrawler.pipeline.outlook.experience import PAST_JOBS
from pixcrawler.pipeline.outlook.sampling import sampled

blueprint = df.Blueprint()


@operation(blueprint, "POST", "v1/jobs/estimate", Access.CHANGE)
def estimate_job(call: Call) -> Answer:
    """Ask the engines for a few first pages and answer what the job would give and cost.

    Nothing is started or charged. The estimate is kept for a day: a job that is created from the
    same job file is shown beside it. It is counted before any engine is asked.
    """
    w = world()
    spec, notes = order_of(call)
    estimate_id = w.estimates.begin(call.principal, spec)
    queries = queries_of(spec)
    samples = sampled(spec, queries, w.engines_of(call.principal.user_id))
    estimate = estimated(spec, queries, samples, w.estimates.recent(PAST_JOBS), w.clock())
    estimate = estimate.model_copy(update={"notes": notes})
    w.estimates.put(estimate_id, estimate)
    return Answer(estimate)
