"""Retrying jobs over HTTP."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from pixcrawler.adapters.postgres.keeper import PostgresKeeper
from pixcrawler.bootstrap import world
from pixcrawler.domain.job import JobStatus, Stage
from pixcrawler.domain.storage import outcomes_ref, version_ref
from pixcrawler.domain.verdict import PASSING_REASONS, RejectReason
from pixcrawler.pipeline.payloads import Order
from pixcrawler.pipeline.ports import ChunkCounts
from tests.integration.http.conftest import Api, Reply, User

GONE, BUSY, LATE = RejectReason.GONE, RejectReason.THROTTLED, RejectReason.TIMED_OUT
COUNTS = {GONE: 28, BUSY: 10, LATE: 2, RejectReason.TOO_SMALL: 3}


def failed(
    api: Api, user: User, reasons=COUNTS, status: JobStatus = JobStatus.PARTIAL, **fields
) -> str:
    """Make a job that ended with these failures; return its id."""
    job_id = api.create(user, **fields).json["id"]
    jobs, job = world().jobs, world().jobs.job(job_id)
    total = sum(reasons.values())
    jobs.set_stage(job_id, Stage.DOWNLOADING)
    jobs.add_chunks(job_id, 0, [total + 5])
    jobs.chunk_validated(job_id, 0, 0, ChunkCounts(5, 5, total, 1000, reasons))
    jobs.set_kept(job_id, 5, {})
    jobs.finish(job_id, status, "Ended.")
    for name in ("manifest.json", "ledger.jsonl"):
        world().blobs.put(version_ref(job.dataset_id, job.version, name), b"")
    api.stories.started.clear()
    return job_id


def retry(api: Api, user: User, job_id: str, *reasons: str, **headers: str) -> Reply:
    body = {"reasons": list(reasons)} if reasons else {}
    return api.call("POST", f"/api/v1/jobs/{job_id}/retry", user, body, **headers)


def test_a_job_is_retried(api: Api) -> None:
    """202 with a new job for the version after; its story starts once the row stands."""
    user = api.sign_in()
    base = failed(api, user, max_images=50, project="field guide")
    reply = retry(api, user, base)
    job, before = reply.json, api.call("GET", f"/api/v1/jobs/{base}", user).json
    assert reply.status == 202
    assert reply.headers["location"] == f"/api/v1/jobs/{job['id']}"
    assert (job["retry_of"], job["version"], job["status"]) == (base, 2, "pending")
    assert set(job["retry_reasons"]) == PASSING_REASONS
    for same in ("name", "project", "dataset_id", "wanted", "spec"):
        assert job[same] == before[same]
    assert (before["retry_of"], before["retry_reasons"]) == (None, [])
    order = {"job_id": job["id"], "wanted": 50, "retry_of": base, "reasons": job["retry_reasons"]}
    assert api.stories.started == [("build_dataset", job["id"], order)]


def test_what_is_fetched_and_what_is_not_is_told(api: Api) -> None:
    """The first answer says how many failures come again, and how many do not."""
    user = api.sign_in()
    [note] = retry(api, user, failed(api, user)).json["notes"]
    assert note["code"] == "retry"
    assert (
        "12 of 40 failed candidates are fetched again (throttled 10, timed_out 2)"
        in (note["message"])
    )
    assert "28 are not (gone_404_410 28)" in note["message"]


def test_reasons_can_be_named(api: Api) -> None:
    """Only these are retried, also those that are not by default."""
    user = api.sign_in()
    job = retry(api, user, failed(api, user), "throttled", "gone_404_410").json
    assert job["retry_reasons"] == ["gone_404_410", "throttled"]
    assert "38 of 40" in job["notes"][0]["message"]


def test_no_body_is_the_default(api: Api) -> None:
    """A call without a body retries what may have passed by now."""
    user = api.sign_in()
    reply = api.call("POST", f"/api/v1/jobs/{failed(api, user)}/retry", user)
    assert (reply.status, set(reply.json["retry_reasons"])) == (202, PASSING_REASONS)


@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ({"reasons": ["nonsense"]}, "reasons.0", "unknown_reason"),
        ({"reasons": ["over_limit"]}, "reasons.0", "unknown_reason"),
        ({"reasons": []}, "reasons", "too_short"),
        ({"reasons": {}}, "reasons", "list_type"),
        ({"why": "so"}, "why", "extra_forbidden"),
        ("[]", "(whole document)", "object_type"),
        ('{"reasons": ["\\ud800"]}', "(whole document)", "unicode"),
    ],
    ids=["unknown", "no failure", "empty", "object", "other field", "list", "half a character"],
)
def test_bad_bodies(api: Api, body, field, rule) -> None:
    """Field and rule of what is wrong; no job is made."""
    user = api.sign_in()
    base, before = failed(api, user), api.database.counts()
    address = f"/api/v1/jobs/{base}/retry"
    reply = api.call("POST", address, user, body, content_type="application/json")
    assert (reply.status, reply.violations) == (422, [(field, rule)])
    assert api.database.counts() == before


def test_an_unknown_reason_is_told_with_the_known_ones(api: Api) -> None:
    """Field, rule, value, and what may be named instead."""
    user = api.sign_in()
    [violation] = retry(api, user, failed(api, user), "gone").error["details"]["violations"]
    assert violation["value"] == "gone"
    assert "gone_404_410" in violation["message"]
    assert "too_small_px" not in violation["message"]


def test_a_long_body(api: Api) -> None:
    """What is larger than every list of reasons is not read."""
    user = api.sign_in()
    reply = retry(api, user, failed(api, user), *["throttled"] * 1000)
    assert reply.status == 413


def test_a_foreign_job_is_not_found(api: Api) -> None:
    """Somebody else's job is as one that does not exist, and stays as it is."""
    base, stranger = failed(api, api.sign_in()), api.sign_in()
    before = api.database.counts()
    replies = [retry(api, stranger, one) for one in (base, str(uuid.uuid4()), "1", "%00")]
    assert {reply.status for reply in replies} == {404}
    assert len({reply.error["message"] for reply in replies}) == 1
    assert api.database.counts() == before


