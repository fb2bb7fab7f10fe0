"""As which user PostgreSQL runs, and where that user can reach it."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pixcrawler.host.stack import processes
from pixcrawler.host.stack.errors import CannotStart
from pixcrawler.host.stack.files import read_json, write_json

_PREFERRED = ("postgres", "nobody")
_SHARED_FOLDERS = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108 - a private folder is made there
_PLACE_FILE = "place.json"
_PREFIX = "pixcrawler-"


@dataclass(frozen=True)
class Account:
    """A user that PostgreSQL accepts (it refuses root), and who owns the files it makes."""

    who: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Place:
    """Where one server runs: its user, the folder of its programs, its data folder."""

    account: Account
    programs: Path
    data: Path


def accounts() -> list[Account]:
    """Return the users to try, best first.

    An ordinary user runs PostgreSQL as itself. Root tries a private user namespace, in which the
    server sees another user while every file stays root's, then a real change of user.
    """
    if os.geteuid() != 0:
        return [Account("self", os.geteuid(), os.getegid())]
    entry = _other_user()
    ids = f"{entry.pw_uid}:{entry.pw_gid}"
    return [
        Account(f"namespace:{ids}", 0, os.getegid()),
        Account(f"switch:{ids}", entry.pw_uid, entry.pw_gid),
    ]


def _other_user() -> pwd.struct_passwd:
    # One that has a name: initdb looks it up.
    entries = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid != 0}
    for name in (*_PREFERRED, *entries):
        if name in entries:
            return entries[name]
    raise CannotStart(
        "PostgreSQL refuses to run as root, and this machine has no other user: "
        "add one (useradd postgres) or start as an ordinary user"
    )


def data_folder(folder: Path) -> Path:
    """Return where the data of ``folder`` are: inside, or where they had to move."""
    moved = read_json(folder / _PLACE_FILE).get("moved_to")
    return Path(moved) / "data" if moved else folder / "data"


def remove_moved(folder: Path) -> None:
    """Remove what had to move out of ``folder``; for whoever deletes the folder itself."""
    moved = read_json(folder / _PLACE_FILE).get("moved_to")
    if moved and Path(moved).name.startswith(_PREFIX) and Path(moved).parent in _SHARED_FOLDERS:
        shutil.rmtree(moved, ignore_errors=True)
        (folder / _PLACE_FILE).unlink()


def settle(folder: Path, programs: Path, candidates: list[Account] | None = None) -> Place:
    """Return the first way to run ``programs`` on ``folder``/data that works.

    Where the user cannot enter the folder or run the programs, both move to a private folder that
    it can reach; ``folder``/place.json then says where, so that the next start finds the data.

    Raises:
        CannotStart: no way works; the message lists what was tried.
    """
    tried = []
    for account in accounts() if candidates is None else candidates:
        code, text = processes.run(["/bin/sh", "-c", "exit 0"], account.who)
        if code != 0:
            tried.append(f"as {account.who}: {text.strip() or code}")
            continue
        place = _place(folder, programs, account)
        code, text = processes.run([place.programs / "postgres", "--version"], account.who)
        if code == 0:
            _own(place)
            return place
        tried.append(f"as {account.who}: {text.strip() or code}")
    raise CannotStart(
        "PostgreSQL refuses to run as root and no other way worked here ("
        + "; ".join(tried)
        + "): start as an ordinary user, or allow user namespaces"
    )


def _place(folder: Path, programs: Path, account: Account) -> Place:
    runs = not account.who.startswith("switch:") or _runs(programs, account)
    moved = read_json(folder / _PLACE_FILE).get("moved_to")
    shared = Path(moved) if moved else None
    if shared is None and not (runs and _reaches(folder, account)):
        shared = _shared(folder)
    if shared is None:
        return Place(account, programs, folder / "data")
    _move_data(folder / "data", shared / "data")
    return Place(account, programs if runs else _copied(programs, shared), shared / "data")


def _move_data(source: Path, target: Path) -> None:
    if target.exists() or not source.exists():
        return
    try:
        source.rename(target)
    except OSError:  # another file system
        draft = target.with_name(f".data.{secrets.token_hex(4)}")
        shutil.copytree(source, draft, symlinks=True)
        draft.rename(target)
        shutil.rmtree(source)


def _runs(programs: Path, account: Account) -> bool:
    return processes.run([programs / "postgres", "--version"], account.who)[0] == 0


def _reaches(folder: Path, account: Account) -> bool:
    if not account.who.startswith("switch:"):
        return True
    probe = folder / f".reach-{secrets.token_hex(4)}"
    probe.mkdir(mode=0o700)
    os.chown(probe, account.uid, account.gid)
    try:
        return processes.run(["reach", probe], account.who)[0] == 0
    finally:
        probe.rmdir()


def _shared(folder: Path) -> Path:
    """Make the folder that another user can reach, and write down which one it is."""
    for parent in _SHARED_FOLDERS:
        if os.access(parent, os.W_OK | os.X_OK):
            shared = parent / f"{_PREFIX}{secrets.token_hex(8)}"
            shared.mkdir(mode=0o711)
            shared.chmod(0o711)
            write_json(folder / _PLACE_FILE, {"moved_to": str(shared)})
            return shared
    raise CannotStart(f"{folder} cannot be reached by the user that runs PostgreSQL")


def _copied(programs: Path, shared: Path) -> Path:
    """Copy a server (programs, libraries, data files: 40 MB) to where another user can run it."""
    install = programs.parent
    package = install.parent
    copy = shared / f"server-{install.name}"
    if not copy.exists():
        draft = shared / f".{copy.name}.{secrets.token_hex(4)}"
        shutil.copytree(install, draft / package.name / install.name, symlinks=True)
        # A wheel keeps its shared libraries beside the package, and finds them from there.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        _walk(draft, _open_to_all)
        draft.rename(copy)
    return copy / package.name / install.name / "bin"


def _open_to_all(path: Path) -> None:
    if not path.is_symlink():
        mode = path.stat().st_mode
        path.chmod(mode | (0o555 if mode & 0o100 else 0o444))


def _own(place: Place) -> None:
    """Give the data folder to its user, when another account ran the server before."""
    if place.account.who == "self" or not place.data.exists():
        return
    if place.data.stat().st_uid == place.account.uid:
        return
    _walk(place.data, lambda path: os.lchown(path, place.account.uid, place.account.gid))


def _walk(top: Path, act: Callable[[Path], None]) -> None:
    # The top last: half a walk is then seen, and done again, at the next start.
    for folder, folders, names in os.walk(top):
        for name in (*folders, *names):
            act(Path(folder) / name)
    act(top)
