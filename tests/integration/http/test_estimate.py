"""Estimates over HTTP: what is asked, what is told, and what stays beside the job."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pixcrawler.bootstrap import world
from pixcrawler.domain.engine import Access, EngineCard, EngineStatus
from pixcrawler.domain.job import JobStatus, Stage
from pixcrawler.domain.source import EngineReport, Provenance
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.host.stack.postgres import SUPERUSER
from pixcrawler.pipeline.engines.ports import Find, Page
from pixcrawler.pipeline.limits import ESTIMATES_PER_HOUR
from pixcrawler.pipeline.outlook.experience import MIN_JOBS
from pixcrawler.pipeline.ports import ChunkCounts
from tests.integration.http.conftest import Api, User, a_job

ESTIMATE = "/api/v1/jobs/estimate"
INTERVAL = {"low", "expected", "high"}


class Shop:
    """An engine with pages of twenty pictures."""

    def __init__(self, name: str, trouble: Page | None = None) -> None:
        self.card = EngineCard(name=name, title=name, access=Access.OPEN, max_results=100)
        self.trouble = trouble
        self.asked: list[str] = []

    def search(self, query, cursor, filters):
        """A page."""
        self.asked.append(query.text)
        finds = tuple(
            Find(f"https://p.example/{self.card.name}/{query.keyword}/{number}", found)
            for number in range(20)
            for found in [Provenance(engine=self.card.name)]
        )
        return self.trouble or Page(EngineStatus.OK, finds, "2", total=70)


@pytest.fixture
def shops(api: Api) -> dict[str, Shop]:
    """The engines of this service."""
    away = Page(EngineStatus.FAILED, detail="commons.example: connection refused")
    found = {"local": Shop("local"), "commons": Shop("commons", away)}
    vars(world())["engines"] = found
    return found


@pytest.fixture
def user(api: Api, shops: dict[str, Shop]) -> User:
    return api.sign_in()


def test_an_estimate_has_intervals(api: Api, user: User, shops: dict[str, Shop]) -> None:
    """Every figure is an interval, its meaning is told, and a few requests were enough."""
    reply = api.call("POST", ESTIMATE, user, a_job(max_images=30))
    told = reply.json
    assert reply.status == 200
    for name in ("candidates", "images", "bytes", "minutes", "credits"):
        assert set(told[name]) == INTERVAL
        assert told[name]["low"] <= told[name]["expected"] <= told[name]["high"]
    assert (told["wanted"], told["found"], told["images"]["high"]) == (30, 40, 30)
    assert "four jobs out of five" in told["meaning"]
    assert told["credits"] == told["images"]
    assert len(shops["local"].asked) == 3


def test_nothing_is_started(api: Api, user: User) -> None:
    """An estimate makes no job, no dataset and no story; it is all that is kept."""
    assert api.call("POST", ESTIMATE, user, a_job()).status == 200
    assert set(api.database.counts().values()) == {0}
    assert api.stories.started == []
    assert api.database.count("estimates") == 1


def test_an_engine_in_trouble_is_told(api: Api, user: User) -> None:
    """Of an engine that cannot be asked, its status and the reason are in the estimate."""
    told = api.call("POST", ESTIMATE, user, a_job(engines=["local", "commons"])).json
    states = {one["engine"]: (one["status"], one["detail"]) for one in told["engines"]}
    assert states["local"] == ("ok", None)
    assert states["commons"] == ("failed", "commons.example: connection refused")


@pytest.mark.parametrize(
    "fields",
    [{"engines": ["nosuch"]}, {"max_images": 0}, {"keywords": []}, {"colour": "red"}],
    ids=["engine", "number", "keywords", "field"],
)
def test_it_refuses_what_a_job_would(api: Api, user: User, fields: dict) -> None:
    """The same job file breaks the same rules, whether it is estimated or started."""
    started = api.call("POST", "/api/v1/jobs", user, a_job(**fields))
    asked = api.call("POST", ESTIMATE, user, a_job(**fields))
    assert asked.status == started.status == 422
    assert asked.violations == started.violations
    assert api.database.count("estimates") == 0


def test_only_for_who_is_signed_in(api: Api, shops: dict[str, Shop]) -> None:
    """Without a token no engine is asked."""
    assert api.call("POST", ESTIMATE, None, a_job()).status == 401
    assert shops["local"].asked == []


def test_only_while_the_session_is_open(api: Api, user: User, shops: dict[str, Shop]) -> None:
    """After sign-out, a token that is still valid asks no engine."""
    api.database.rows("delete from auth.sessions")
    assert api.call("POST", ESTIMATE, user, a_job()).status == 401
    assert shops["local"].asked == []


def test_a_user_without_a_profile(api: Api, user: User) -> None:
    """Somebody whose profile was not made at sign-up gets it with the first estimate."""
    api.database.rows("delete from public.profiles")
    assert api.call("POST", ESTIMATE, user, a_job()).status == 200


def finished(api: Api, user: User, status: JobStatus = JobStatus.SUCCEEDED, **fields) -> dict:
    """Create a job and let it end: 100 candidates, 60 good, of which 50 are kept."""
    job_id = api.create(user, **fields).json["id"]
    jobs = world().jobs
    jobs.set_stage(job_id, Stage.DOWNLOADING)
    jobs.add_chunks(job_id, 0, [100])
    counts = ChunkCounts(downloaded=90, valid=70, rejected=30, bytes=9_000_000, reasons={})
    jobs.chunk_validated(job_id, 0, 0, counts)
    report = EngineReport(engine="local", status=EngineStatus.OK, candidates=100)
    jobs.set_engines(job_id, [report])
    jobs.set_kept(job_id, 50, {RejectReason.DUPLICATE_NEAR: 10, RejectReason.OVER_LIMIT: 10})
    jobs.finish(job_id, status, "done")
    return api.call("GET", f"/api/v1/jobs/{job_id}", user).json


def test_the_finished_job_shows_both(api: Api, user: User) -> None:
    """A job of the same file shows what was estimated beside what came of it."""
    told = api.call("POST", ESTIMATE, user, a_job(max_images=50)).json
    before = api.create(user, max_images=50).json
    assert (before["estimate"], before["actual"]) == (told, None)
    job = finished(api, user, max_images=50)
    assert job["estimate"] == told
    assert job["actual"] == {"images": 50, "bytes": 9_000_000, "minutes": 0.0, "credits": 50}


@pytest.mark.parametrize("case", ["another file", "another user", "too old"])
def test_an_estimate_is_for_its_own_file(api: Api, user: User, case: str) -> None:
    """Neither another job file, nor another user, nor a job a day later is shown beside it."""
    api.call("POST", ESTIMATE, user, a_job())
    creator, fields = user, {}
    if case == "another file":
        fields = {"max_images": 7}
    elif case == "another user":
        creator = api.sign_in()
    else:
        api.database.rows("update estimates set created_at = now() - interval '25 hours'")
    assert api.create(creator, **fields).json["estimate"] is None


def test_old_estimates_are_swept(api: Api, user: User) -> None:
    """What no job can take any more goes; what one can, stays."""
    api.call("POST", ESTIMATE, user, a_job())
    api.database.rows("update estimates set created_at = now() - interval '3 days'")
    api.call("POST", ESTIMATE, user, a_job())
    api.database.rows(
        "update estimates set created_at = now() - interval '23 hours'"
        " where created_at > now() - interval '1 hour'"
    )
    assert world().estimates.sweep() == 1
    assert api.create(user).json["estimate"] is not None


def asked_before(api: Api, user: User, count: int, minutes: int) -> None:
    """As if the user had asked for so many estimates so many minutes ago."""
    api.call("POST", ESTIMATE, user, a_job())
    api.database.rows(
        "insert into estimates (user_id, spec_hash, estimate, created_at)"
        " select user_id, spec_hash, estimate, now() - %s * interval '1 minute'"
        " from estimates, generate_series(1, %s)",
        (minutes, count),
    )


def test_an_hour_has_so_many_estimates(api: Api, user: User, shops: dict[str, Shop]) -> None:
    """One user cannot use up the quotas of everybody's engines; when to come back is told."""
    asked_before(api, user, ESTIMATES_PER_HOUR - 1, minutes=50)
    asked = len(shops["local"].asked)
    refused = api.call("POST", ESTIMATE, user, a_job())
    assert (refused.status, refused.error["code"]) == (429, "too_many_requests")
    assert refused.error["message"] == "30 estimates an hour are the most: ask again in 10 min."
    assert 590 <= int(refused.headers["retry-after"]) <= 600
    assert refused.error["details"] == {"retry_after_s": int(refused.headers["retry-after"])}
    assert len(shops["local"].asked) == asked
    assert api.call("POST", ESTIMATE, api.sign_in(), a_job()).status == 200


