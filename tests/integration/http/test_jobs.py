"""Creating, reading, listing and cancelling jobs over HTTP."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from pixcrawler.bootstrap import world
from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.job import Failure, JobStatus, Stage
from pixcrawler.domain.source import EngineReport
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.ports import ChunkCounts
from tests.integration.http.conftest import Api

JOB_FIELDS = {
    *("id", "name", "project", "dataset_id", "version", "status", "stage", "wanted", "progress"),
    *("engines", "message", "error", "spec", "created_at", "started_at", "finished_at"),
    *("notes", "estimate", "actual", "retry_of", "retry_reasons"),
}
PROGRESS_FIELDS = {
    *("round", "chunks", "candidates", "downloaded", "kept", "rejected", "reasons", "bytes"),
    *("success_rate", "eta_s"),
}


def test_a_job_is_created(api: Api) -> None:
    """202 with the job and where to look; its story starts after the row stands."""
    reply = api.create(api.sign_in(), max_images=50, project="field guide")
    job = reply.json
    assert reply.status == 202
    assert reply.headers["location"] == f"/api/v1/jobs/{job['id']}"
    assert set(job) == JOB_FIELDS
    assert set(job["progress"]) == PROGRESS_FIELDS
    assert (job["name"], job["project"], job["version"]) == ("birds", "field guide", 1)
    assert (job["status"], job["stage"], job["wanted"]) == ("pending", "queued", 50)
    assert job["spec"]["categories"] == {"robin": ["robin"], "wren": ["wren"]}
    order = {"job_id": job["id"], "wanted": 50}
    assert api.stories.started == [("build_dataset", job["id"], order)]


def test_a_model_that_is_not_set_up_is_told_at_creation(api: Api) -> None:
    """Whoever wants a language model's words learns before the wait that there is none here."""
    token = api.sign_in()
    (note,) = api.create(token, expand={"mode": "model"}).json["notes"]
    assert (note["code"], note["subject"]) == ("expansion_fell_back", "model")
    assert "WORDS_URL" in note["message"]
    assert api.create(token, expand={"mode": "templates"}).json["notes"] == []


@pytest.mark.parametrize(
    "media_type", ["application/yaml", "text/yaml", "application/x-yaml; charset=UTF-8"]
)
def test_a_job_file_in_yaml(api: Api, media_type: str) -> None:
    """The job file that people keep on disk can be posted as it is."""
    body = "# birds\nname: birds\ncategories:\n  robin: [european robin]\nengines: [local]\n"
    reply = api.call("POST", "/api/v1/jobs", api.sign_in(), body, content_type=media_type)
    assert reply.status == 202
    assert reply.json["spec"]["categories"] == {"robin": ["european robin"]}


def test_categories_keep_their_order(api: Api) -> None:
    """Categories stay in the order of the job file, shown and for the steps."""
    user, words = api.sign_in(), ["wren", "robin", "eagle", "ani", "blackbird"]
    job = api.create(user, keywords=words).json
    shown = api.call("GET", f"/api/v1/jobs/{job['id']}", user).json
    assert list(shown["spec"]["categories"]) == words
    assert list(world().jobs.job(job["id"]).spec.categories) == words


def test_a_user_without_a_profile(api: Api) -> None:
    """Somebody whose profile was not made at sign-up gets it with the first job."""
    user = api.sign_in()
    api.database.rows("delete from public.profiles")
    assert api.create(user).status == 202
    assert api.database.count("profiles") == 1


def test_the_next_job_makes_the_next_version(api: Api) -> None:
    """The same name, whatever its case, is the same dataset; another name is another."""
    user = api.sign_in()
    first, second, other = (api.create(user, name=n).json for n in ("birds", "Birds", "fish"))
    assert (first["version"], second["version"], other["version"]) == (1, 2, 1)
    assert first["dataset_id"] == second["dataset_id"] != other["dataset_id"]
    assert api.database.counts()["projects"] == 1


def test_names_belong_to_their_user(api: Api) -> None:
    """Two users may use one name without meeting."""
    first, second = api.create(api.sign_in()).json, api.create(api.sign_in()).json
    assert (first["version"], second["version"]) == (1, 1)
    assert first["dataset_id"] != second["dataset_id"]


def test_a_dataset_does_not_change_its_project(api: Api) -> None:
    """A known dataset named in another project is a conflict; nothing is created."""
    user = api.sign_in()
    api.create(user, project="one")
    before = api.database.counts()
    reply = api.create(user, project="two")
    assert (reply.status, reply.error["code"]) == (409, "conflict")
    assert api.database.counts() == before


