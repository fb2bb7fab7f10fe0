"""Reading datasets and versions, and links to download them, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pixcrawler.bootstrap import world
from pixcrawler.domain.job import JobStatus
from pixcrawler.domain.storage import Archive, StorageTier, archive_ref, version_ref
from tests.integration.http.conftest import Api, User

SHA256 = "ab" * 32


def a_packaged_version(api: Api, user: User, name: str = "birds") -> dict[str, Any]:
    """Create a job and do what its story would do at the end."""
    job = api.create(user, name=name).json
    dataset_id, version = job["dataset_id"], job["version"]
    manifest = version_ref(dataset_id, version, "manifest.json")
    world().datasets.version_assembled(dataset_id, version, 40, 9000, manifest)
    blob = archive_ref(dataset_id, version, f"{name}-{version}.zip")
    world().blobs.put(blob, b"zip" * 41)
    archive = Archive(blob=blob, bytes=123, sha256=SHA256)
    world().datasets.register_archive(dataset_id, version, archive, StorageTier.HOT)
    world().jobs.finish(job["id"], JobStatus.SUCCEEDED, "Done.")
    return job


def test_a_dataset_is_shown(api: Api) -> None:
    """A dataset tells its names and its newest version that can be downloaded."""
    user = api.sign_in()
    job = a_packaged_version(api, user)
    api.create(user)
    dataset = api.call("GET", f"/api/v1/datasets/{job['dataset_id']}", user).json
    assert (dataset["name"], dataset["project"]) == ("birds", "default")
    latest = dataset["latest_version"]
    assert (latest["version"], latest["status"], latest["job_id"]) == (1, "packaged", job["id"])
    assert (latest["images"], latest["bytes"]) == (40, 9000)
    assert latest["archive"] == {
        "filename": "birds-1.zip",
        "format": "zip",
        "bytes": 123,
        "sha256": SHA256,
        "tier": "hot",
        "created_at": latest["archive"]["created_at"],
    }
    version = api.call("GET", f"/api/v1/datasets/{job['dataset_id']}/versions/1", user).json
    assert version == latest


def test_a_dataset_that_is_being_built(api: Api) -> None:
    """Before its first version is packaged, a dataset has none to show."""
    user = api.sign_in()
    job = api.create(user).json
    dataset = api.call("GET", f"/api/v1/datasets/{job['dataset_id']}", user).json
    version = api.call("GET", f"/api/v1/datasets/{job['dataset_id']}/versions/1", user).json
    assert dataset["latest_version"] is None
    assert (version["status"], version["archive"], version["packaged_at"]) == (
        "building",
        None,
        None,
    )


def test_versions_are_listed(api: Api) -> None:
    """All versions of a dataset, newest first."""
    user = api.sign_in()
    job = a_packaged_version(api, user)
    api.create(user)
    page = api.call("GET", f"/api/v1/datasets/{job['dataset_id']}/versions", user).json
    assert page["next_cursor"] is None
    shown = [(version["version"], version["status"]) for version in page["items"]]
    assert shown == [(2, "building"), (1, "packaged")]


def test_datasets_come_in_pages(api: Api) -> None:
    """Pages give every dataset of the caller once, newest first."""
    user = api.sign_in()
    api.create(api.sign_in(), name="foreign")
    for name in ("one", "two", "three"):
        api.create(user, name=name)
    first = api.call("GET", "/api/v1/datasets?limit=2", user).json
    second = api.call("GET", f"/api/v1/datasets?limit=2&cursor={first['next_cursor']}", user).json
    names = [dataset["name"] for dataset in first["items"] + second["items"]]
    assert names == ["three", "two", "one"]
    assert second["next_cursor"] is None


def test_a_link_is_given(api: Api) -> None:
    """A link names the file, its size and checksum, and when it ends."""
    user = api.sign_in()
    job = a_packaged_version(api, user)
    address = f"/api/v1/datasets/{job['dataset_id']}/versions/1/link"
    reply = api.call("POST", address, user, {"ttl_s": 60})
    link = reply.json
    left_s = (datetime.fromisoformat(link["expires_at"]) - datetime.now(UTC)).total_seconds()
    assert reply.status == 200
    assert reply.headers["cache-control"] == "no-store"
    assert 0 < left_s <= 60
    assert (link["filename"], link["bytes"], link["sha256"]) == ("birds-1.zip", 123, SHA256)
    assert link["url"]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"ttl_s": null}'])
def test_a_link_lives_as_long_as_allowed(api: Api, body: bytes) -> None:
    """Without a wish, a link is good for the time that the service sets."""
    user = api.sign_in()
    job = a_packaged_version(api, user)
    address = f"/api/v1/datasets/{job['dataset_id']}/versions/1/link"
    headers = {"content_type": "application/json"} if body else {}
    link = api.call("POST", address, user, body, **headers).json
    left_s = (datetime.fromisoformat(link["expires_at"]) - datetime.now(UTC)).total_seconds()
    assert 500 < left_s <= 600


@pytest.mark.parametrize(
    ("body", "violation"),
    [
        ({"ttl_s": 0}, ("ttl_s", "greater_than_equal")),
        ({"ttl_s": -5}, ("ttl_s", "greater_than_equal")),
        ({"ttl_s": 601}, ("ttl_s", "less_than_equal")),
        ({"ttl_s": 10**30}, ("ttl_s", "less_than_equal")),
        ({"ttl_s": "60"}, ("ttl_s", "int_type")),
        ({"ttl_s": True}, ("ttl_s", "int_type")),
        ({"ttl": 5}, ("ttl", "extra_forbidden")),
    ],
)
def test_a_bad_wish_for_a_link(api: Api, body: dict[str, Any], violation: tuple[str, str]) -> None:
    """A link cannot live longer than allowed, or for no time."""
    user = api.sign_in()
    job = a_packaged_version(api, user)
    reply = api.call("POST", f"/api/v1/datasets/{job['dataset_id']}/versions/1/link", user, body)
    assert (reply.status, reply.violations) == (422, [violation])


def test_no_link_before_packaging(api: Api) -> None:
    """A version that is being built, or failed, cannot be downloaded, and the answer says why."""
    user = api.sign_in()
    job = api.create(user).json
    address = f"/api/v1/datasets/{job['dataset_id']}/versions/1/link"
    building = api.call("POST", address, user, {})
    world().jobs.finish(job["id"], JobStatus.CANCELLED, "Over.")
    cancelled = api.call("POST", address, user, {})
    assert (building.status, building.error["details"]["status"]) == (409, "building")
    assert (cancelled.status, cancelled.error["details"]["status"]) == (409, "cancelled")


def test_foreign_datasets_are_not_found(api: Api) -> None:
    """Nothing of somebody else's dataset is read or linked."""
    job = a_packaged_version(api, api.sign_in())
    stranger, dataset = api.sign_in(), f"/api/v1/datasets/{job['dataset_id']}"
    for address in (dataset, f"{dataset}/versions", f"{dataset}/versions/1"):
        assert api.call("GET", address, stranger).status == 404
    assert api.call("POST", f"{dataset}/versions/1/link", stranger, {}).status == 404
    assert api.call("GET", "/api/v1/datasets", stranger).json["items"] == []


