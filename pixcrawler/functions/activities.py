"""One Durable activity per step: decode, do, encode; the door where a step's errors end."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

import azure.durable_functions as df

from pixcrawler.bootstrap import World, world
from pixcrawler.domain.errors import PixCrawlerError, Transient
from pixcrawler.domain.job import Failure, Stage
from pixcrawler.domain.model import Value
from pixcrawler.functions.wire import Wire
from pixcrawler.orchestration.durable import done, failed
from pixcrawler.pipeline import payloads as p
from pixcrawler.pipeline import steps
from pixcrawler.pipeline.assemble import assemble
from pixcrawler.pipeline.deduplicate import deduplicate
from pixcrawler.pipeline.discover import discover
from pixcrawler.pipeline.download import download
from pixcrawler.pipeline.expand import expand
from pixcrawler.pipeline.finish import finish
from pixcrawler.pipeline.limits import RETRY_ROUND
from pixcrawler.pipeline.recall import recall
from pixcrawler.pipeline.register import find_archive
from pixcrawler.pipeline.steps import Step
from pixcrawler.pipeline.validate import validate

In = TypeVar("In", bound=Value)
Out = TypeVar("Out", bound=Value)

log = logging.getLogger("pixcrawler.steps")
blueprint = df.Blueprint()


def activity(step: Step[In, Out], do: Callable[[World, In], Out]) -> None:
    """Register ``do`` as the activity that performs ``step``."""

    def perform(given: Wire) -> Wire:
        return performed(step, do, given)

    perform.__name__ = step.name
    blueprint.function_name(step.name)(blueprint.activity_trigger(input_name="given")(perform))


def performed(step: Step[In, Out], do: Callable[[World, In], Out], given: Wire) -> Wire:
    """Perform ``step`` and wrap what it gives; an error becomes a wrapped failure.

    Transient errors are tried again, the wait doubling with jitter; after the last attempt the
    story waits longer. The one canonical log line of each step is written here.
    """
    started = time.monotonic()
    attempt = 0
    while True:
        attempt += 1
        try:
            answer = done(do(world(), step.takes.model_validate(given)))
        except Transient as error:
            if attempt < step.attempts:
                wait_s = step.first_retry_s * 2 ** (attempt - 1)
                time.sleep(wait_s * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, no secret
                continue
            answer = _failure(error, may_heal=True)
        except PixCrawlerError as error:
            answer = _failure(error)
        except Exception:
            log.exception("step.broke", extra={"step": step.name})
            answer = failed(Failure(code="internal", message=f"The step {step.name} broke."))
        _report(step.name, given, answer, attempt, time.monotonic() - started)
        return answer


def _failure(error: PixCrawlerError, *, may_heal: bool = False) -> Wire:
    failure = Failure(code=error.code, message=str(error)[:2000] or error.code)
    return failed(failure, may_heal=may_heal)


def _report(step: str, given: Wire, answer: Wire, attempt: int, seconds: float) -> None:
    named = {key: given[key] for key in ("job_id", "round", "chunk") if key in given}
    counts = answer.get("done", {})
    plain = {k: v for k, v in counts.items() if isinstance(v, int | bool)}
    log.info(
        "step.ended step=%s %s ok=%s ms=%d attempt=%d",
        step,
        " ".join(f"{key}={value}" for key, value in {**named, **plain}.items()),
        "done" in answer,
        seconds * 1000,
        attempt,
    )


def _expand(w: World, ref: p.JobRef) -> p.Expanded:
    w.jobs.set_stage(ref.job_id, Stage.EXPANDING)
    return expand(ref, jobs=w.jobs, blobs=w.blobs, words=w.words)


def _discover(w: World, ref: p.RoundRef) -> p.Discovered:
    w.jobs.set_stage(ref.job_id, Stage.DISCOVERING, ref.round)
    engines = w.engines_of(w.jobs.job(ref.job_id).user_id)
    found = discover(ref, jobs=w.jobs, blobs=w.blobs, engines=engines)
    w.jobs.set_stage(ref.job_id, Stage.DOWNLOADING, ref.round)
    return found


def _recall(w: World, ref: p.RecallRef) -> p.Recalled:
    w.jobs.set_stage(ref.job_id, Stage.DISCOVERING)
    found = recall(ref, jobs=w.jobs, blobs=w.blobs)
    w.jobs.set_stage(ref.job_id, Stage.DOWNLOADING, RETRY_ROUND)
    return found


def _download(w: World, ref: p.ChunkRef) -> p.ChunkReport:
    job = w.jobs.job(ref.job_id)
    fetcher = w.fetcher_of(job.user_id, job.spec.purpose)
    return download(ref, jobs=w.jobs, blobs=w.blobs, fetcher=fetcher)


def _validate(w: World, ref: p.ChunkRef) -> p.ChunkReport:
    return validate(ref, jobs=w.jobs, blobs=w.blobs, placeholders=w.placeholders)


def _deduplicate(w: World, ref: p.Rounds) -> p.Deduplicated:
    w.jobs.set_stage(ref.job_id, Stage.DEDUPLICATING, len(ref.chunks) - 1)
    return deduplicate(ref, jobs=w.jobs, blobs=w.blobs, placeholders=w.placeholders)


def _assemble(w: World, ref: p.Rounds) -> p.Assembled:
    w.jobs.set_stage(ref.job_id, Stage.ASSEMBLING, len(ref.chunks) - 1)
    return assemble(ref, jobs=w.jobs, datasets=w.datasets, blobs=w.blobs, clock=w.clock)


activity(steps.EXPAND, _expand)
activity(steps.DISCOVER, _discover)
activity(steps.RECALL, _recall)
activity(steps.DOWNLOAD, _download)
activity(steps.VALIDATE, _validate)
activity(steps.DEDUPLICATE, _deduplicate)
activity(steps.ASSEMBLE, _assemble)
activity(
    steps.FIND_ARCHIVE,
    lambda w, check: find_archive(check, blobs=w.blobs, datasets=w.datasets),
)
activity(steps.FINISH, lambda w, ending: finish(ending, jobs=w.jobs))