@pytest.mark.parametrize("status", ["pending", "running", "cancelling"])
def test_a_job_that_goes_on(api: Api, status: str) -> None:
    """409 with how it stands."""
    user = api.sign_in()
    job_id = api.create(user).json["id"]
    api.database.rows("update public.crawl_jobs set status = %s", (status,))
    reply = retry(api, user, job_id)
    assert (reply.status, reply.error["code"]) == (409, "conflict")
    assert reply.error["details"] == {"status": status}


def test_nothing_to_retry(api: Api) -> None:
    """409 with what failed for other reasons, and what would have been retried."""
    user = api.sign_in()
    reply = retry(api, user, failed(api, user, {GONE: 28, RejectReason.TOO_SMALL: 3}))
    assert (reply.status, reply.error["code"]) == (409, "conflict")
    details = reply.error["details"]
    assert details["failed"] == {"gone_404_410": 28}
    assert set(details["would_be_retried"]) == PASSING_REASONS


def test_working_files_that_are_gone(api: Api) -> None:
    """409 that says what to do instead; while they are there, a job without a version will do."""
    user = api.sign_in()
    base = failed(api, user, status=JobStatus.FAILED)
    job = world().jobs.job(base)
    world().blobs.delete(version_ref(job.dataset_id, 1, "manifest.json"))
    reply = retry(api, user, base)
    assert (reply.status, reply.error["details"]) == (409, {"reason": "working_files_gone"})
    assert "new job" in reply.error["message"]
    world().blobs.put(outcomes_ref(base, 0, 0), b"")
    assert retry(api, user, base).status == 202


def test_a_repeated_call_gives_the_same_retry(api: Api) -> None:
    """The same key and reasons, in whatever order, give the first job; nothing is new."""
    user = api.sign_in()
    base = failed(api, user)
    first = retry(api, user, base, "throttled", "timed_out", idempotency_key="k")
    again = retry(api, user, base, "timed_out", "throttled", idempotency_key="k")
    assert (first.status, again.status) == (202, 200)
    assert again.json["id"] == first.json["id"]
    assert api.database.counts()["crawl_jobs"] == 2
    assert len(api.stories.started) == 1


def test_repeated_calls_at_once(api: Api) -> None:
    """Eight calls with one key at the same time make one retry."""
    user = api.sign_in()
    base = failed(api, user)
    with ThreadPoolExecutor(8) as pool:
        calls = pool.map(lambda _: retry(api, user, base, idempotency_key="k"), range(8))
        assert len({reply.json["id"] for reply in calls}) == 1
    assert api.database.counts()["crawl_jobs"] == 2


def test_a_key_is_for_one_request(api: Api) -> None:
    """The key of a job file, or of other reasons, is a conflict."""
    user = api.sign_in()
    base = failed(api, user)
    api.call("POST", "/api/v1/jobs", user, {"keywords": ["owl"]}, idempotency_key="file")
    assert retry(api, user, base, idempotency_key="file").status == 409
    assert retry(api, user, base, idempotency_key="k").status == 202
    assert retry(api, user, base, "throttled", idempotency_key="k").status == 409