def test_versions_are_unique_under_load(api: Api) -> None:
    """Jobs created at once for one new dataset get versions 1 to 8, each once."""
    user = api.sign_in()
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: api.create(user), range(8)))
    assert sorted(reply.json["version"] for reply in replies) == list(range(1, 9))
    assert api.database.counts()["datasets"] == 1


def test_a_repeated_call_gives_the_same_job(api: Api) -> None:
    """The same key and job file, also as YAML, is answered with the first job; nothing is new."""
    user = api.sign_in()
    first = api.call("POST", "/api/v1/jobs", user, {"keywords": ["robin"]}, idempotency_key="k-1")
    again = api.call(
        "POST",
        "/api/v1/jobs",
        user,
        "keywords: [robin]",
        idempotency_key="k-1",
        content_type="text/yaml",
    )
    assert (first.status, again.status) == (202, 200)
    assert again.json["id"] == first.json["id"]
    assert again.headers["location"] == first.headers["location"]
    assert api.database.counts()["crawl_jobs"] == 1
    assert len(api.stories.started) == 1


def test_repeated_calls_at_once(api: Api) -> None:
    """Eight calls with one key at the same time make one job."""
    user = api.sign_in()

    def create(_: int) -> str:
        body = {"keywords": ["robin"]}
        return api.call("POST", "/api/v1/jobs", user, body, idempotency_key="k").json["id"]

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(create, range(8)))) == 1
    assert api.database.counts()["crawl_jobs"] == 1


def test_a_key_is_for_one_job_file(api: Api) -> None:
    """The same key with another job file is a conflict; another user may use the key."""
    user, body = api.sign_in(), {"keywords": ["robin"]}
    api.call("POST", "/api/v1/jobs", user, body, idempotency_key="k")
    other = {**body, "max_images": 7}
    reply = api.call("POST", "/api/v1/jobs", user, other, idempotency_key="k")
    assert (reply.status, reply.error["code"]) == (409, "conflict")
    stranger = api.call("POST", "/api/v1/jobs", api.sign_in(), other, idempotency_key="k")
    assert stranger.status == 202
    assert api.database.counts()["crawl_jobs"] == 2


def test_a_story_that_did_not_start(api: Api) -> None:
    """When the host cannot start the story, the job stands; repeating the call starts it."""
    user, body = api.sign_in(), {"keywords": ["robin"]}
    api.stories.is_away = True
    first = api.call("POST", "/api/v1/jobs", user, body, idempotency_key="k")
    assert (first.status, api.stories.started) == (202, [])
    api.stories.is_away = False
    api.call("POST", "/api/v1/jobs", user, body, idempotency_key="k")
    assert [instance for _, instance, _ in api.stories.started] == [first.json["id"]]


def test_a_job_that_runs_is_not_started_again(api: Api) -> None:
    """A repetition that comes when the job has ended starts nothing."""
    user, body = api.sign_in(), {"keywords": ["robin"]}
    job = api.call("POST", "/api/v1/jobs", user, body, idempotency_key="k").json
    world().jobs.finish(job["id"], JobStatus.SUCCEEDED, "Done.")
    api.stories.started.clear()
    again = api.call("POST", "/api/v1/jobs", user, body, idempotency_key="k")
    assert again.json["status"] == "succeeded"
    assert api.stories.started == []


def test_progress_is_shown(api: Api) -> None:
    """A running job tells its counts, reasons, engines and an estimate."""
    user = api.sign_in()
    job_id = api.create(user, max_images=100).json["id"]
    jobs = world().jobs
    jobs.set_stage(job_id, Stage.DOWNLOADING, 0)
    jobs.add_chunks(job_id, 0, [32, 32, 32, 32])
    counts = ChunkCounts(30, 20, 12, 1000, {RejectReason.GONE: 2, RejectReason.TOO_SMALL: 10})
    jobs.chunk_validated(job_id, 0, 0, counts)
    jobs.chunk_started(job_id, 0, 1)
    jobs.set_engines(job_id, [EngineReport(engine="local", status=EngineStatus.OK, candidates=9)])
    api.database.rows(
        "update public.crawl_jobs set started_at = now() - interval '1000 seconds' where id = %s",
        (job_id,),
    )
    job = api.call("GET", f"/api/v1/jobs/{job_id}", user).json
    progress = job["progress"]
    assert (job["status"], job["stage"]) == ("running", "downloading")
    assert progress["chunks"] == {"total": 4, "active": 1, "completed": 1, "failed": 0}
    assert (progress["candidates"], progress["kept"], progress["rejected"]) == (128, 20, 12)
    assert progress["reasons"] == {"gone_404_410": 2, "too_small_px": 10}
    assert progress["success_rate"] == 0.625
    # 3 chunks at 1000 s each, then 20 more images at 50 s each.
    assert 4000 <= progress["eta_s"] <= 4800
    [told] = job["engines"]
    assert (told["engine"], told["status"], told["candidates"]) == ("local", "ok", 9)
    assert (told["detail"], told["retry_after_s"]) == (None, None)


