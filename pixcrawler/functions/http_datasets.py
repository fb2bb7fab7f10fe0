"""HTTP: look at datasets and versions, get a link to download one."""

from __future__ import annotations

from datetime import timedelta

import azure.durable_functions as df
from pydantic import Field, StrictInt, ValidationError

from pixcrawler.bootstrap import world
from pixcrawler.domain.errors import InvalidRequest, NotFound, Violation
from pixcrawler.domain.jobfile import violations_of
from pixcrawler.domain.model import Value
from pixcrawler.functions.guard import Access, Call, operation
from pixcrawler.functions.http_jobs import page_of
from pixcrawler.functions.wire import Answer

LINK_BODY_MAX_BYTES = 4096
_MAX_DIGITS = 10

blueprint = df.Blueprint()


class LinkRequest(Value):
    """The body of a request for a link."""

    ttl_s: StrictInt | None = Field(default=None, ge=1)
    """Seconds; None for as long as the service allows."""


@operation(blueprint, "GET", "v1/datasets")
def list_datasets(call: Call) -> Answer:
    """Answer with the caller's datasets, newest first."""
    return Answer(world().catalogue.list_datasets(call.principal, page_of(call)))


@operation(blueprint, "GET", "v1/datasets/{dataset_id}")
def read_dataset(call: Call) -> Answer:
    """Answer with one dataset."""
    return Answer(world().catalogue.dataset(call.principal, _dataset_id(call)))


@operation(blueprint, "GET", "v1/datasets/{dataset_id}/versions")
def list_versions(call: Call) -> Answer:
    """Answer with the versions of a dataset, newest first."""
    return Answer(world().catalogue.versions(call.principal, _dataset_id(call)))


@operation(blueprint, "GET", "v1/datasets/{dataset_id}/versions/{version}")
def read_version(call: Call) -> Answer:
    """Answer with one version of a dataset."""
    return Answer(world().catalogue.version(call.principal, _dataset_id(call), _version(call)))


@operation(blueprint, "POST", "v1/datasets/{dataset_id}/versions/{version}/link", Access.CHANGE)
def create_link(call: Call) -> Answer:
    """Answer with an address from which the version's archive can be downloaded for a while."""
    w = world()
    ttl_s = _ttl_s(call, w.settings.link_ttl_s)
    archive = w.catalogue.archive(call.principal, _dataset_id(call), _version(call))
    filename = archive.blob.name.rpartition("/")[2]
    link = w.blobs.link(archive.blob, w.clock() + timedelta(seconds=ttl_s), filename)
    body = {
        **link.model_dump(mode="json"),
        "filename": filename,
        "bytes": archive.bytes,
        "sha256": archive.sha256,
    }
    return Answer(body)


def _dataset_id(call: Call) -> str:
    return call.path("dataset_id").lower()


def _version(call: Call) -> int:
    text = call.path("version")
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise NotFound("There is no such version.")
    return int(text)


def _ttl_s(call: Call, most_s: int) -> int:
    given = call.body(LINK_BODY_MAX_BYTES) if call.request.get_body() else {}
    try:
        ttl_s = LinkRequest.model_validate(given).ttl_s
    except ValidationError as error:
        raise InvalidRequest(violations=tuple(violations_of(error))) from None
    if ttl_s is not None and ttl_s > most_s:
        message = f"must be at most {most_s}"
        violation = Violation(field="ttl_s", rule="less_than_equal", value=ttl_s, message=message)
        raise InvalidRequest(violations=(violation,))
    return ttl_s or most_s
