"""The host's log: the Functions host's line format, and the way there for what functions print."""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import IO

from typing_extensions import override

HOST = logging.getLogger("pixcrawler.host")
_QUIET = ("azure", "asyncio", "aiohttp", "urllib3")
_MAX_LINE = 32_768

current_function: ContextVar[str | None] = ContextVar("current_function", default=None)
"""The function that runs in this context; names the source of what it prints and logs."""


class HostFormatter(logging.Formatter):
    """``[2026-11-20T11:45:24.123Z] text``: the line format of Core Tools."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        level = "" if record.levelno <= logging.INFO else f"{record.levelname.capitalize()}: "
        return f"[{stamp}] {level}{text}"


def start_logging(stream: IO[str], *, verbose: bool) -> None:
    """Send the host's log to ``stream``; libraries speak up from WARNING on."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(HostFormatter())
    HOST.handlers = [handler]
    HOST.propagate = False
    HOST.setLevel(logging.DEBUG if verbose else logging.INFO)
    for name in _QUIET:
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO if verbose else logging.WARNING)
    # A client that sends what is not HTTP gets its 400; that is no event of ours.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    logging.getLogger("azure.core.pipeline.policies.http_logging_policy").setLevel(logging.WARNING)


def log_function_output(function: str | None, level: int, text: str) -> None:
    """Write a line that a function printed or logged, under its name."""
    source = f"Functions.{function}" if function else "worker"
    HOST.log(level, "%s: %s", source, text[:_MAX_LINE])


Sink = Callable[[str | None, int, str], None]


class FunctionLogHandler(logging.Handler):
    """Passes records of the app's own loggers to a sink with the running function's name."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except (TypeError, ValueError) as error:
            text = f"{record.msg!r} (cannot be formatted: {error})"
        self._sink(current_function.get(), record.levelno, text)


class FunctionStream(io.TextIOBase):
    """Stands in for ``sys.stdout`` and ``sys.stderr`` where functions run: lines go to a sink."""

    def __init__(self, sink: Sink, level: int) -> None:
        super().__init__()
        self._sink = sink
        self._level = level
        # Per thread: functions print at the same time, and a line comes in pieces.
        self._rest = threading.local()

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, text: str) -> int:
        lines = (getattr(self._rest, "text", "") + text).split("\n")
        self._rest.text = lines.pop()[:_MAX_LINE]
        for line in lines:
            if line.strip():
                self._sink(current_function.get(), self._level, line)
        return len(text)


def capture_app_output(sink: Sink, *, debug: bool) -> None:
    """Route prints and the root logger of this process to ``sink``.

    The root level is INFO, or DEBUG where the app asks for it, as in Azure's worker.
    """
    root = logging.getLogger()
    root.addHandler(FunctionLogHandler(sink))
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    sys.stdout = FunctionStream(sink, logging.INFO)
    sys.stderr = FunctionStream(sink, logging.ERROR)
