"""The source files, read once: what the tests of this folder look at."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "pixcrawler"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Path from the project's root."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def summary(self) -> str:
        """First line of the module docstring."""
        return (ast.get_docstring(self.tree) or "").split("\n")[0]

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node


def read(path: Path) -> Source:
    """Return the file at ``path``."""
    text = path.read_text(encoding="utf-8")
    return Source(path, text, ast.parse(text))


def modules(*folders: str) -> list[Source]:
    """Return the Python files below ``folders``, in order."""
    return [read(p) for folder in folders for p in sorted((ROOT / folder).rglob("*.py"))]


PRODUCT = [
    *modules("pixcrawler", "devtools", "bench"),
    read(ROOT / "function_app.py"),
    read(ROOT / "dev"),
]
TESTS = modules("tests")


def length(function: Function) -> int:
    """Lines of a function without its docstring and decorators."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines
