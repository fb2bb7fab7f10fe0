"""The website as an aiohttp application: pages for people, a search for programs, the files."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from pixcrawler.host.stack.website import pages, search
from pixcrawler.host.stack.website.catalogue import Catalogue, Fault, Picture
from pixcrawler.host.stack.website.files import PictureFiles
from pixcrawler.host.stack.website.service import ImageService

DEFAULT_PICTURES = 60
DEFAULT_REACH = 10_000
_PAINTERS = 2
_PEOPLES_PAGE = 24
_DEFAULT_PAGE = 20
_HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}(:\d{1,5})?|\[[0-9a-fA-F:]{2,45}\](:\d{1,5})?")


@dataclass(frozen=True)
class SiteOptions:
    """What a website is made from.

    ``pictures`` are good ones of each category; ``reach`` is how many results a query may have;
    ``base`` is the origin of addresses in answers, by default that of the request.
    """

    cache: Path
    pictures: int = DEFAULT_PICTURES
    seed: int = 1
    reach: int = DEFAULT_REACH
    base: str = ""


class Site:
    """The handlers of one website."""

    def __init__(self, options: SiteOptions) -> None:
        self._options = options
        self._catalogue = Catalogue(options.seed, options.pictures, options.cache)
        self._files = PictureFiles(self._catalogue, options.cache, options.seed)
        self._painters = ThreadPoolExecutor(_PAINTERS, thread_name_prefix="painter")
        self._images = ImageService(self._files, self._painters)

    def application(self) -> web.Application:
        """Return the application with all its routes."""
        app = web.Application(client_max_size=16_384)
        app.add_routes(
            [
                web.get("/", self.home),
                web.get("/search", self.search_page),
                web.get("/api/search", self.search_api),
                web.get("/pictures/{id}", self.picture),
                web.get("/thumbnails/{id}.jpg", self.thumbnail),
                web.get("/images/{name}", self.image),
                web.get("/private/{name}", self.private),
                web.get("/moved/{id}", self.moved),
                web.get("/robots.txt", self.robots),
                web.get("/planted.json", self.planted),
                web.get("/awkward.json", self.awkward),
                web.get("/healthz", self.healthz),
            ]
        )

        async def close(_: web.Application) -> None:
            self._painters.shutdown(wait=False, cancel_futures=True)

        app.on_cleanup.append(close)
        return app

    async def home(self, _: web.Request) -> web.Response:
        """Answer with the front page."""
        return _html(pages.home(self._catalogue))

    async def search_page(self, request: web.Request) -> web.Response:
        """Answer with a page of results for people."""
        query = request.query.get("q", "")[: search.LONGEST_QUERY_CHARS]
        page = _number(request, "page", 1, 10**6) or 1
        reach = self._options.reach
        return _html(pages.results(search.find(self._catalogue, query, page, _PEOPLES_PAGE, reach)))

    async def search_api(self, request: web.Request) -> web.Response:
        """Answer with a page of results as JSON; 400 names a bad parameter."""
        query = request.query.get("q", "")
        if len(query) > search.LONGEST_QUERY_CHARS:
            return _bad(f"q may have {search.LONGEST_QUERY_CHARS} characters")
        page = _number(request, "page", 1, 10**6)
        size = _number(request, "page_size", _DEFAULT_PAGE, search.LARGEST_PAGE)
        if page is None or size is None:
            return _bad(f"page is from 1, page_size from 1 to {search.LARGEST_PAGE}")
        found = search.find(self._catalogue, query, page, size, self._options.reach)
        base = self._base(request)
        return web.json_response(
            {
                "query": found.query,
                "total": found.total,
                "page": found.page,
                "pages": found.pages,
                "results": [_result(picture, base) for picture in found.pictures],
            }
        )

    async def picture(self, request: web.Request) -> web.Response:
        """Answer with the page of one picture."""
        found = self._catalogue.by_id.get(request.match_info["id"])
        return _html(pages.one_picture(found)) if found else _html(pages.missing(), 404)

    async def thumbnail(self, request: web.Request) -> web.Response:
        """Answer with a small version of a picture."""
        found = self._catalogue.by_id.get(request.match_info["id"])
        if not found:
            return _html(pages.missing(), 404)
        loop = asyncio.get_running_loop()
        data = await loop.run_in_executor(self._painters, self._files.thumbnail, found)
        return web.Response(body=data, content_type="image/jpeg")

    async def image(self, request: web.Request) -> web.StreamResponse:
        """Answer a request for a picture's file, in the way planned for it."""
        found = self._catalogue.by_name.get(request.match_info["name"])
        return await self._images.serve(request, found) if found else _html(pages.missing(), 404)

    async def private(self, request: web.Request) -> web.StreamResponse:
        """Answer whoever does not care for robots.txt."""
        found = self._catalogue.by_name.get(request.match_info["name"])
        if found and found.fault is Fault.DISALLOWED:
            return await self._images.serve(request, found)
        return _html(pages.missing(), 404)

    async def moved(self, request: web.Request) -> web.StreamResponse:
        """Answer with the file of a picture that was redirected here."""
        found = self._catalogue.by_id.get(request.match_info["id"])
        if found and found.fault is None:
            return await self._images.plainly(found)
        return _html(pages.missing(), 404)

    async def robots(self, _: web.Request) -> web.Response:
        """Answer with what crawlers may visit."""
        return web.Response(text="User-agent: *\nDisallow: /private/\n")

    async def planted(self, request: web.Request) -> web.Response:
        """Answer with the fault of each faulty file, by address."""
        base = self._base(request)
        return web.json_response(
            {f"{base}{picture.path}": picture.fault for picture in self._catalogue if picture.fault}
        )

    async def awkward(self, request: web.Request) -> web.Response:
        """Answer with the good files that are served awkwardly, by address."""
        base = self._base(request)
        return web.json_response(
            {
                f"{base}{picture.path}": picture.awkward
                for picture in self._catalogue
                if picture.awkward
            }
        )

    async def healthz(self, _: web.Request) -> web.Response:
        """Answer that the website works."""
        return web.json_response({"status": "ok", "pictures": len(self._catalogue.by_id)})

    def _base(self, request: web.Request) -> str:
        if self._options.base:
            return self._options.base.rstrip("/")
        if not _HOST.fullmatch(request.host):
            raise web.HTTPBadRequest(text="bad Host header\n")
        return f"http://{request.host}"


def _number(request: web.Request, name: str, default: int, highest: int) -> int | None:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(highest))):
        return None
    return int(text) if 1 <= int(text) <= highest else None


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html")


def _bad(message: str) -> web.Response:
    return web.json_response({"error": message}, status=400)


def _result(picture: Picture, base: str) -> dict[str, object]:
    return {
        "id": picture.id,
        "title": picture.title,
        "url": base + picture.path,
        "page_url": f"{base}/pictures/{picture.id}",
        "width": picture.width,
        "height": picture.height,
        "filetype": picture.format,
        "license": "cc0",
        "license_url": pages.LICENSE_URL,
        "creator": pages.CREATOR,
        "tags": search.tags_of(picture),
    }
