"""The tables of both README files, made from the code: python -m tests.architecture.readme."""

from __future__ import annotations

import ast
import itertools
import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

from pixcrawler.adapters.engines.registry import BUILT_IN
from pixcrawler.cli.reasons import REASONS
from pixcrawler.domain import errors
from pixcrawler.domain.engine import EngineCard, Honour, Quota
from pixcrawler.domain.filters import FilterName
from pixcrawler.pipeline.engines.desk_rules import PAUSES
from pixcrawler.settings import Settings
from tests.architecture.house import PACKAGE, ROOT, Source, modules


def map_of_modules() -> str:
    """Every module with the first sentence of its docstring, by room."""
    lines = ["| file | what it is |", "|---|---|"]
    for source in modules("pixcrawler"):
        name = source.path.relative_to(PACKAGE).as_posix()
        room = name.removesuffix("__init__.py")
        lines.append(f"| {name} | {source.summary} |" if room == name else _room(room, source))
    return "\n".join(lines)


def _room(name: str, source: Source) -> str:
    return f"| **{name or 'pixcrawler/'}** | **{source.summary}** |"


def table_of_settings() -> str:
    """Every setting with its default and reason, out of settings.py."""
    tree = ast.parse((PACKAGE / "settings.py").read_text(encoding="utf-8"))
    fields = next(node for node in tree.body if isinstance(node, ast.ClassDef)).body
    reasons = {
        before.target.id: " ".join(textwrap.dedent(str(after.value.value)).split())
        for before, after in itertools.pairwise(fields)
        if isinstance(before, ast.AnnAssign)
        and isinstance(before.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
    }
    lines = ["| setting | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        given = field.get_default(call_default_factory=True)
        default = "required" if field.is_required() else f"`{given}`"
        default = default if given or field.is_required() else "empty"
        lines.append(f"| `{field.alias}` | {default} | {reasons[name]} |")
    return "\n".join(lines)


def table_of_reasons() -> str:
    """Every reject reason in plain words."""
    rows = [f"| `{reason}` | {meaning} |" for reason, meaning in REASONS.items()]
    return "\n".join(["| reason | meaning |", "|---|---|", *rows])


def table_of_filters() -> str:
    """What each web engine of ours does with each filter."""
    names = [f"`{name}`" for name in FilterName]
    lines = [f"| engine | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for engine in BUILT_IN:
        cells = [_honour(engine.card, name) for name in FilterName]
        lines.append(f"| `{engine.card.name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _honour(card: EngineCard, name: FilterName) -> str:
    honour = {Honour.SEARCHED: "asked", Honour.SIFTED: "sifted", None: ""}[card.filters.get(name)]
    lacks = ", ".join(card.lacks.get(name, ()))
    return f"{honour}, not {lacks}" if lacks else honour


def table_of_limits() -> str:
    """What each engine allows, and how much it gives."""
    lines = ["| engine | requests | results of a query |", "|---|---|---|"]
    for engine in BUILT_IN:
        card = engine.card
        quotas = ", ".join(f"{quota.requests:,} in {_stretch(quota)}" for quota in card.quotas)
        most = f"{card.max_results:,}" if card.max_results else "all"
        lines.append(f"| `{card.name}` | {quotas or 'any number'} | {most} |")
    return "\n".join(lines)


def _stretch(quota: Quota) -> str:
    sizes = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
    unit, size = next((u, s) for u, s in sizes.items() if quota.seconds % s == 0)
    count = int(quota.seconds // size)
    return f"{count} {unit}" if count > 1 else f"1 {unit.removesuffix('s')}"


def table_of_pauses() -> str:
    """How long an engine is left alone after each kind of trouble."""
    lines = ["| after | pause |", "|---|---|"]
    for trouble, pause in PAUSES.items():
        first = _stretch(Quota(requests=1, seconds=pause.first_s)) if pause.first_s else "none"
        more = f", {pause.step_s:g} s longer each time" if pause.step_s else ""
        most = f", at most {pause.longest_s:g} s" if pause.step_s else ""
        lines.append(f"| {trouble.replace('_', ' ')} | {first}{more}{most} |")
    return "\n".join(lines)


def table_of_errors() -> str:
    """Every error code with its HTTP status and meaning."""
    rows = sorted(
        {
            (kind.status, kind.code, (kind.__doc__ or "").strip().split("\n")[0])
            for kind in _family(errors.PixCrawlerError)
            if not kind.__subclasses__() or kind is errors.InvalidRequest
        }
    )
    lines = [f"| `{code}` | {status} | {meaning} |" for status, code, meaning in rows]
    return "\n".join(["| code | HTTP | meaning |", "|---|---|---|", *lines])


def _family(kind: type[errors.PixCrawlerError]) -> list[type[errors.PixCrawlerError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in _family(child))]


TABLES: dict[tuple[Path, str], Callable[[], str]] = {
    (ROOT / "pixcrawler" / "README.md", "modules"): map_of_modules,
    (ROOT / "README.md", "settings"): table_of_settings,
    (ROOT / "README.md", "filters"): table_of_filters,
    (ROOT / "README.md", "limits"): table_of_limits,
    (ROOT / "README.md", "pauses"): table_of_pauses,
    (ROOT / "README.md", "reasons"): table_of_reasons,
    (ROOT / "README.md", "errors"): table_of_errors,
}


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name}: [^\n]*-->\n)(.*?)(<!-- end of {name} -->)", re.DOTALL)


def written(path: Path, name: str) -> str:
    """Return what stands between the marks of table ``name``; empty when there are none."""
    found = _pattern(name).search(path.read_text(encoding="utf-8"))
    return found[2].rstrip("\n") if found else ""


def _replaced(text: str, name: str, table: str) -> str:
    return _pattern(name).sub(lambda marks: f"{marks[1]}{table}\n{marks[3]}", text)


def main() -> int:
    """Write every table anew where it has changed."""
    for (path, name), make in TABLES.items():
        text = path.read_text(encoding="utf-8")
        new = _replaced(text, name, make())
        if new != text:
            path.write_text(new, encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(ROOT)}: {name} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
