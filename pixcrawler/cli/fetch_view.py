"""Shows a fetch of a list: progress while it runs, counts and reasons at its end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from pixcrawler.cli.reasons import explain
from pixcrawler.cli.talk import Talk, plain_table, plural, row, size

_PLAIN_EVERY_S = 10.0
_HOSTS_SHOWN = 5
_FAULTS_SHOWN = 5
Show = Callable[[dict[str, Any]], None]


@contextlib.contextmanager
def fetch_view(talk: Talk) -> Iterator[Show]:
    """Give a function that shows an event."""
    told = _Notes(talk)
    if not talk.notes.is_terminal:
        lines = _Lines(talk)
        yield lambda event: (lines if event.get("event") == "progress" else told)(event)
        return
    columns = (SpinnerColumn(), BarColumn(bar_width=24), TextColumn("{task.description}"))
    with Progress(*columns, console=talk.notes) as progress:
        task = progress.add_task("starting", total=None)

        def show(event: dict[str, Any]) -> None:
            if event.get("event") != "progress":
                told(event)
            else:
                done, total = event.get("done", 0), event.get("total")
                most = None if total is None else max(done, total)
                progress.update(task, completed=done, total=most, description=_words(event))

        yield show


class _Lines:
    """Plain lines, now and then."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._shown_at = time.monotonic()

    def __call__(self, event: dict[str, Any]) -> None:
        """Say how far it is, if that was not said just now."""
        if time.monotonic() - self._shown_at >= _PLAIN_EVERY_S:
            self._shown_at = time.monotonic()
            self._talk.note(_words(event))


class _Notes:
    """Remarks, and the first faulty rows of the list; the report has more."""

    def __init__(self, talk: Talk) -> None:
        self._talk, self._left = talk, _FAULTS_SHOWN

    def __call__(self, event: dict[str, Any]) -> None:
        """Say what there is to say, or what is wrong with a row."""
        if event.get("event") == "note":
            self._talk.note(str(event.get("text")))
            return
        self._left -= 1
        if self._left >= 0:
            value = f", value: {event['value']!r}" if event.get("value") else ""
            self._talk.note(f"row {event.get('row')} is left out: {event.get('rule')}{value}")


def _words(event: dict[str, Any]) -> str:
    done, total = event.get("done", 0), event.get("total")
    of = f" of {total:,}" if total else ""
    reasons = ", ".join(f"{count:,} {name}" for name, count in event.get("reasons", {}).items())
    told = f" ({reasons})" if reasons else ""
    return (
        f"{done:,}{of}: {event.get('kept', 0):,} kept, {event.get('failed', 0):,} failed{told}; "
        f"{event.get('per_s', 0):,} a second"
    )


def show_fetched(talk: Talk, report: dict[str, Any], out: Path) -> None:
    """Show what a fetch came to."""
    run = report["this_run"]
    shards = plural(report["shards"], "shard")
    talk.line(
        f"{plural(report['kept'], 'picture')} kept in {shards} ({size(report['kept_bytes'])}), "
        f"{report['failed']:,} failed"
    )
    talk.line(
        f"this run: {plural(run['settled'], 'address').replace('addresss', 'addresses')} in "
        f"{run['seconds']:.1f} s, {run['images_per_s']:,} a second, {size(run['bytes'])}"
    )
    _show_list(talk, report)
    _show_reasons(talk, report["reasons"])
    _show_hosts(talk, report["hosts"])
    talk.line()
    if report["failed_in_passing"]:
        count = f"{report['failed_in_passing']:,}"
        talk.line(f"{count} of the failures may have passed: --retry-failed fetches them again")
    pictures = "00000.tar …, " if report["shards"] else ""
    talk.line(f"folder   {out}")
    talk.line(f"files    {pictures}outcomes.jsonl, outcomes.parquet, report.json")


def _show_list(talk: Talk, report: dict[str, Any]) -> None:
    if report["faulty_rows"]:
        talk.line(f"{plural(report['faulty_rows'], 'row')} of the list left out:")
        for rule, count in report["faults_by_rule"].items():
            talk.line(f"  {count:,} {rule}")
    if report["list_broken_off"]:
        talk.line(f"The list could not be read to its end: {report['list_broken_off']}")


def _show_reasons(talk: Talk, reasons: dict[str, int]) -> None:
    if not reasons:
        return
    table = plain_table("count", "reason", "meaning")
    table.columns[0].justify = "right"
    for reason, count in reasons.items():
        row(table, f"{count:,}", reason, explain(reason))
    talk.line()
    talk.table(table)


def _show_hosts(talk: Talk, hosts: list[dict[str, Any]]) -> None:
    if not hosts:
        return
    table = plain_table("host", "requests", "received", "failed requests")
    for column in table.columns[1:]:
        column.justify = "right"
    for host in hosts[:_HOSTS_SHOWN]:
        counts = (f"{host['requests']:,}", size(host["bytes"]), f"{host['failures']:,}")
        row(table, host["host"], *counts)
    talk.line()
    talk.table(table)
