"""What a job would give and cost, as a table, and beside it what it gave and cost in the end."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from pixcrawler.cli.talk import Talk, plain_table, plural, row, size

_BOUNDS = ("low", "expected", "high")
_FIGURES = ("images", "bytes", "minutes", "credits")
_NAMES = {"bytes": "download"}


def show_estimate(talk: Talk, estimate: dict[str, Any], name: str) -> None:
    """Show what a job would give and cost."""
    talk.line(
        f"{name}: {plural(estimate['wanted'], 'image')} wanted; "
        f"{plural(estimate['found'], 'picture')} seen in a sample"
    )
    talk.line()
    talk.table(_intervals(estimate))
    talk.line()
    talk.table(_engines(estimate))
    talk.line()
    talk.line(str(estimate.get("meaning") or ""))
    for assumption in estimate.get("assumptions") or []:
        talk.line(f"- {assumption}")
    for note in estimate.get("notes") or []:
        talk.line(f"note: {note['message']}")


def show_comparison(talk: Talk, job: dict[str, Any]) -> None:
    """Show what was estimated for a job beside what came of it, where there is both."""
    estimate, actual = job.get("estimate"), job.get("actual")
    if not (estimate and actual):
        return
    table = _right(plain_table("", "estimate", "between", "actual", ""))
    for figure in _FIGURES:
        interval, came = estimate[figure], actual[figure]
        between = f"{_as_read(figure, interval['low'])} to {_as_read(figure, interval['high'])}"
        is_within = interval["low"] <= came <= interval["high"]
        cells = (_as_read(figure, interval["expected"]), between, _as_read(figure, came))
        row(table, _NAMES.get(figure, figure), *cells, "" if is_within else "outside")
    talk.line()
    talk.table(table)


def _intervals(estimate: dict[str, Any]) -> Table:
    table = _right(plain_table("", *_BOUNDS))
    for figure in _FIGURES:
        cells = [_as_read(figure, estimate[figure][bound]) for bound in _BOUNDS]
        row(table, _NAMES.get(figure, figure), *cells)
    return table


def _engines(estimate: dict[str, Any]) -> Table:
    table = _right(plain_table("engine", "answer", "seen", "candidates", "good", "detail"), keep=2)
    table.columns[-1].justify = "left"
    for one in estimate["engines"]:
        leader = one.get("stands_by_for")
        detail = f"searches what {leader} does" if leader else str(one.get("detail") or "")
        candidates, images = one["candidates"], one["images"]
        row(
            table,
            str(one["engine"]),
            "stands by" if leader else str(one["status"]),
            f"{one['found']:,}",
            f"{candidates['low']:,} to {candidates['high']:,}",
            f"{images['low']:,} to {images['high']:,}",
            detail,
        )
    return table


def _right(table: Table, keep: int = 1) -> Table:
    """Numbers stand to the right, after ``keep`` columns of words."""
    for column in table.columns[keep:]:
        column.justify = "right"
    return table


def _as_read(figure: str, value: float) -> str:
    """A figure as people read it."""
    if figure == "bytes":
        return size(value)
    return f"{value:,.1f}" if figure == "minutes" else f"{value:,}"
