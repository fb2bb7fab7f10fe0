"""The engine of the user's own lists and pictures: pages of finds, in the uploads' order."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from pixcrawler.adapters.engines.uploads.contents import Contents, Member
from pixcrawler.adapters.engines.uploads.lists import Listing
from pixcrawler.adapters.engines.uploads.places import place_key, place_url
from pixcrawler.adapters.engines.uploads.shelf import UserShelf
from pixcrawler.adapters.engines.uploads.tally import UnreadableUpload
from pixcrawler.domain.engine import Access, EngineCard, EngineStatus
from pixcrawler.domain.errors import Conflict, NotFound, StorageUnavailable
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.job import UPLOAD_ENGINE
from pixcrawler.domain.source import Provenance, SearchQuery
from pixcrawler.pipeline.engines.ports import Find, Page

PAGE_SIZE = 500
PATIENCE_S = 300.0
"""For uploads of which nothing can be used: a hundred may be made to take as long each."""
_LATE = "not looked at, because those before took too long"
_DETAIL_MAX_CHARS = 2000

log = logging.getLogger("pixcrawler.engines")


class UploadsEngine:
    """Gives what is in the uploads that the query names, as far as they are this user's."""

    card = EngineCard(name=UPLOAD_ENGINE, title="Your own lists and pictures", access=Access.OWN)

    def __init__(self, shelf: UserShelf) -> None:
        self._shelf = shelf

    def search(self, query: SearchQuery, cursor: str | None, filters: Filters) -> Page:  # noqa: ARG002 - the user chose them
        """Return one page of finds; the cursor is the number of the upload and the place in it.

        An upload that cannot be used is told in the page's detail; the page is one of a changed
        engine only when nothing follows it.
        """
        first, start = _place(cursor)
        told: list[str] = []
        ends = time.monotonic() + PATIENCE_S
        for number in range(first, len(query.uploads)):
            if time.monotonic() > ends:
                told.append(f"{query.category}, upload {number + 1} and all that follow: {_LATE}")
                break
            page = self._safely(query.uploads[number], number, start)
            if page.detail:
                told.append(f"{query.category}, upload {number + 1}: {page.detail}")
            if page.status is EngineStatus.FAILED:
                return replace(page, detail=_joined(told))
            if page.finds:
                return _completed(page, number, len(query.uploads), told)
            start = 0
        return Page(EngineStatus.CHANGED if told else EngineStatus.EMPTY, detail=_joined(told))

    def _safely(self, upload_id: str, number: int, start: int) -> Page:
        """A page of one upload, or one that says why there is none."""
        try:
            return self._page(upload_id, number, start)
        except UnreadableUpload as error:
            return Page(EngineStatus.CHANGED, detail=str(error))
        except (NotFound, Conflict):  # its owner may move it to where nothing can be read
            return Page(EngineStatus.CHANGED, detail="it is no longer there")
        except StorageUnavailable as error:
            return Page(EngineStatus.FAILED, detail=str(error))
        except Exception:
            log.exception("upload.broke", extra={"upload": upload_id})
            return Page(EngineStatus.CHANGED, detail="it broke our reader")

    def _page(self, upload_id: str, number: int, start: int) -> Page:
        opened = self._shelf.opened(upload_id)
        end = start + PAGE_SIZE
        if isinstance(opened, Listing):
            finds, total = opened.finds[start:end], len(opened.finds)
        else:
            finds, total = _members(upload_id, opened, start, end), len(opened.members)
        # What was left out of an upload is said once, with its first page.
        detail = opened.told if start == 0 and opened.told else None
        following = f"{number}:{end}" if end < total else None
        return Page(EngineStatus.OK, finds, following, detail, total=total, requests=0)


def _completed(page: Page, number: int, uploads: int, told: list[str]) -> Page:
    following = page.next_cursor or (f"{number + 1}:0" if number + 1 < uploads else None)
    return replace(page, next_cursor=following, detail=_joined(told))


def _joined(told: list[str]) -> str | None:
    return "; ".join(told)[:_DETAIL_MAX_CHARS] or None


def _place(cursor: str | None) -> tuple[int, int]:
    number, _, start = (cursor or "0:0").partition(":")
    return int(number), int(start)


def _members(upload_id: str, contents: Contents, start: int, end: int) -> tuple[Find, ...]:
    return tuple(
        _find(upload_id, place, member)
        for place, member in enumerate(contents.members[start:end], start)
    )


def _find(upload_id: str, place: int, member: Member) -> Find:
    url = place_url(upload_id, place, member.name)
    about = Provenance(engine=UPLOAD_ENGINE, title=member.name or None)
    return Find(url, about, bytes_hint=member.bytes, key=place_key(url))
