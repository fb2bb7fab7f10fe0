"""HTTP: where a list or an archive of the user's own may be sent to."""

from __future__ import annotations

import secrets
from datetime import timedelta
from itertools import islice

import azure.durable_functions as df
from pydantic import Field, StrictInt, ValidationError

from pixcrawler.bootstrap import world
from pixcrawler.domain.errors import Conflict, InvalidRequest, NotFound, Violation
from pixcrawler.domain.job import JobSpec
from pixcrawler.domain.jobfile import violations_of
from pixcrawler.domain.model import Value
from pixcrawler.domain.storage import WORK, upload_ref
from pixcrawler.domain.upload import begun_at, upload_id
from pixcrawler.functions.guard import Access, Call, operation
from pixcrawler.functions.wire import Answer
from pixcrawler.pipeline.limits import (
    UPLOAD_KEPT_DAYS,
    UPLOAD_LINK_S,
    UPLOAD_MAX_BYTES,
    UPLOAD_SWEPT_DAYS,
    USER_MAX_UPLOADED_BYTES,
)

USER_MAX_BLOBS = 1000
"""Of one user's uploads and what was made of them: ten of the largest jobs in nine days."""
_BODY_MAX_BYTES = 4096
_CHANCE_BYTES = 10
_CREATED = 201

blueprint = df.Blueprint()


class UploadRequest(Value):
    """The body of a request for a place to send something to."""

    bytes: StrictInt = Field(ge=1, le=UPLOAD_MAX_BYTES)
    """How long it is."""


@operation(blueprint, "POST", "v1/uploads", Access.CHANGE)
def create_upload(call: Call) -> Answer:
    """Answer with an address that the bytes can be put to, straight into storage.

    Nothing is recorded: the place carries the caller's id, and the upload's id its age.
    """
    try:
        wish = UploadRequest.model_validate(call.body(_BODY_MAX_BYTES))
    except ValidationError as error:
        raise InvalidRequest(violations=tuple(violations_of(error))) from None
    w = world()
    _check_room(call.principal.user_id, wish.bytes)
    now = w.clock()
    made = upload_id(now, secrets.token_bytes(_CHANCE_BYTES))
    place = upload_ref(call.principal.user_id, made)
    link = w.blobs.upload_link(place, now + timedelta(seconds=UPLOAD_LINK_S))
    body = {
        "id": made,
        **link.model_dump(mode="json"),
        "headers": {"x-ms-blob-type": "BlockBlob"},
        "kept_until": (now + timedelta(days=UPLOAD_KEPT_DAYS)).isoformat(timespec="seconds"),
    }
    return Answer(body, _CREATED)


def _check_room(user_id: str, more_bytes: int) -> None:
    """Refuse one upload more than a user may have; they go by themselves."""
    listed = world().blobs.lengths(WORK, upload_ref(user_id, "").name)
    lengths = [length for _, length in islice(listed, USER_MAX_BLOBS)]
    is_full = len(lengths) == USER_MAX_BLOBS
    if is_full or sum(lengths) + more_bytes > USER_MAX_UPLOADED_BYTES:
        what = "too many uploads" if is_full else "more uploads than there is room for"
        raise Conflict(
            f"You have {what}. They are removed {UPLOAD_SWEPT_DAYS} days after they were "
            "begun: send more things in one archive, or wait."
        )


def check_uploads(user_id: str, spec: JobSpec) -> None:
    """See to it that a job names only what its owner has sent, and lately.

    Raises:
        InvalidRequest: with one violation for each upload that cannot be used.
    """
    violations = tuple(
        Violation(field=f"uploads.{category}.{number}", rule=rule, value=upload, message=message)
        for category, uploads in spec.uploads.items()
        for number, upload in enumerate(uploads)
        for rule, message in _broken(user_id, upload)
    )
    if violations:
        raise InvalidRequest(violations=violations)


def _broken(user_id: str, upload: str) -> list[tuple[str, str]]:
    """The rule that an upload breaks, if any, and the words for it."""
    w = world()
    begun = begun_at(upload)
    if begun is None or w.clock() - begun > timedelta(days=UPLOAD_KEPT_DAYS):
        message = f"is not known, or too old: uploads are taken for {UPLOAD_KEPT_DAYS} days"
        return [("unknown_upload", message)]
    try:
        length = w.blobs.size(upload_ref(user_id, upload))
    except NotFound:
        return [("unknown_upload", "is no upload of yours, or nothing has been sent to it yet")]
    if length > UPLOAD_MAX_BYTES:
        return [("max_bytes", f"is larger than {UPLOAD_MAX_BYTES} bytes")]
    return [] if length else [("empty", "is empty")]
