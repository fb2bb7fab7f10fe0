"""The log of each part, kept from growing for ever."""

from __future__ import annotations

from pathlib import Path

_LARGEST_BYTES = 5_000_000
_TAIL_BYTES = 2_000


def log_file(folder: Path, name: str) -> Path:
    """Return where a part logs; a file that has grown large becomes NAME.log.1."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.log"
    if path.exists() and path.stat().st_size > _LARGEST_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path


def size_of(path: Path) -> int:
    """Return the size of a log, 0 when there is none."""
    return path.stat().st_size if path.exists() else 0


def tail(path: Path, since: int = 0) -> str:
    """Return the end of a log, of what was written after its first ``since`` bytes."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(since, path.stat().st_size - _TAIL_BYTES))
        return log.read().decode(errors="replace").strip()
