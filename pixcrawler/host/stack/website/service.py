"""How the file of each picture is served: most plainly, some slowly, wrongly or never."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor

from aiohttp import web

from pixcrawler.host.stack.website.catalogue import Awkward, Fault, Picture
from pixcrawler.host.stack.website.files import PictureFiles

Serve = Callable[[web.Request, Picture], Awaitable[web.StreamResponse]]

SLOW_S = 1.5
DRIPPING_S = 90
_DRIP_S = 1.0
_CHUNK_BYTES = 16_384
_CONTENT_TYPES = {"svg": "image/svg+xml", "bmp": "image/bmp"}
_PRIVATE_PLACES = (
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/picture.jpg",
    "http://[fd00::1]/picture.jpg",
    "http://192.168.0.1/admin",
)


class ImageService:
    """Answers requests for picture files."""

    def __init__(self, files: PictureFiles, painters: Executor) -> None:
        self._files = files
        self._painters = painters
        self._throttled: set[str] = set()
        self._special: dict[Fault | Awkward, Serve] = {
            Fault.GONE: self._refuse(404),
            Fault.FORBIDDEN: self._refuse(403),
            Fault.SERVER_ERROR: self._refuse(500),
            Fault.REDIRECT_LOOP: self._redirect_for_ever,
            Fault.PRIVATE_REDIRECT: self._redirect_to_private,
            Fault.DRIPPING: self._drip,
            Fault.NOAI: self._without_leave,
            Awkward.SLOW: self._slowly,
            Awkward.THROTTLED: self._throttle_once,
            Awkward.NO_LENGTH: self._without_length,
            Awkward.WRONG_TYPE: self._with_wrong_type,
            Awkward.REDIRECT: self._redirect,
        }

    async def serve(self, request: web.Request, picture: Picture) -> web.StreamResponse:
        """Answer as the picture's fault or awkwardness demands, else with its file."""
        manner = picture.fault or picture.awkward
        special = self._special.get(manner) if manner else None
        return await special(request, picture) if special else await self.plainly(picture)

    async def plainly(self, picture: Picture) -> web.Response:
        """Answer with the file and its right content type."""
        kind = _CONTENT_TYPES.get(picture.format, f"image/{picture.format}")
        return web.Response(body=await self._read(picture), content_type=kind)

    async def _read(self, picture: Picture) -> bytes:
        ready = self._files.ready(picture)
        if ready is not None:
            return ready
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._painters, self._files.read, picture)

    async def _without_leave(self, _: web.Request, picture: Picture) -> web.StreamResponse:
        """Give the picture, and say that no model may learn from it."""
        response = await self.plainly(picture)
        response.headers["X-Robots-Tag"] = "noai, noimageai"
        return response

    @staticmethod
    def _refuse(status: int) -> Serve:
        async def refuse(_: web.Request, __: Picture) -> web.StreamResponse:
            return web.Response(status=status, text=f"{status}: not for you\n")

        return refuse

    @staticmethod
    async def _redirect_for_ever(request: web.Request, picture: Picture) -> web.StreamResponse:
        turn = request.query.get("turn", "0")
        following = int(turn) + 1 if turn.isdecimal() and len(turn) < 9 else 1  # noqa: PLR2004 - a bound
        return _moved(f"{picture.path}?turn={following}")

    @staticmethod
    async def _redirect_to_private(_: web.Request, picture: Picture) -> web.StreamResponse:
        which = hashlib.sha256(picture.id.encode()).digest()[0] % len(_PRIVATE_PLACES)
        return _moved(_PRIVATE_PLACES[which])

    async def _drip(self, request: web.Request, picture: Picture) -> web.StreamResponse:
        data = await self._read(picture)
        response = web.StreamResponse(headers={"Content-Type": "image/jpeg"})
        response.content_length = len(data)
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):  # the client had enough
            for turn in range(int(DRIPPING_S / _DRIP_S)):
                await response.write(data[turn : turn + 1])
                await asyncio.sleep(_DRIP_S)
        response.force_close()
        return response

    async def _slowly(self, _: web.Request, picture: Picture) -> web.StreamResponse:
        await asyncio.sleep(SLOW_S)
        return await self.plainly(picture)

    async def _throttle_once(self, _: web.Request, picture: Picture) -> web.StreamResponse:
        if picture.id not in self._throttled:
            self._throttled.add(picture.id)
            headers = {"Retry-After": "1"}
            return web.Response(status=429, text="Too many requests\n", headers=headers)
        return await self.plainly(picture)

    async def _without_length(self, request: web.Request, picture: Picture) -> web.StreamResponse:
        data = await self._read(picture)
        response = web.StreamResponse(headers={"Content-Type": f"image/{picture.format}"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        for start in range(0, len(data), _CHUNK_BYTES):
            await response.write(data[start : start + _CHUNK_BYTES])
        await response.write_eof()
        return response

    async def _with_wrong_type(self, _: web.Request, picture: Picture) -> web.StreamResponse:
        return web.Response(body=await self._read(picture), content_type="text/plain")

    @staticmethod
    async def _redirect(_: web.Request, picture: Picture) -> web.StreamResponse:
        return _moved(f"/moved/{picture.id}")


def _moved(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location})
