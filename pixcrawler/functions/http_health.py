"""HTTP: is the service well, and which version is it?"""

from __future__ import annotations

import time
from collections.abc import Callable

import azure.durable_functions as df
import azure.functions as func

from pixcrawler import __version__
from pixcrawler.bootstrap import World, world
from pixcrawler.domain.errors import PixCrawlerError
from pixcrawler.domain.storage import WORK, BlobRef
from pixcrawler.functions.guard import register_trigger
from pixcrawler.functions.wire import Answer, Wire

DEGRADED_STATUS = 503
_PROBE = BlobRef(container=WORK, name="health")
"""Need not exist: an answer is all that is asked for."""

blueprint = df.Blueprint()

_PARTS: dict[str, Callable[[World], object]] = {
    "database": lambda w: w.catalogue.ping(),
    "storage": lambda w: w.blobs.exists(_PROBE),
    "keys": lambda w: w.tokens.check(),
}


def health(request: func.HttpRequest) -> Answer:  # noqa: ARG001 - everybody may ask
    """Answer 200 when every part works, else 503; why not is in the log, not in the answer."""
    parts = {name: _checked(check) for name, check in _PARTS.items()}
    well = all(part["status"] == "ok" for part in parts.values())
    body = {
        "status": "ok" if well else "degraded",
        "version": __version__,
        "parts": parts,
    }
    return Answer(body, 200 if well else DEGRADED_STATUS)


def _checked(check: Callable[[World], object]) -> Wire:
    started = time.monotonic()
    try:
        check(world())
        status = "ok"
    except PixCrawlerError as error:
        status = error.code
    return {"status": status, "ms": round((time.monotonic() - started) * 1000, 1)}


register_trigger(blueprint, "GET", "v1/health", "health", health)
