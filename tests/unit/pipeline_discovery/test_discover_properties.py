"""Discovery over any engines: nothing twice, nothing over budget, the same again after a kill."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.adapters.memory.jobs import MemoryJobs
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.job import Job, JobStatus
from pixcrawler.domain.jobfile import parse_job
from pixcrawler.domain.source import Candidate
from pixcrawler.domain.storage import candidates_ref, discovery_ref
from pixcrawler.pipeline.discover import discover
from pixcrawler.pipeline.engines.ports import Page
from pixcrawler.pipeline.expand import expand
from pixcrawler.pipeline.limits import MAX_ROUNDS
from pixcrawler.pipeline.payloads import JobRef, RoundRef
from tests.unit.pipeline_discovery.engines import Catalogue

JOB = "job-1"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
WORDS = ("owl", "kite")
TROUBLES = (
    Page(EngineStatus.FAILED, detail="away"),
    Page(EngineStatus.CHANGED, detail="unknown"),
    Page(EngineStatus.BLOCKED, kind=BlockKind.CAPTCHA, retry_after_s=3600),
    Page(EngineStatus.BLOCKED, kind=BlockKind.THROTTLED, retry_after_s=10),
    Page(EngineStatus.BLOCKED, kind=BlockKind.QUOTA, retry_after_s=86_400, requests=0),
    Page(EngineStatus.BLOCKED, kind=BlockKind.SWITCHED_OFF, requests=0),
)
ENGINES = st.lists(
    st.fixed_dictionaries(
        {
            "sizes": st.tuples(st.integers(0, 150), st.integers(0, 150)),
            "page_size": st.sampled_from((1, 7, 20, 100)),
            "offset": st.integers(0, 60),
            "index": st.sampled_from(("", "bing", "bing")),
            "cap": st.sampled_from((None, 40)),
            "troubles": st.dictionaries(st.integers(1, 12), st.sampled_from(TROUBLES), max_size=3),
        }
    ),
    min_size=1,
    max_size=4,
)
BUDGETS = st.fixed_dictionaries(
    {},
    optional={"max_requests": st.integers(1, 40), "max_candidates": st.integers(1, 300)},
)


class Killed(BaseException):
    """The worker is gone."""


class Fragile(MemoryBlobs):
    """A store whose ``kill_at``-th write kills the worker, before or after it is done."""

    def __init__(self, kill_at=0, *, is_written=False):
        super().__init__()
        self.kill_at, self.is_written, self.writes = kill_at, is_written, 0

    def put(self, *given):
        """Write, or die."""
        return self._written(super().put, *given)

    def put_new(self, *given):
        """Write, or die."""
        return self._written(super().put_new, *given)

    def _written(self, write, *given):
        self.writes += 1
        if self.writes != self.kill_at:
            return write(*given)
        if self.is_written:
            write(*given)
        raise Killed


def engines_of(shapes):
    """Fresh engines: what they answer depends on nothing but the number of the request."""
    made = {}
    for number, shape in enumerate(shapes):
        name = f"e{number}"
        made[name] = Catalogue(
            name,
            dict(zip(WORDS, shape["sizes"], strict=True)),
            page_size=shape["page_size"],
            name_of=lambda text, n, offset=shape["offset"]: f"{text}/{n + offset}",
            troubles=shape["troubles"],
            index=shape["index"],
            max_results=shape["cap"],
            filters={"size": "searched"},
            shards=("size",),
        )
    return made


def told(shapes, budget, wanted, blobs):
    """Every round to the end: the reports, the candidates and the last answer."""
    jobs, engines = MemoryJobs(), engines_of(shapes)
    spec = parse_job(
        {
            "name": "any",
            "keywords": list(WORDS),
            "engines": list(engines),
            "expand": {"mode": "off"},
            "budget": budget,
        }
    )
    running = {"user_id": "u", "dataset_id": "d", "version": 1, "status": JobStatus.RUNNING}
    jobs.add(Job(id=JOB, spec=spec, **running))
    again(lambda: expand(JobRef(job_id=JOB), jobs=jobs, blobs=blobs))
    found = []
    for round_no in range(MAX_ROUNDS):
        ref = RoundRef(job_id=JOB, round=round_no, wanted=wanted, at=NOW)
        asked = {name: len(engine.asked) for name, engine in engines.items()}

        def step(ref=ref, asked=asked):
            for name, engine in engines.items():
                del engine.asked[asked[name] :]
            return discover(ref, jobs=jobs, blobs=blobs, engines=engines)

        answer = again(step)
        found.append(candidates(blobs, round_no, answer.chunks))
        if answer.exhausted:
            break
    return jobs, engines, found, answer


def again(step):
    """Do it, and once more when the worker was killed."""
    try:
        return step()
    except Killed:
        return step()


def candidates(blobs, round_no, chunks):
    """The round's candidates."""
    return [
        Candidate.model_validate_json(line)
        for chunk in range(chunks)
        for line in blobs.get(candidates_ref(JOB, round_no, chunk)).splitlines()
    ]


def everything(blobs):
    """Every byte that was written, by name."""
    ref = discovery_ref(JOB, 0)
    names = list(blobs.names(ref.container, ""))
    return {name: blobs.get(ref.model_copy(update={"name": name})) for name in names}


@settings(
    derandomize=True,
    deadline=None,
    max_examples=120,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(ENGINES, BUDGETS, st.sampled_from((1, 30, 100)))
def test_promises_of_every_search(shapes, budget, wanted):
    """Each picture once, ranks without gaps, budgets kept, an end with its reason, true counts."""
    jobs, engines, found, answer = told(shapes, budget, wanted, MemoryBlobs())
    listed = list(chain.from_iterable(found))
    keys = [one.key for one in listed]
    assert len(keys) == len(set(keys))
    assert [one.rank for one in listed] == list(range(len(listed)))
    assert len(listed) <= budget.get("max_candidates", len(listed))
    reports = {report.engine: report for report in jobs.engines(JOB)}
    assert sum(report.requests for report in reports.values()) <= budget.get("max_requests", 10**9)
    assert answer.exhausted is (answer.stop is not None)
    for name, engine in engines.items():
        report = reports[name]
        assert report.requests <= len(engine.asked)
        assert (report.stands_by_for is None) or not engine.asked
        gave = [
            one for one in listed if name in {p.engine for p in (one.provenance, *one.also_found)}
        ]
        assert report.candidates == len(gave)


@settings(
    derandomize=True,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(ENGINES, BUDGETS, st.integers(1, 30), st.booleans())
def test_a_kill_at_any_write_changes_no_byte(shapes, budget, kill_at, is_written):
    """Killed before or after a write and repeated, the same answers give the same bytes."""
    calm, killed = MemoryBlobs(), Fragile(kill_at, is_written=is_written)
    told(shapes, budget, 60, calm)
    told(shapes, budget, 60, killed)
    assert everything(killed) == everything(calm)
