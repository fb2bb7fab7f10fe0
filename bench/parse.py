"""Parsing alone: results a second of one core, for every known engine's answers.

    ./dev bench parse [ENGINE ...]

Each engine reads the full page of its contract test, its results repeated to the size of page that
the engine is asked for. Prints for each: results a page, kilobytes, CPU milliseconds of `read` a
page (medians of five runs, with least and most), results a second, and CPU microseconds that
looking for a refusal costs on the same answer.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pixcrawler.adapters.engines.registry import known_engines
from pixcrawler.adapters.engines.shape import Ask, Engine
from pixcrawler.domain.filters import Filters
from pixcrawler.pipeline.engines.ports import Answer
from tests.contracts.engine import EngineCase, EngineContract

TESTS = Path(__file__).resolve().parents[1] / "tests" / "unit" / "adapters_engines"
ASK = Ask("harbour crane", Filters())
USUAL_PAGE = 100
RUNS = 5
RUN_S = 0.2
"""CPU seconds of one run, about."""


def _cases() -> dict[str, EngineCase]:
    """The contract case of every engine, by its name."""
    found = {}
    for path in sorted(TESTS.glob("test_*.py")):
        module = importlib.import_module(f"tests.unit.adapters_engines.{path.stem}")
        for thing in vars(module).values():
            if isinstance(thing, type) and issubclass(thing, EngineContract):
                case = getattr(thing, "case", None)
                if case is not None:
                    found[case.engine.card.name] = case
    return found


def _page_size(engine: Engine) -> int:
    """Results that the engine is asked for at once."""
    return int(getattr(sys.modules[type(engine).__module__], "PAGE_SIZE", USUAL_PAGE))


def _enlarged(engine: Engine, body: bytes) -> bytes:
    """The body with as many results as a real page has, where they can be repeated."""
    finds = len(engine.read(body, ASK).finds)
    times = round(_page_size(engine) / max(1, finds))
    try:
        answer = json.loads(body)
    except ValueError:
        return body
    for holder in _holders(answer):
        kept = holder.copy()
        _repeat(holder, times)
        larger = json.dumps(answer, ensure_ascii=False).encode()
        if len(engine.read(larger, ASK).finds) > finds:
            return larger
        holder.clear()
        holder.update(kept) if isinstance(holder, dict) else holder.extend(kept)
    return body


def _holders(found: Any) -> Iterator[Any]:
    """Everything that may hold the results, the outermost first."""
    waiting = [found]
    while waiting:
        here = waiting.pop(0)
        inside = list(here.values()) if isinstance(here, dict) else here
        if inside and all(isinstance(one, dict) for one in inside):
            yield here
        waiting += [one for one in inside if isinstance(one, dict | list)]


def _repeat(holder: Any, times: int) -> None:
    if isinstance(holder, list):
        holder *= max(1, times)
        return
    for name, value in list(holder.items()):
        holder.update({f"{name}{number}": value for number in range(1, times)})


def _cpu_s(work: Callable[[], object], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - started) / times


def _measured(work: Callable[[], object]) -> list[float]:
    """CPU seconds of one call: a value for each run."""
    once = max(_cpu_s(work, 10), 1e-7)
    times = max(10, int(RUN_S / once))
    return [_cpu_s(work, times) for _ in range(RUNS)]


def _row(engine: Engine, body: bytes) -> tuple[str, ...]:
    results = len(engine.read(body, ASK).finds)
    answer = Answer(200, body, {"content-type": "text/plain"}, f"{engine.base_url}/search?q=x")
    read = [seconds * 1000 for seconds in _measured(lambda: engine.read(body, ASK))]
    block = median(_measured(lambda: engine.block(answer)))
    return (
        engine.card.name,
        str(results),
        f"{len(body) / 1000:.0f}",
        f"{median(read):.2f} ({min(read):.2f}-{max(read):.2f})",
        f"{1000 * results / median(read):,.0f}",
        f"{block * 1_000_000:.1f}",
    )


def main(wanted: list[str]) -> int:
    """Measure the named engines, or all; return 1 for one that is not known."""
    cases, known = _cases(), sorted(known_engines())
    if unknown := sorted(set(wanted) - set(known)):
        print(f"no such engine: {', '.join(unknown)}; there is: {', '.join(known)}")
        return 1
    columns = ("engine", "results", "KB", "read, CPU ms a page", "results/s", "block, µs")
    table = Table(*columns, title="parse")
    for name in wanted or known:
        if name not in cases:
            table.add_row(name, "", "", "no contract case", "", "")
            continue
        engine = cases[name].engine
        table.add_row(*_row(engine, _enlarged(engine, cases[name].body)))
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
