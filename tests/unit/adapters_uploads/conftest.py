"""Uploads of one user in memory."""

from __future__ import annotations

import pytest

from pixcrawler.adapters.engines.uploads.engine import UploadsEngine
from pixcrawler.adapters.engines.uploads.fetcher import UploadsFetcher
from pixcrawler.adapters.engines.uploads.shelf import Shelf
from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import SearchQuery
from pixcrawler.domain.storage import upload_ref
from pixcrawler.pipeline.ports import Fetched
from pixcrawler.pipeline.visits.body import Body

OWNER = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"


class Web:
    """A fetcher of the web that says which addresses it was asked for."""

    def __init__(self):
        self.asked = []

    def fetch_all(self, urls):
        self.asked += urls
        for index in reversed(range(len(urls))):
            yield index, Fetched(Body.of(urls[index].encode()), urls[index], 200, 1)


class Desk:
    """Sends uploads, searches them and fetches from them, as one user or another."""

    def __init__(self):
        self.blobs, self.web = MemoryBlobs(), Web()
        self.shelf = Shelf(self.blobs)
        self.sent = 0

    def send(self, data, user=OWNER):
        """Put an upload; return its id."""
        self.sent += 1
        upload = f"{self.sent:032x}"
        self.blobs.put(upload_ref(user, upload), data)
        return upload

    def page(self, *uploads, cursor=None, user=OWNER):
        """One page of the engine."""
        query = SearchQuery(text="birds", keyword="birds", category="birds", uploads=uploads)
        return UploadsEngine(self.shelf.of(user)).search(query, cursor, Filters())

    def pages(self, *uploads, user=OWNER):
        """Every page, to the end."""
        cursor, found = None, []
        while True:
            found.append(self.page(*uploads, cursor=cursor, user=user))
            cursor = found[-1].next_cursor
            if cursor is None:
                return found
            assert len(found) < 1000

    def fetched(self, *urls, user=OWNER):
        """What fetching gives, in the order of the addresses."""
        results = dict(UploadsFetcher(self.shelf.of(user), self.web).fetch_all(urls))
        return [results[index] for index in range(len(urls))]

    def bodies(self, upload, user=OWNER):
        """Titles and bytes of everything in an archive."""
        finds = [find for page in self.pages(upload, user=user) for find in page.finds]
        results = self.fetched(*(find.url for find in finds), user=user)
        return {
            find.provenance.title: result.body.read()
            if isinstance(result, Fetched)
            else result.detail
            for find, result in zip(finds, results, strict=True)
        }


@pytest.fixture
def desk():
    """Nothing sent yet."""
    return Desk()
