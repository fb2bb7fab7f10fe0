"""Sites: what each says of machines, asked for once and shared by all workers."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from pixcrawler.pipeline.optout.robots import RobotsTxt, unavailable
from pixcrawler.pipeline.optout.signal import SiteRules
from pixcrawler.pipeline.visits.ports import SiteFile, SiteFiles

ORIGINS_KEPT = 1000
"""Origins whose files are kept in this process: 1 MB of each at worst."""
KEPT_S = 24 * 3600.0
"""Lifetime of an answer: RFC 9309 asks that a robots.txt is used for no longer than a day."""
TROUBLE_KEPT_S = 300.0
"""Lifetime of a trouble: until then, everything of the site is refused without asking it."""

log = logging.getLogger("pixcrawler.web")


class Sites:
    """The files of the sites that are visited.

    Args:
        files: keeps them for all workers.
        get: asks a site for a file, within its manners and its guard.
    """

    def __init__(self, files: SiteFiles, get: Callable[[str], Awaitable[SiteFile]]) -> None:
        self._files = files
        self._get = get
        self._known: OrderedDict[str, asyncio.Task[SiteRules]] = OrderedDict()

    async def rules_of(self, url: str) -> SiteRules:
        """Return the files of the site that an address is of; visits at once ask it once."""
        origin = origin_of(url)
        task = self._known.get(origin)
        if task is None:
            task = asyncio.ensure_future(self._rules(origin))
            self._known[origin] = task
        self._known.move_to_end(origin)
        return await asyncio.shield(task)

    async def _rules(self, origin: str) -> SiteRules:
        robots_url, tdmrep_url = f"{origin}/robots.txt", f"{origin}/.well-known/tdmrep.json"
        known = await asyncio.to_thread(self._files.get, [robots_url, tdmrep_url])
        robots = known.get(robots_url) or await self._asked(robots_url)
        tdmrep = known.get(tdmrep_url)
        if tdmrep is None:
            rules = SiteRules(robots, SiteFile(tdmrep_url, None))
            if unavailable(robots) or RobotsTxt().of_site(tdmrep_url, rules):
                return rules
            tdmrep = await self._asked(tdmrep_url)
        return SiteRules(robots, tdmrep)

    async def _asked(self, url: str) -> SiteFile:
        try:
            found = await self._get(url)
        except Exception:
            log.exception("site_file.failed", extra={"url": url})
            found = SiteFile(url, None)
        lasts_s = TROUBLE_KEPT_S if unavailable(found) else KEPT_S
        await asyncio.to_thread(self._files.put, found, lasts_s)
        return found


def origin_of(url: str) -> str:
    """Return the scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme.lower()}://{parts.netloc.rpartition('@')[2].lower()}"
