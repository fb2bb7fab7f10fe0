"""A fetcher that reads the user's own pictures from storage and asks the web for all others."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from pixcrawler.adapters.engines.uploads.places import SCHEME, place_of
from pixcrawler.adapters.engines.uploads.shelf import UserShelf
from pixcrawler.adapters.engines.uploads.zips import DamagedMember
from pixcrawler.domain.errors import Conflict, NotFound
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.ports import Fetched, Fetcher, Unfetched
from pixcrawler.pipeline.visits.body import Body

_OK = 200
_GONE = 404


class UploadsFetcher:
    """A Fetcher for the jobs of one user.

    Args:
        shelf: that user's uploads; whatever an address says, no other's are read.
        web: asked for every address that is not a place in an upload.
    """

    def __init__(self, shelf: UserShelf, web: Fetcher) -> None:
        self._shelf, self._web = shelf, web

    def fetch_all(self, urls: Sequence[str]) -> Iterator[tuple[int, Fetched | Unfetched]]:
        """Yield (index into ``urls``, result) as each ends; every index exactly once.

        Raises:
            StorageUnavailable: the uploads cannot be read for now.
        """
        own = [index for index, url in enumerate(urls) if url.startswith(SCHEME)]
        others = [index for index, url in enumerate(urls) if not url.startswith(SCHEME)]
        for index in own:
            yield index, self._fetched(urls[index])
        if others:
            for number, result in self._web.fetch_all([urls[index] for index in others]):
                yield others[number], result

    def _fetched(self, url: str) -> Fetched | Unfetched:
        started = time.monotonic()
        place = place_of(url)
        if place is None:
            return Unfetched(RejectReason.ADDRESS_BLOCKED, "this is no place in an upload", url)
        try:
            body = self._shelf.read(*place)
        except (NotFound, Conflict) as error:
            return Unfetched(RejectReason.GONE, str(error), url, _GONE)
        except DamagedMember as error:
            return Unfetched(RejectReason.BAD_ANSWER, str(error), url)
        elapsed_ms = round((time.monotonic() - started) * 1000)
        return Fetched(Body.of(body), url, _OK, elapsed_ms)
