"""Blob triggers: once, twice or late, a manifest gives one archive that is registered."""

from __future__ import annotations

import pytest

from pixcrawler.domain.catalogue import VersionStatus
from pixcrawler.domain.job import Failure, JobStatus
from pixcrawler.domain.storage import Archive, archive_ref
from pixcrawler.functions import blobs
from pixcrawler.pipeline.assemble import assemble
from pixcrawler.pipeline.deduplicate import deduplicate
from pixcrawler.pipeline.payloads import Rounds
from pixcrawler.pipeline.validate import validate
from tests.factories import a_candidate, a_job, an_image, put_downloads
from tests.unit.functions.conftest import Written

CHECKSUM = archive_ref("data-1", 1, "garden_birds-v1.zip.sha256")


@pytest.fixture
def manifest(memory):
    """The manifest of an assembled version of one image."""
    memory.jobs.add(a_job())
    memory.jobs.add_chunks("job-1", 0, [1])
    put_downloads(memory.blobs, "job-1", 0, 0, [(a_candidate(), an_image())])
    rounds = Rounds(job_id="job-1", chunks=(1,))
    w = memory
    given = {"jobs": w.jobs, "blobs": w.blobs, "placeholders": w.placeholders}
    validate(rounds.refs()[0], **given)
    deduplicate(rounds, **given)
    built = assemble(rounds, jobs=w.jobs, datasets=w.datasets, blobs=w.blobs, clock=w.clock)
    return Written(built.manifest)


@pytest.fixture
def archive(memory):
    """Looks up the registered archive, if there is one."""
    return lambda: memory.datasets.archive("data-1", 1)


def test_a_manifest_becomes_a_registered_archive(memory, call, stories, manifest, archive):
    """Both triggers in turn: the archive is recorded, and the story that waits is woken."""
    stories.statuses["job-1"] = "Running"
    call(blobs, "package_version", manifest)
    assert archive() is None
    call(blobs, "register_archive", Written(CHECKSUM))
    assert isinstance(archive(), Archive)
    assert memory.datasets.version("data-1", 1).status is VersionStatus.PACKAGED
    assert stories.events == [("job-1", "archived-1", {"version": 1})]


def test_repeated_triggers_change_nothing(memory, call, stories, manifest, archive):
    """At least once may be many times: the same archive, bit for bit, and the same entry."""
    for _ in range(2):
        call(blobs, "package_version", manifest)
        call(blobs, "register_archive", Written(CHECKSUM))
    first, data = archive(), memory.blobs.get(archive().blob)
    call(blobs, "package_version", manifest)
    call(blobs, "register_archive", Written(CHECKSUM))
    assert archive() == first
    assert memory.blobs.get(first.blob) == data


@pytest.mark.parametrize("status", [None, "Completed", "Failed"])
def test_a_late_trigger_wakes_nobody(call, stories, manifest, archive, status):
    """An event for a story that is over, or was never there, is not raised; the entry stands."""
    if status:
        stories.statuses["job-1"] = status
    call(blobs, "package_version", manifest)
    call(blobs, "register_archive", Written(CHECKSUM))
    assert archive() is not None
    assert stories.events == []


def test_an_archive_of_a_failed_job_revives_nothing(memory, call, manifest):
    """A version whose job failed meanwhile is not offered, although its archive is there."""
    memory.jobs.finish("job-1", JobStatus.FAILED, "Over.", Failure(code="x", message="y"))
    call(blobs, "package_version", manifest)
    call(blobs, "register_archive", Written(CHECKSUM))
    assert memory.datasets.version("data-1", 1).status is VersionStatus.FAILED
