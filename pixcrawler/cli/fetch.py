"""Fetching a list on this machine alone: a process of its own does the work, we show it."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pixcrawler.cli.errors import FAILED, INTERRUPTED, MISTAKE, CliError, Mistake
from pixcrawler.cli.fetch_view import fetch_view, show_fetched
from pixcrawler.cli.talk import Talk

_MODULE = "pixcrawler.solo"
# glibc gives large buffers back and faults them in again, and keeps a heap for each thread: with
# these, 1,500 pictures took a twelfth less CPU and an eighth less memory.
_MALLOC = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "8388608",
    "MALLOC_TRIM_THRESHOLD_": "33554432",
}
_ROOT = str(Path(__file__).resolve().parents[2])
_END_S = 20.0
"""For what was fetched to be written after an interruption."""


def add_fetch(parser: argparse.ArgumentParser, positive: Callable[[str], int]) -> None:
    """Add what may be written after ``fetch``."""
    parser.add_argument(
        "list",
        metavar="LIST",
        help="of addresses: TXT (one a line), CSV, TSV, JSON, JSONL, Parquet; text also as .gz; "
        "- is stdin",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help="for the results")
    parser.add_argument("--json", action="store_true", help="the report as JSON, errors too")
    parser.add_argument("--url-col", metavar="C", help="column of addresses (url and its like)")
    parser.add_argument("--caption-col", metavar="C", help="column of captions (caption, text, …)")
    parser.add_argument(
        "--level", choices=("basic", "none"), default="basic",
        help="basic: decode each picture in full (default); none: keep what begins like one",
    )  # fmt: skip
    parser.add_argument(
        "--purpose", choices=("research", "recognition", "generative"), default="recognition",
        help="what the pictures are for: the wishes of sites are read for it (recognition)",
    )  # fmt: skip
    parser.add_argument(
        "--min-size", type=positive, metavar="PX", default=1, help="of the shorter side, least"
    )
    parser.add_argument(
        "--shard-size", type=positive, metavar="N", default=10_000, help="pictures a tar (10000)"
    )
    parser.add_argument(
        "--concurrency", type=positive, metavar="N", default=64, help="downloads at once (64)"
    )
    parser.add_argument(
        "--timeout", type=float, metavar="S", default=20.0, help="seconds for one picture (20)"
    )
    parser.add_argument(
        "--contact", metavar="C", help="address or mail in the User-Agent (or CONTACT)"
    )
    parser.add_argument(
        "--retry-failed", action="store_true", help="only what failed and may work by now"
    )


def fetch(options: argparse.Namespace, talk: Talk) -> int:
    """Fetch the addresses of a list; return the exit code.

    Raises:
        CliError: it could not be done.
    """
    with _child(_order(options)) as child, fetch_view(talk) as show:
        ended, was_interrupted = _followed(child, show, talk)
    code = child.wait()
    if "message" in ended:
        raise (Mistake if code == MISTAKE else CliError)(str(ended["message"]))
    report = ended.get("report")
    if was_interrupted and not report:
        talk.note("interrupted before anything new was fetched")
        return INTERRUPTED
    if not isinstance(report, dict):
        raise CliError(
            f"the fetch ended unexpectedly ({_how(code)}); nothing that was finished is lost: "
            "the same command goes on where it ended"
        )
    show_fetched(talk, report, options.out)
    if was_interrupted:
        talk.note("interrupted: what is in the folder is whole; the same command goes on")
    talk.json(report)
    return INTERRUPTED if was_interrupted else code


def _order(options: argparse.Namespace) -> str:
    return json.dumps(
        {
            "source": options.list,
            "out": str(options.out),
            "url_col": options.url_col,
            "caption_col": options.caption_col,
            "level": options.level,
            "purpose": options.purpose,
            "min_size_px": options.min_size,
            "shard_size": options.shard_size,
            "concurrency": options.concurrency,
            "timeout_s": options.timeout,
            "contact": options.contact,
            "retry_failed": options.retry_failed,
        }
    )


@contextlib.contextmanager
def _child(order: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process that fetches. Ctrl-C is ours: it is told to end, once."""
    ours = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", _MODULE, "fetch", order],
            stdout=subprocess.PIPE,
            env={**os.environ, **_MALLOC, "PYTHONPATH": _ROOT},
        )
    finally:
        signal.signal(signal.SIGINT, ours)
    try:
        yield child
    except BaseException:
        child.terminate()
        raise
    finally:
        try:
            child.wait(_END_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child.stdout:
            child.stdout.close()


def _followed(
    child: subprocess.Popen[bytes], show: Callable[[dict[str, Any]], None], talk: Talk
) -> tuple[dict[str, Any], bool]:
    """Show what the child says to its end; return its last word, and whether it was interrupted."""
    was_interrupted = False
    ended: dict[str, Any] = {}
    events = _events(child)
    while True:
        try:
            for event in events:
                if event.get("event") in ("end", "error"):
                    ended = event
                else:
                    show(event)
        except KeyboardInterrupt:
            if was_interrupted:
                child.kill()
                raise
            was_interrupted = True
            child.terminate()
            talk.note("ending: what is under way gets a few seconds; Ctrl-C again leaves at once")
            events = _events(child)
            continue
        return ended, was_interrupted


def _events(child: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    while child.stdout and (line := child.stdout.readline()):
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict):
                yield found


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code or FAILED}"
