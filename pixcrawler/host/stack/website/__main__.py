"""Serves the picture website on 127.0.0.1."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from aiohttp import web

from pixcrawler.host.stack.website.server import (
    DEFAULT_PICTURES,
    DEFAULT_REACH,
    Site,
    SiteOptions,
)


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pixcrawler.host.stack.website", description="A website of drawn pictures."
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="port of 127.0.0.1; 0 takes a free one")
    add("--cache", type=Path, required=True, help="folder for the files it draws")
    add("--pictures", type=int, default=DEFAULT_PICTURES, help="good ones of each category")
    add("--seed", type=int, default=1, help="another number, other pictures")
    add("--reach", type=int, default=DEFAULT_REACH, help="results that a query may have")
    add("--base", default="", help="origin of the addresses in answers")
    options = parser.parse_args(argv)
    if options.pictures < 1:
        parser.error("--pictures must be at least 1")
    return options


async def _serve(options: argparse.Namespace) -> None:
    site = Site(
        SiteOptions(options.cache, options.pictures, options.seed, options.reach, options.base)
    )
    runner = web.AppRunner(site.application(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    server = web.TCPSite(runner, "127.0.0.1", options.port)
    await server.start()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    port = runner.addresses[0][1]
    sys.stdout.write(json.dumps({"ready": f"http://127.0.0.1:{port}"}) + "\n")
    sys.stdout.flush()
    await stopped.wait()
    await runner.cleanup()


def main(argv: list[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; prints one JSON line with the address when ready."""
    asyncio.run(_serve(_options(argv)))


if __name__ == "__main__":
    main()
