"""Every error that the Azure SDK can raise has a place in our tree."""

from __future__ import annotations

import inspect
from types import SimpleNamespace

import pytest
from azure import identity
from azure.core import exceptions
from azure.storage import blob

from pixcrawler.adapters.azure.errors import BY_CLASS, BY_STATUS, in_our_words, translated
from pixcrawler.domain.errors import (
    ArchiveTooLarge,
    Conflict,
    InvariantBroken,
    NotFound,
    PixCrawlerError,
    StorageUnavailable,
)


def exported() -> set[type[Exception]]:
    """Return every exception class that the three packages export."""
    return {
        thing
        for module in (exceptions, identity, blob)
        for thing in vars(module).values()
        if inspect.isclass(thing) and issubclass(thing, Exception)
    }


def test_every_class_is_listed() -> None:
    """A new exception class of the SDK must be given a place by a person."""
    listed = {theirs for theirs, _ in BY_CLASS} | set(BY_STATUS) | {exceptions.AzureError}
    assert exported() == listed


def test_the_most_specific_comes_first() -> None:
    """No row of the table is hidden by an earlier, more general one."""
    rows = [theirs for theirs, _ in BY_CLASS]
    hidden = [
        later
        for place, later in enumerate(rows)
        if any(issubclass(later, earlier) for earlier in rows[:place])
    ]
    assert hidden == []


@pytest.mark.parametrize(("theirs", "ours"), BY_CLASS, ids=lambda kind: kind.__name__)
def test_each_class(theirs: type[Exception], ours: type[PixCrawlerError]) -> None:
    """Each class becomes what the table says."""
    error = theirs.__new__(theirs)
    assert type(translated(error)) is ours


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        (None, StorageUnavailable),
        (400, InvariantBroken),
        (403, InvariantBroken),
        (404, NotFound),
        (408, StorageUnavailable),
        (409, Conflict),
        (412, Conflict),
        (413, ArchiveTooLarge),
        (429, StorageUnavailable),
        (500, StorageUnavailable),
        (503, StorageUnavailable),
    ],
)
def test_each_status(status: int | None, ours: type[PixCrawlerError]) -> None:
    """An answer without a class of its own is told by its status."""
    answer = SimpleNamespace(status_code=status, reason="", headers={}, text=lambda: "")
    error = exceptions.HttpResponseError(response=answer if status else None)
    assert type(translated(error)) is ours


def test_a_code_says_more_than_a_class() -> None:
    """A container that is being deleted will be gone soon: that is no conflict."""
    error = exceptions.ResourceExistsError("x")
    error.error_code = "ContainerBeingDeleted"
    assert type(translated(error)) is StorageUnavailable


def test_two_writers_of_a_large_blob_are_no_mistake() -> None:
    """Who commits second finds the blocks discarded: the write is repeated, no job fails."""
    error = exceptions.HttpResponseError("x")
    error.status_code, error.error_code = 400, "InvalidBlockList"
    assert type(translated(error)) is StorageUnavailable


def test_the_message_keeps_secrets() -> None:
    """Addresses and signatures in the SDK's message do not reach ours; the cause is kept."""
    with pytest.raises(StorageUnavailable) as caught, in_our_words():
        raise exceptions.ServiceRequestError("https://x/?sig=SECRET")
    assert "SECRET" not in str(caught.value)
    assert isinstance(caught.value.__cause__, exceptions.ServiceRequestError)


def test_other_errors_pass() -> None:
    """A mistake of ours is not taken for one of the store's."""
    with pytest.raises(KeyError), in_our_words():
        raise KeyError("ours")
