"""What the Azure SDK raises, in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from azure.core import exceptions as azure
from azure.identity import AuthenticationRequiredError, CredentialUnavailableError
from azure.storage.blob import PartialBatchErrorException

from pixcrawler.domain.errors import (
    ArchiveTooLarge,
    Conflict,
    InvariantBroken,
    NotFound,
    PixCrawlerError,
    StorageUnavailable,
)

Ours = type[PixCrawlerError]

# Service codes whose class or status alone would mislead.
_BY_CODE: dict[str, Ours] = {
    "BlobArchived": Conflict,
    "BlobBeingRehydrated": Conflict,
    "ContainerBeingDeleted": StorageUnavailable,
    "ContainerBeingCreated": StorageUnavailable,
    "AccountBeingCreated": StorageUnavailable,
    # Another writer of the same blob was faster: ours is to be sent anew.
    "InvalidBlockList": StorageUnavailable,
    "RequestBodyTooLarge": ArchiveTooLarge,
    "BlockCountExceedsLimit": ArchiveTooLarge,
}

# Most specific first: the first class that fits decides.
BY_CLASS: tuple[tuple[type[Exception], Ours], ...] = (
    (AuthenticationRequiredError, InvariantBroken),
    (CredentialUnavailableError, StorageUnavailable),
    (azure.ClientAuthenticationError, InvariantBroken),
    (azure.ResourceNotFoundError, NotFound),
    (azure.ResourceExistsError, Conflict),
    (azure.ResourceModifiedError, Conflict),
    (azure.ResourceNotModifiedError, Conflict),
    (azure.TooManyRedirectsError, StorageUnavailable),
    (azure.IncompleteReadError, StorageUnavailable),
    (azure.DecodeError, StorageUnavailable),
    (PartialBatchErrorException, StorageUnavailable),
    (azure.ServiceRequestTimeoutError, StorageUnavailable),
    (azure.ServiceResponseTimeoutError, StorageUnavailable),
    (azure.ServiceRequestError, StorageUnavailable),
    (azure.ServiceResponseError, StorageUnavailable),
    (azure.StreamConsumedError, InvariantBroken),
    (azure.StreamClosedError, InvariantBroken),
    (azure.ResponseNotReadError, InvariantBroken),
    (azure.SerializationError, InvariantBroken),
    (azure.DeserializationError, InvariantBroken),
)

BY_STATUS = (azure.HttpResponseError, azure.ODataV4Error)
"""Classes that say nothing: the HTTP status decides."""

_OF_STATUS: dict[int, Ours] = {
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.PRECONDITION_FAILED: Conflict,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ArchiveTooLarge,
    HTTPStatus.REQUEST_TIMEOUT: StorageUnavailable,
    HTTPStatus.TOO_MANY_REQUESTS: StorageUnavailable,
}


@contextmanager
def in_our_words() -> Iterator[None]:
    """Raise an error of our tree where the SDK raises one of its own."""
    try:
        yield
    except (azure.AzureError, azure.SerializationError, azure.DeserializationError) as error:
        raise translated(error) from error


def translated(error: Exception) -> PixCrawlerError:
    """Return our error for one of the SDK's. Its message names no address and no secret."""
    code = code_of(error)
    ours = _BY_CODE.get(code) or _of_class(error) or _of_status(error)
    return ours(f"Storage: {code or type(error).__name__}")


def code_of(error: Exception) -> str:
    """Return the service's code, such as BlobNotFound; empty where it gave none."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def _of_class(error: Exception) -> Ours | None:
    return next((ours for theirs, ours in BY_CLASS if isinstance(error, theirs)), None)


def _of_status(error: Exception) -> Ours:
    status = getattr(error, "status_code", None)
    if status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return StorageUnavailable
    return _OF_STATUS.get(status, InvariantBroken)