def test_a_failed_job_says_why(api: Api) -> None:
    """The error has a code for programs and a sentence for people."""
    user = api.sign_in()
    job_id = api.create(user).json["id"]
    failure = Failure(code="source_unavailable", message="Openverse could not be reached.")
    world().jobs.finish(job_id, JobStatus.FAILED, failure.message, failure)
    job = api.call("GET", f"/api/v1/jobs/{job_id}", user).json
    assert job["error"] == failure.model_dump()
    assert job["message"] == failure.message
    assert job["finished_at"]
    assert job["progress"]["eta_s"] is None


def test_jobs_come_in_pages(api: Api) -> None:
    """Pages give every job once, newest first, whatever is created meanwhile."""
    user = api.sign_in()
    api.create(api.sign_in())
    ids = [api.create(user).json["id"] for _ in range(5)]
    seen, cursor = [], ""
    while True:
        page = api.call("GET", f"/api/v1/jobs?limit=2{cursor}", user).json
        seen += [job["id"] for job in page["items"]]
        assert all("chunks" not in job["progress"] for job in page["items"])
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
        api.create(user)
    assert seen == ids[::-1]


def test_no_jobs(api: Api) -> None:
    """Somebody without jobs has an empty list."""
    assert api.call("GET", "/api/v1/jobs", api.sign_in()).json == {"items": [], "next_cursor": None}


@pytest.mark.parametrize(
    "job_id",
    ["5b0f5b5e-0000-4000-8000-000000000000", "1", "%00", "..", "' or 1=1 --", "x" * 5000, "{}"],
)
def test_a_job_that_does_not_exist(api: Api, job_id: str) -> None:
    """An unknown or malformed id is not found, by reading and by cancelling."""
    user = api.sign_in()
    assert api.call("GET", f"/api/v1/jobs/{job_id}", user).error["code"] == "not_found"
    assert api.call("POST", f"/api/v1/jobs/{job_id}/cancel", user).status == 404


def test_a_foreign_job_is_not_found(api: Api) -> None:
    """The id of somebody else's job, with a valid token, finds and changes nothing."""
    job = api.create(api.sign_in()).json
    stranger = api.sign_in()
    unknown = api.call("GET", f"/api/v1/jobs/{uuid.uuid4()}", stranger)
    read = api.call("GET", f"/api/v1/jobs/{job['id']}", stranger)
    cancelled = api.call("POST", f"/api/v1/jobs/{job['id']}/cancel", stranger)
    assert (read.status, cancelled.status) == (404, 404)
    assert read.error["message"] == unknown.error["message"]
    assert api.call("GET", "/api/v1/jobs", stranger).json["items"] == []
    assert world().jobs.job(job["id"]).status is JobStatus.PENDING


def test_an_id_in_capitals(api: Api) -> None:
    """Ids are compared as identifiers, not as text."""
    user = api.sign_in()
    job_id = api.create(user).json["id"]
    assert api.call("GET", f"/api/v1/jobs/{job_id.upper()}", user).status == 200


def test_a_job_is_cancelled(api: Api) -> None:
    """202 with the job on its way to the end; asking again is the same."""
    user = api.sign_in()
    job_id = api.create(user).json["id"]
    world().jobs.set_stage(job_id, Stage.DOWNLOADING)
    for _ in range(2):
        reply = api.call("POST", f"/api/v1/jobs/{job_id}/cancel", user)
        assert (reply.status, reply.json["status"]) == (202, "cancelling")
    assert world().jobs.is_given_up(job_id)


@pytest.mark.parametrize("status", [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED])
def test_too_late_to_cancel_an_ended_job(api: Api, status: JobStatus) -> None:
    """A job that has ended stays as it ended, and the answer says how."""
    user = api.sign_in()
    job_id = api.create(user).json["id"]
    world().jobs.finish(job_id, status, "Over.")
    reply = api.call("POST", f"/api/v1/jobs/{job_id}/cancel", user)
    assert (reply.status, reply.error["code"]) == (409, "conflict")
    assert status.value in reply.error["message"]


def test_too_late_to_cancel_packaging(api: Api) -> None:
    """A job that is being packaged goes on, and the answer says why."""
    user = api.sign_in()
    job_id = api.create(user).json["id"]
    world().jobs.begin_packaging(job_id)
    reply = api.call("POST", f"/api/v1/jobs/{job_id}/cancel", user)
    assert reply.status == 409
    assert "packaged" in reply.error["message"]
    assert not world().jobs.is_given_up(job_id)
