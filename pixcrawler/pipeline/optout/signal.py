"""Signals: the shape that every way of opting out has here, ours and those of other packages."""

# What a signal is given belongs to those that override a method.
# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

from pixcrawler.domain.purpose import Purpose
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.visits.body import Body
from pixcrawler.pipeline.visits.ports import SiteFile

Headers = Sequence[tuple[str, str]]
"""Of an answer, as they came: one that was sent twice is there twice."""


@dataclass(frozen=True)
class SiteRules:
    """The files in which one site says what machines may do."""

    robots: SiteFile
    tdmrep: SiteFile


@dataclass(frozen=True)
class Saying:
    """One thing that a signal says, and to whom it says no."""

    rule: str
    """As written, or what it comes to in few words."""
    source: str
    """Where it stands: the address of a file, ``header`` or ``bytes``."""
    refused: frozenset[Purpose] = frozenset()
    """Purposes that it refuses; none: it is told in the receipt, nothing more."""
    digest: str | None = None
    """SHA-256 of the file it stands in, for files."""
    reason: RejectReason = RejectReason.OPTED_OUT
    """Why there is no image, where it refuses."""


def is_there(file: SiteFile) -> bool:
    """Say whether a site has a file, whatever is in it."""
    return file.status is not None and HTTPStatus.OK <= file.status < HTTPStatus.MULTIPLE_CHOICES


class Signal:
    """One way in which sites or authors say what machines may do with a picture.

    A subclass overrides what it can tell; the rest says nothing. Whatever it is given was
    written by strangers: a method may raise, which counts as saying nothing, but it must end
    soon, because it runs between the requests of a worker. Other packages bring theirs by the
    entry point group ``pixcrawler.signals``: each names a subclass that is built with nothing.
    """

    name: ClassVar[str]
    """In findings and settings: lower case, ``x-robots-tag``."""

    def of_site(self, url: str, rules: SiteRules) -> Sequence[Saying]:
        """Return what the site's files say of an address that is about to be asked for."""
        return ()

    def interval_s(self, rules: SiteRules) -> float:
        """Return how long the site wants us to wait between two requests; 0: it does not say."""
        return 0.0

    def of_answer(self, url: str, headers: Headers) -> Sequence[Saying]:
        """Return what the head of an answer says of its body."""
        return ()

    def of_body(self, body: Body) -> Sequence[Saying]:
        """Return what the bytes say of themselves."""
        return ()
