"""The door of steps alone: an order comes in as JSON, events go out as JSON, one a line."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from pydantic import ValidationError

from pixcrawler.solo.fetch import Fetch
from pixcrawler.solo.order import CannotFetch, CannotGoOn, FetchOrder
from pixcrawler.solo.web import web_of

OK, FAILED, MISTAKE, PARTIAL, INTERRUPTED = 0, 1, 2, 3, 130


class _Speaker:
    """Writes events on stdout; when nobody listens any more, the fetch ends."""

    def __init__(self) -> None:
        self.fetch: Fetch | None = None

    def tell(self, event: str, facts: dict[str, Any]) -> None:
        """Write one event."""
        try:
            sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
            sys.stdout.flush()
        except OSError:
            if self.fetch is not None:
                self.fetch.stop()


def main(arguments: list[str]) -> int:
    """Carry out ``fetch ORDER``; return the exit code."""
    speaker = _Speaker()
    if len(arguments) != 2 or arguments[0] != "fetch":  # noqa: PLR2004 - the word and the order
        speaker.tell("error", {"message": "usage: python -m pixcrawler.solo fetch ORDER"})
        return MISTAKE
    try:
        order = FetchOrder.model_validate_json(arguments[1])
        fetch = speaker.fetch = Fetch(order, web_of(order), speaker.tell)
        was_stopped: list[int] = []

        def stop(number: int, _: object) -> None:
            was_stopped.append(number)
            if not fetch.has_begun:  # it may be waiting for standard input
                sys.exit(INTERRUPTED)
            fetch.stop()

        signal.signal(signal.SIGTERM, stop)
        report = fetch.run()
    except CannotFetch as error:
        speaker.tell("error", {"message": str(error)})
        return FAILED if isinstance(error, CannotGoOn) else MISTAKE
    except ValidationError as error:
        told = "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())
        speaker.tell("error", {"message": told})
        return MISTAKE
    speaker.tell("end", {"report": report})
    return INTERRUPTED if was_stopped else _code(report)


def _code(report: dict[str, Any]) -> int:
    if not report["kept"]:
        return FAILED
    return PARTIAL if report["list_broken_off"] else OK


if __name__ == "__main__":
    code = main(sys.argv[1:])
    # What is still under way after an interruption is not waited for: everything is on the disk.
    os._exit(code)
