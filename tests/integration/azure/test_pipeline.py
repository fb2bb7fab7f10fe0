"""From downloaded files to a link, on real storage."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import requests

from pixcrawler.adapters.azure.blobs import AzureBlobs
from pixcrawler.adapters.memory.datasets import MemoryDatasets
from pixcrawler.adapters.memory.jobs import MemoryJobs
from pixcrawler.adapters.memory.placeholders import MemoryPlaceholders
from pixcrawler.domain.storage import BlobRef
from pixcrawler.host.stack.azurite import Azurite
from pixcrawler.pipeline.assemble import assemble
from pixcrawler.pipeline.deduplicate import deduplicate
from pixcrawler.pipeline.package import package
from pixcrawler.pipeline.payloads import Deduplicated, Rounds
from pixcrawler.pipeline.validate import validate
from tests.factories import a_candidate, a_job, an_image, put_downloads

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def test_from_files_to_a_link(azurite: Azurite) -> None:
    """Two chunks become a version, its archive and a link whose bytes are what was promised."""
    blobs, datasets = AzureBlobs.connect(azurite.connection_string), MemoryDatasets()
    jobs = MemoryJobs(datasets)
    jobs.add(a_job())
    rounds = Rounds(job_id="job-1", chunks=(2,))
    jobs.add_chunks("job-1", 0, [4, 2])
    files = [an_image(0), an_image(1), an_image(0), b"<html>", an_image(4), an_image(5)]
    found = [(a_candidate(number), data) for number, data in enumerate(files)]
    put_downloads(blobs, "job-1", 0, 0, found[:4])
    put_downloads(blobs, "job-1", 0, 1, found[4:])

    placeholders = MemoryPlaceholders()
    for ref in rounds.refs():
        validate(ref, jobs=jobs, blobs=blobs, placeholders=placeholders)
    counted = deduplicate(rounds, jobs=jobs, blobs=blobs, placeholders=placeholders)
    assert counted == Deduplicated(kept=4, duplicates=1, over_limit=0, candidates=6)
    assemble(rounds, jobs=jobs, datasets=datasets, blobs=blobs, clock=lambda: NOW)
    archive = package("data-1", 1, blobs=blobs)
    assert package("data-1", 1, blobs=blobs) == archive

    ends = datetime.now(UTC) + timedelta(minutes=1)
    link = blobs.link(archive.blob, ends, "Garden birds.zip")
    data = requests.get(link.url, timeout=30).content
    assert (len(data), hashlib.sha256(data).hexdigest()) == (archive.bytes, archive.sha256)
    opened = zipfile.ZipFile(io.BytesIO(data))
    images = json.loads(opened.read("manifest.json"))["images"]
    assert {hashlib.sha256(opened.read(image["path"])).hexdigest() for image in images} == {
        hashlib.sha256(files[number]).hexdigest() for number in (0, 1, 4, 5)
    }


def test_many_threads_share_one_client(azurite: Azurite) -> None:
    """Eight threads that write and read through one client get their own bytes back."""
    blobs = AzureBlobs.connect(azurite.connection_string)

    def there_and_back(number: int) -> bool:
        ref, data = BlobRef(container="threads", name=str(number)), bytes([number]) * 200_000
        blobs.put(ref, data)
        return blobs.get(ref) == data

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(there_and_back, range(64)))