def test_an_hour_passes(api: Api, user: User) -> None:
    """Estimates of more than an hour ago count no more."""
    asked_before(api, user, ESTIMATES_PER_HOUR - 1, minutes=61)
    assert api.call("POST", ESTIMATE, user, a_job()).status == 200


def test_estimates_that_come_to_nothing_count(api: Api, user: User, shops: dict[str, Shop]) -> None:
    """What broke on the way has asked engines, too; the one before it stays beside the job."""
    told = api.call("POST", ESTIMATE, user, a_job()).json
    shops["local"].search = None
    assert api.call("POST", ESTIMATE, user, a_job()).status == 500
    made = api.database.rows("select estimate is null from estimates order by created_at")
    assert made == [(False,), (True,)]
    assert api.create(user).json["estimate"] == told


def test_estimates_at_the_same_time_are_counted(api: Api, user: User) -> None:
    """However many are asked for at once, no more than allowed are begun."""
    asked_before(api, user, ESTIMATES_PER_HOUR - 3, minutes=5)
    with ThreadPoolExecutor(6) as threads:
        calls = [threads.submit(api.call, "POST", ESTIMATE, user, a_job()) for _ in range(6)]
    assert sorted(call.result().status for call in calls) == [200, 200, 429, 429, 429, 429]