def test_a_retried_job_is_retried_by_its_retry(api: Api) -> None:
    """While a retry goes on, and once it has a version, it is the one that has everything."""
    user = api.sign_in()
    base = failed(api, user)
    first = retry(api, user, base).json["id"]
    reply = retry(api, user, base)
    assert (reply.status, reply.error["details"]) == (409, {"retried_by": first})
    world().jobs.finish(first, JobStatus.PARTIAL, "Ended.")
    assert retry(api, user, base).error["details"] == {"retried_by": first}


def test_a_retry_that_came_to_nothing(api: Api) -> None:
    """After one that failed or was cancelled, the same job is retried again."""
    user = api.sign_in()
    base = failed(api, user)
    for version, status in ((2, JobStatus.FAILED), (3, JobStatus.CANCELLED)):
        job = retry(api, user, base).json
        assert job["version"] == version
        world().jobs.finish(job["id"], status, "Over.")
        assert retry(api, user, job["id"]).error["details"] == {"retry_of": base}
    assert retry(api, user, base).json["version"] == 4


def test_retries_at_once_are_one(api: Api) -> None:
    """Of eight calls without a key at the same time one makes a retry, and seven learn of it."""
    user = api.sign_in()
    base = failed(api, user)
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(lambda _: retry(api, user, base).status, range(8)))
    assert statuses == [202, *[409] * 7]


def test_a_signed_out_user_retries_nothing(api: Api) -> None:
    """A retry changes something, so the session must be open still."""
    user = api.sign_in()
    base = failed(api, user)
    api.database.rows("delete from auth.sessions where id = %s", (user.session_id,))
    assert retry(api, user, base).status == 401


def test_a_story_that_did_not_start(api: Api) -> None:
    """When the host is away the retry stands; repeating the call starts it as a retry."""
    user = api.sign_in()
    base = failed(api, user)
    api.stories.is_away = True
    job = retry(api, user, base, idempotency_key="k").json
    api.stories.is_away = False
    retry(api, user, base, idempotency_key="k")
    [(_, instance, given)] = api.stories.started
    assert (instance, given["retry_of"]) == (job["id"], base)


def test_a_timer_starts_it_as_a_retry(api: Api) -> None:
    """What nobody started is begun later with all that a retry needs."""
    user = api.sign_in()
    base = failed(api, user)
    job = retry(api, user, base, "throttled").json
    keeper = PostgresKeeper(world()._worker_database)
    [order] = keeper.unstarted(world().clock())
    assert order == Order(job_id=job["id"], wanted=job["wanted"], retry_of=base, reasons=(BUSY,))
    world().jobs.set_stage(job["id"], Stage.DISCOVERING)
    [silent] = keeper.silent(world().clock())
    assert silent == order


def test_what_a_retry_recalls_is_not_swept(api: Api) -> None:
    """The working files of a job stay until its retry has ended."""
    user = api.sign_in()
    base = failed(api, user)
    keeper = PostgresKeeper(world()._worker_database)
    assert keeper.ended(world().clock()) == [base]
    job = retry(api, user, base).json
    assert keeper.ended(world().clock()) == []
    world().jobs.finish(job["id"], JobStatus.PARTIAL, "Ended.")
    assert sorted(keeper.ended(world().clock())) == sorted([base, job["id"]])


def test_credits_are_for_what_came_new(api: Api) -> None:
    """The images of the version before were paid for with it."""
    user = api.sign_in()
    base = failed(api, user)
    job = retry(api, user, base).json
    world().jobs.set_kept(job["id"], 7, {})
    world().jobs.finish(job["id"], JobStatus.PARTIAL, "Ended.")
    actual = api.call("GET", f"/api/v1/jobs/{job['id']}", user).json["actual"]
    assert (actual["images"], actual["credits"]) == (7, 2)
    before = api.call("GET", f"/api/v1/jobs/{base}", user).json["actual"]
    assert before["credits"] == before["images"] == 5


def test_estimates_learn_nothing_from_retries(api: Api) -> None:
    """What a retry holds was found by the job before it."""
    user = api.sign_in()
    job = retry(api, user, failed(api, user)).json
    world().jobs.finish(job["id"], JobStatus.SUCCEEDED, "Ended.")
    assert len(world().estimates.recent(10)) == 1
    assert job["estimate"] is None
