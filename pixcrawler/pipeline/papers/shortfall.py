"""Shortfalls in words: why there is less than wanted, engine by engine, and what can be done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.job import JobSpec
from pixcrawler.domain.source import EngineReport
from pixcrawler.pipeline.limits import MAX_ROUNDS
from pixcrawler.pipeline.payloads import Stop

_ADD = "Add keywords, engines or expansions to get more."
_WORDS = {
    EngineStatus.FAILED: "could not be reached",
    EngineStatus.BLOCKED: "refused to answer",
    EngineStatus.CHANGED: "gave an answer that this version does not understand",
}
_ADVICE = {
    EngineStatus.FAILED: "Check the network or the proxy and try again",
    EngineStatus.BLOCKED: "Wait a while and try again",
    EngineStatus.CHANGED: "Look for a newer version",
}
_BUDGETS = {
    Stop.MAX_REQUESTS: "requests to engines",
    Stop.MAX_CANDIDATES: "candidates",
    Stop.MAX_BYTES: "downloaded bytes",
}
_ENDS = {
    Stop.SATURATED: "the last rounds gave hardly anything new that could be kept",
    Stop.RETRIED: "a retry fetches what failed before, and looks for nothing new",
    Stop.REFUSED: "the engines that have more want to be left alone for now",
}
_WORTH_SAYING = 0.1
"""Of everything found, left out by filters: from here on, the filters are part of the cause."""


def troubled(reports: Sequence[EngineReport]) -> list[EngineReport]:
    """Return the reports of engines that left something out."""
    return [report for report in reports if not report.status.is_well]


def limit(
    spec: JobSpec, stop: Stop | None, reports: Sequence[EngineReport], *, is_exhausted: bool
) -> str:
    """Say what ended the search, in half a sentence."""
    if not is_exhausted:
        return f"the engines were asked in {MAX_ROUNDS} rounds, which is the most"
    if stop in _BUDGETS:
        return f"its budget of {_most(spec, stop):,} {_BUDGETS[stop]} is used up"
    return _ENDS[stop] if stop in _ENDS else _used_up(spec, reports)


def _used_up(spec: JobSpec, reports: Sequence[EngineReport]) -> str:
    if not spec.keywords:
        return f"{_own(spec)} has no more"
    well = [one for one in reports if one.status.is_well and not one.stands_by_for]
    if reports and not well:
        return "no engine could be searched to its end"
    return f"the {'other ' if troubled(reports) else ''}engines have no more for these words"


def causes(reports: Sequence[EngineReport]) -> Iterator[str]:
    """Yield a sentence for everything that has its part in a shortfall."""
    for report in reports:
        if not report.status.is_well:
            yield trouble(report)
        if report.stands_by_for:
            yield f"Engine {report.engine} stood by: its index is that of {report.stands_by_for}."
        if report.stands_in_for:
            yield f"Engine {report.engine} went on where {report.stands_in_for} could not."
    tired = [report.engine for report in reports if report.saturated]
    if tired:
        yield f"Some queries were left because they gave hardly anything new ({', '.join(tired)})."
    sifted = sum(report.sifted for report in reports)
    if sifted:
        by_engine = ", ".join(f"{one.engine} {one.sifted:,}" for one in reports if one.sifted)
        what = "1 find was" if sifted == 1 else f"{sifted:,} finds were"
        yield f"{what} left out before download because of the job's filters ({by_engine})."


def trouble(report: EngineReport) -> str:
    """Say in a sentence what is wrong with an engine, and until when."""
    told = [str(report.kind)] if report.kind else []
    told += [report.detail] if report.detail else []
    told += [f"not before {_clock(report.until)}"] if report.until else []
    more = f" ({'; '.join(told)})" if told else ""
    return f"Engine {report.engine} {_WORDS[report.status]}{more}."


def advice(spec: JobSpec, stop: Stop | None, reports: Sequence[EngineReport]) -> str:
    """Say what a person can do to get more."""
    if stop in _BUDGETS:
        return f"Raise budget.{stop} to get more."
    if stop is Stop.RETRIED:
        return "Retry later for what failed again, or start the job file anew to look for more."
    if not spec.keywords:
        return "Add addresses to get more." if spec.urls else "Add pictures to get more."
    tips = [tip for tip in (remedy(reports), _filters(reports), _ADD) if tip]
    return " ".join(tips)


def remedy(reports: Sequence[EngineReport]) -> str:
    """Say what helps against the worst trouble of the engines; nothing where there is none."""
    wrong = troubled(reports)
    if not wrong:
        return ""
    if all(report.kind is BlockKind.SWITCHED_OFF for report in wrong):
        return "An operator has to switch the engine on first."
    again = [report.until for report in wrong if report.until]
    if again and all(report.status is EngineStatus.BLOCKED for report in wrong):
        return f"Try again after {_clock(min(again))}."
    return f"{_ADVICE[wrong[0].status]}."


def _filters(reports: Sequence[EngineReport]) -> str:
    sifted = sum(report.sifted for report in reports)
    found = sifted + sum(report.candidates for report in reports)
    return "Loosen the filters." if sifted > _WORTH_SAYING * found else ""


def _most(spec: JobSpec, stop: Stop | None) -> int:
    return getattr(spec.budget, str(stop)) or 0


def _own(spec: JobSpec) -> str:
    return "the list of addresses" if spec.urls else "what was uploaded"


def _clock(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M UTC")
