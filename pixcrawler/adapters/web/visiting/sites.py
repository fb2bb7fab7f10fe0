"""Sites: what each says of machines, asked for once and shared by all workers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import urlsplit

from pixcrawler.adapters.web.visiting.trouble import Trouble
from pixcrawler.domain.errors import Transient
from pixcrawler.pipeline.optout.robots import group_for_us, unavailable
from pixcrawler.pipeline.optout.signal import SiteRules
from pixcrawler.pipeline.optout.tdmrep import PATH as TDMREP_PATH
from pixcrawler.pipeline.visits.ports import SiteFile, SiteFiles

ORIGINS_REMEMBERED = 256
"""Origins whose files this process keeps itself: seldom more than 4 KB each, at worst 1 MB ..."""
BYTES_REMEMBERED = 16 * 1024 * 1024
"""... and so much of them together: one domain may have any number of names with large files."""
REMEMBERED_S = 600.0
"""For so long it does not look again whether they are still fresh."""
TROUBLE_REMEMBERED_S = 60.0
KEPT_S = 24 * 3600.0 - REMEMBERED_S
"""Lifetime for all workers: RFC 9309, 2.4 asks that a file is used for no longer than a day."""
TROUBLE_KEPT_S = 300.0
"""Lifetime of a trouble: until then everything of the site is refused without asking it again."""

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}

log = logging.getLogger("pixcrawler.web")


class Sites:
    """The files of the sites that are visited; for use within one event loop.

    Args:
        files: keeps them for all workers; called in threads.
        get: asks a site for a file, redirects included, as its manners and our guard have it.
        clock: the time now, in seconds since some moment.
    """

    def __init__(
        self,
        files: SiteFiles,
        get: Callable[[str], Awaitable[SiteFile]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = files
        self._get = get
        self._clock = clock
        self._remembered: OrderedDict[str, tuple[SiteRules, float]] = OrderedDict()
        self._bytes = 0
        self._asking: dict[str, asyncio.Task[SiteRules]] = {}

    async def rules_of(self, url: str) -> SiteRules:
        """Return the files of the site that an address is of; visits at once ask it once.

        Who stops waiting does not stop the others' answer.

        Raises:
            Trouble: the site is left alone, and could not be asked.
            DatabaseUnavailable: nobody knows what is known of the site.
        """
        origin = origin_of(url)
        rules, until = self._remembered.get(origin, (None, 0.0))
        if rules is not None and until > self._clock():
            self._remembered.move_to_end(origin)
            return rules
        asking = self._asking.get(origin)
        if asking is None:
            asking = self._asking[origin] = asyncio.create_task(self._asked(origin))
            asking.add_done_callback(partial(self._answered, origin))
        return await asyncio.shield(asking)

    async def close(self) -> None:
        """Ask no more: what is broken off here is no answer of the site's."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    def _answered(self, origin: str, asking: asyncio.Task[SiteRules]) -> None:
        """Remember an answer; a failure is told to those who wait, and tried again by the next."""
        del self._asking[origin]
        if asking.cancelled() or asking.exception() is not None:
            return
        rules = asking.result()
        lasts_s = TROUBLE_REMEMBERED_S if unavailable(rules.robots) else REMEMBERED_S
        before, _ = self._remembered.pop(origin, (None, 0.0))
        self._remembered[origin] = (rules, self._clock() + lasts_s)
        self._bytes += _bytes(rules) - (_bytes(before) if before else 0)
        while len(self._remembered) > ORIGINS_REMEMBERED or self._bytes > BYTES_REMEMBERED:
            _, (gone, _) = self._remembered.popitem(last=False)
            self._bytes -= _bytes(gone)

    async def _asked(self, origin: str) -> SiteRules:
        """Return what the workers know of a site; what they do not, the site is asked for."""
        robots_url, tdmrep_url = f"{origin}/robots.txt", f"{origin}{TDMREP_PATH}"
        known = await asyncio.to_thread(self._files.get, (robots_url, tdmrep_url))
        robots = known.get(robots_url) or await self._fetched(robots_url)
        tdmrep = known.get(tdmrep_url)
        if tdmrep is None:
            # It is a file of the site like any other: robots.txt may forbid it.
            if unavailable(robots) or group_for_us(robots).forbidding(tdmrep_url):
                return SiteRules(robots, SiteFile(tdmrep_url, None))
            tdmrep = await self._fetched(tdmrep_url)
        return SiteRules(robots, tdmrep)

    async def _fetched(self, url: str) -> SiteFile:
        """Ask a site for a file, and keep the answer for all workers."""
        try:
            found = await self._get(url)
        except (Transient, Trouble):
            raise
        except Exception:
            log.exception("site_file.failed", extra={"url": url})
            found = SiteFile(url, None)
        lasts_s = TROUBLE_KEPT_S if unavailable(found) else KEPT_S
        await asyncio.to_thread(self._files.put, found, lasts_s)
        return found


def _bytes(rules: SiteRules) -> int:
    return len(rules.robots.body) + len(rules.tdmrep.body)


def origin_of(url: str) -> str:
    """Return the scheme, host and port of an address, without a port that goes without saying."""
    parts = urlsplit(url)
    scheme, place = parts.scheme.lower(), parts.netloc.rpartition("@")[2].lower()
    return f"{scheme}://{place.removesuffix(_DEFAULT_PORTS.get(scheme, '')).removesuffix(':')}"
