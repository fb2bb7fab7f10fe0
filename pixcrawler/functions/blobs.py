"""Blob-triggered: a manifest was written, package; an archive was written, tier and register."""

from __future__ import annotations

import asyncio
import logging

import azure.durable_functions as df
import azure.functions as func

from pixcrawler.bootstrap import world
from pixcrawler.functions.start import is_alive
from pixcrawler.pipeline.package import package
from pixcrawler.pipeline.register import register

log = logging.getLogger("pixcrawler.blobs")
blueprint = df.Blueprint()


@blueprint.function_name("package_version")
@blueprint.blob_trigger(
    arg_name="manifest",
    path="datasets/{dataset}/{version}/manifest.json",
    connection="DataStorage",
    source=func.BlobSource.EVENT_GRID,
)
def package_version(manifest: func.InputStream) -> None:
    """Package the version whose manifest was written; the archive's checksum comes last."""
    dataset_id, version, _ = _place(manifest)
    archive = package(dataset_id, version, blobs=world().blobs)
    log.info("version.packaged dataset=%s version=%d bytes=%d", dataset_id, version, archive.bytes)


@blueprint.function_name("register_archive")
@blueprint.blob_trigger(
    arg_name="checksum",
    path="archives/{dataset}/{version}/{file}.sha256",
    connection="DataStorage",
    source=func.BlobSource.EVENT_GRID,
)
@blueprint.durable_client_input(client_name="client")
async def register_archive(
    checksum: func.InputStream, client: df.DurableOrchestrationClient
) -> None:
    """Set the archive's tier, record it, and wake the story that waits for it."""
    dataset_id, version, name = _place(checksum)
    job_id = await asyncio.to_thread(_registered, dataset_id, version, name)
    if await is_alive(client, job_id):
        await client.raise_event(job_id, f"archived-{version}", {"version": version})
    log.info("archive.registered dataset=%s version=%d job=%s", dataset_id, version, job_id)


def _registered(dataset_id: str, version: int, name: str) -> str:
    w = world()
    return register(dataset_id, version, name, blobs=w.blobs, datasets=w.datasets)


def _place(blob: func.InputStream) -> tuple[str, int, str]:
    """Dataset, version and file name of a blob ``container/dataset/version/file``."""
    _, dataset_id, version, name = str(blob.name).split("/", 3)
    return dataset_id, int(version), name
