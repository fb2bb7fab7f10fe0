"""Shows progress: a bar on a terminal, else a line when something has changed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from pixcrawler.cli.follow import Sight
from pixcrawler.cli.talk import Talk, size

_PLAIN_EVERY_S = 10.0
_WHOLE = 1000
_TEXT_COLUMNS = 100
"""What the texts beside the bar take; it has the rest of the line."""


@contextlib.contextmanager
def job_view(talk: Talk) -> Iterator[Callable[[Sight], None]]:
    """Give a function that shows a sight of a job."""
    if not talk.notes.is_terminal:
        yield _Lines(talk).show
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=min(max(talk.notes.width - _TEXT_COLUMNS, 6), 30)),
        TextColumn("{task.fields[counts]}"),
        TextColumn("{task.fields[left]}", style="dim"),
    )
    with Progress(*columns, console=talk.notes) as progress:
        task = progress.add_task("pending", total=_WHOLE, counts="", left="")

        def show(sight: Sight) -> None:
            progress.update(
                task,
                description=sight.stage,
                completed=round(sight.fraction * _WHOLE),
                counts=sight.counts,
                left=sight.left,
            )

        yield show


class _Lines:
    """Plain lines: at each new stage, and now and then between."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._stage = ""
        self._shown_at = -_PLAIN_EVERY_S

    def show(self, sight: Sight) -> None:
        """Say the sight, if it is worth a line."""
        now = time.monotonic()
        if sight.stage == self._stage and now - self._shown_at < _PLAIN_EVERY_S:
            return
        self._stage, self._shown_at = sight.stage, now
        counts = f": {sight.counts}" if sight.counts else ""
        left = f" ({sight.left})" if sight.left else ""
        self._talk.note(f"{sight.stage}{counts}{left}")


@contextlib.contextmanager
def bytes_view(talk: Talk, what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give a function that shows how many bytes of ``total`` are there."""
    if not talk.notes.is_terminal:
        talk.note(f"{what} ({size(total)})")
        yield lambda _: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24))
    counts = TextColumn("{task.fields[counts]}")
    with Progress(*columns, counts, console=talk.notes, transient=True) as progress:
        task: TaskID = progress.add_task(what, total=max(total, 1), counts="")

        def show(there: int) -> None:
            progress.update(task, completed=there, counts=f"{size(there)} of {size(total)}")

        yield show