def test_an_estimate_waits_until_others_are_counted(api: Api, user: User) -> None:
    """One that another worker is about to count is seen: the last place is given once."""
    asked_before(api, user, ESTIMATES_PER_HOUR - 2, minutes=5)
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    with (
        ThreadPoolExecutor(1) as thread,
        api.database.server.connect(SUPERUSER, api.database.name) as other,
        other.transaction(),
    ):
        other.execute("select 1 from profiles for no key update")
        other.execute(
            "insert into estimates (user_id, spec_hash) select id, %s from profiles", (bytes(32),)
        )
        call = thread.submit(api.call, "POST", ESTIMATE, user, a_job())
        ends = time.monotonic() + 60
        while not call.done() and time.monotonic() < ends:
            if api.database.rows(waiting) != [(0,)]:
                break
            time.sleep(0.01)
    assert call.result().status == 429


def test_failed_jobs_teach_nothing(api: Api, user: User) -> None:
    """A job that broke says nothing of the engines' pictures."""
    for number in range(MIN_JOBS):
        job = finished(api, user, JobStatus.FAILED, name=f"birds {number}", max_images=50)
        assert (job["actual"]["images"], job["actual"]["credits"]) == (0, 0)
    [one] = api.call("POST", ESTIMATE, user, a_job()).json["engines"]
    assert "too few" in one["survival_from"]


def test_finished_jobs_teach(api: Api, user: User) -> None:
    """Once some jobs on an engine have ended, their survival is what the next is judged by."""
    for number in range(MIN_JOBS):
        finished(api, user, name=f"birds {number}", max_images=50)
    [one] = api.call("POST", ESTIMATE, user, a_job()).json["engines"]
    assert one["survival"]["expected"] == 0.6
    assert one["survival_from"] == f"the last {MIN_JOBS} jobs on this engine"
