"""Job files: read from disk, or written from the words of the command line."""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from typing_extensions import override

from pixcrawler.cli.errors import Mistake

MAX_BYTES = 1024 * 1024
"""What the API takes."""
MAX_PARTS = 200_000
"""Values in all: a small YAML file may unfold to a huge document through its aliases."""
ENDINGS = (".yaml", ".yml", ".json")

SAMPLE: dict[str, Any] = {
    "name": "sample",
    "engines": ["local"],
    "keywords": ["apple", "car", "fish", "tree"],
    "max_images": 200,
}
"""The first job: pictures of the local website, so that it needs no internet."""


@dataclass(frozen=True)
class Wishes:
    """What the command line says beside the file or the words; None leaves it as it is."""

    name: str | None = None
    max_images: int | None = None
    engines: tuple[str, ...] = ()

    def apply(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return ``document`` with the wishes in place of what it said."""
        wished: dict[str, Any] = {}
        if self.name is not None:
            wished["name"] = self.name
        if self.max_images is not None:
            wished["max_images"] = self.max_images
        if self.engines:
            wished["engines"] = list(self.engines)
        synonyms = {"dataset_name": "name", "search_engines": "engines"}
        kept = {k: v for k, v in document.items() if synonyms.get(k) not in wished}
        return {**kept, **wished}


def job_document(words: list[str], wishes: Wishes) -> dict[str, Any]:
    """Return the job that the command line describes: a file, words, or the sample.

    Raises:
        Mistake: the file cannot be read as a job file.
    """
    if not words:
        return wishes.apply(SAMPLE)
    if any(word.lower().endswith(ENDINGS) for word in words):
        if len(words) > 1:
            raise Mistake("give one job file, or words, not both or several")
        return wishes.apply(read_job_file(Path(words[0])))
    return wishes.apply({"keywords": list(dict.fromkeys(words))})


def read_job_file(path: Path) -> dict[str, Any]:
    """Return the document in a YAML or JSON file.

    Raises:
        Mistake: there is none, it is too large, or it is not a document with named fields.
    """
    document = _parse(path, _read(path))
    if not isinstance(document, dict):
        raise Mistake(f"{path}: a job file has named fields, such as keywords: [cat, dog]")
    try:
        return dict(_as_json(document, path, [0]))
    except RecursionError:
        raise Mistake(f"{path}: nested too deeply") from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise Mistake(f"{path}: there is no such file") from None
    except OSError as error:
        raise Mistake(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise Mistake(
            f"{path}: a job file is at most {MAX_BYTES:,} bytes", rule="max_bytes", value=MAX_BYTES
        )
    return data


def _parse(path: Path, data: bytes) -> Any:
    try:
        # JSON first: YAML takes most of it, but not all, and tells its faults worse.
        return json.loads(data) if path.suffix.lower() == ".json" else _load_yaml(data)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise Mistake(f"{path}{where}: not YAML: {error.problem}") from None
    except json.JSONDecodeError as error:
        raise Mistake(
            f"{path}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}"
        ) from None
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Mistake(f"{path}: cannot be read: {reason}") from None


class _Loader(yaml.SafeLoader):
    """Refuses a field that is given twice, which YAML would settle in silence."""

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{key.value!r} is given twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _load_yaml(data: bytes) -> Any:
    return yaml.load(data, Loader=_Loader)  # noqa: S506 - a SafeLoader


def _as_json(value: Any, path: Path, parts: list[int]) -> Any:
    """Return ``value`` in JSON's types; what YAML read as a date becomes text again."""
    parts[0] += 1
    if parts[0] > MAX_PARTS:
        raise Mistake(f"{path}: more than {MAX_PARTS:,} values")
    if isinstance(value, dict):
        return {str(name): _as_json(part, path, parts) for name, part in value.items()}
    if isinstance(value, list | tuple | set):
        return [_as_json(part, path, parts) for part in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):  # noqa: PLR0124 - NaN
        raise Mistake(f"{path}: {value} is not a number that a job can use")
    return value if value is None or isinstance(value, bool | int | float) else str(value)