@pytest.mark.parametrize("version", ["0", "-1", "2", "x", "1.0", "\u00b9", "9" * 30, "2147483648"])
def test_a_version_that_does_not_exist(api: Api, version: str) -> None:
    """An unknown or malformed version number is not found."""
    user = api.sign_in()
    job = a_packaged_version(api, user)
    address = f"/api/v1/datasets/{job['dataset_id']}/versions/{version}"
    assert api.call("GET", address, user).status == 404
    assert api.call("POST", f"{address}/link", user, {}).status == 404


@pytest.mark.parametrize("dataset_id", ["5b0f5b5e-0000-4000-8000-000000000000", "birds", "0"])
def test_a_dataset_that_does_not_exist(api: Api, dataset_id: str) -> None:
    """An unknown or malformed id is not found."""
    user = api.sign_in()
    assert api.call("GET", f"/api/v1/datasets/{dataset_id}", user).status == 404
    assert api.call("GET", f"/api/v1/datasets/{dataset_id}/versions", user).status == 404


def test_a_deleted_dataset_is_gone(api: Api) -> None:
    """A dataset that was deleted is neither shown nor linked, and its name is free again."""
    user = api.sign_in()
    job = a_packaged_version(api, user)
    api.database.rows("update public.datasets set deleted_at = now()")
    dataset = f"/api/v1/datasets/{job['dataset_id']}"
    assert api.call("GET", dataset, user).status == 404
    assert api.call("POST", f"{dataset}/versions/1/link", user, {}).status == 404
    assert api.create(user).json["dataset_id"] != job["dataset_id"]
