"""Fetches the archive of a dataset version: whole, checked, and under a name of its own."""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from pixcrawler.cli.api import Api
from pixcrawler.cli.errors import CliError, Mistake, Unreachable
from pixcrawler.cli.http import TROUBLE, Patience, in_short, new_session
from pixcrawler.cli.talk import Talk
from pixcrawler.cli.unpack import unpack
from pixcrawler.cli.view import bytes_view

_PIECE_BYTES = 256 * 1024
_SLOWEST_BYTES_S = 1000
_MEASURED_OVER_S = 60.0
_ATTEMPTS = 6
_PARTIAL_CONTENT = 206
_EXPIRED = (401, 403)
_READ_S = 30.0


@dataclass(frozen=True)
class Delivered:
    """A dataset version on this machine."""

    archive: Path
    folder: Path
    sha256: str
    bytes: int
    reused: bool
    """It was all here already."""

    def as_json(self) -> dict[str, Any]:
        """Return it in JSON's types."""
        return {
            "archive": str(self.archive),
            "folder": str(self.folder),
            "sha256": self.sha256,
            "bytes": self.bytes,
            "reused": self.reused,
        }


@dataclass(frozen=True)
class Wanted:
    """Which version is fetched, and to where."""

    dataset_id: str
    version: int
    name: str
    out: Path
    force: bool = False


def deliver(api: Api, wanted: Wanted, talk: Talk, patience: Patience) -> Delivered:
    """Fetch and unpack the archive; what is already there and the same is used again.

    A file or folder of that name with other content is never touched, unless ``force``: the
    new one then gets a name that ends in the first digits of its checksum.

    Raises:
        Unreachable: the store cannot be reached.
        CliError: what arrived is not what was announced, or cannot be written.
    """
    link = api.link(wanted.dataset_id, wanted.version)
    try:
        wanted.out.mkdir(parents=True, exist_ok=True)
        folder = _folder(wanted, link, talk)
        archive = folder.with_name(folder.name + ".zip")
        there = _is_same(archive, str(link["sha256"]))
        reused = there and folder.is_dir()
        if not there:
            _Fetch(api, wanted, talk, patience).run(link, archive)
        if not reused or wanted.force:
            unpack(archive, folder, replace=wanted.force)
    except OSError as error:
        raise CliError(f"{error.filename or wanted.out}: {error.strerror or error}") from None
    return Delivered(archive, folder, str(link["sha256"]), int(link["bytes"]), reused)


def fetch_archive(api: Api, wanted: Wanted, talk: Talk, patience: Patience) -> Path:
    """Fetch the archive alone to ``wanted.out``, a folder that is there; return where it is.

    Raises:
        Unreachable: the store cannot be reached.
        CliError: what arrived is not what was announced, or cannot be written.
    """
    target = wanted.out / "dataset.zip"
    try:
        _Fetch(api, wanted, talk, patience).run(api.link(wanted.dataset_id, wanted.version), target)
    except OSError as error:
        raise CliError(f"{error.filename or wanted.out}: {error.strerror or error}") from None
    return target


def chosen_version(api: Api, name: str, number: int | None) -> tuple[dict[str, Any], int]:
    """Return the dataset of this id or name, and the number of its version: the latest, or yours.

    Raises:
        Mistake: there is none.
    """
    dataset = api.find_dataset(name)
    chosen = number or (dataset.get("latest_version") or {}).get("version")
    if not chosen:
        raise Mistake(f"dataset {dataset['name']!r} has no version yet")
    return dataset, int(chosen)


def _folder(wanted: Wanted, link: dict[str, Any], talk: Talk) -> Path:
    """Return the path of the folder; the archive is beside it with .zip."""
    given = str(link.get("filename") or f"{wanted.name}-v{wanted.version}")
    # A name out of an answer: letters, digits and a few signs, nothing that could lead elsewhere.
    name = re.sub(r"[^\w.\- ]+", "_", given.removesuffix(".zip")).strip(". ")
    folder = wanted.out / (name or f"dataset-v{wanted.version}")
    archive = folder.with_name(folder.name + ".zip")
    sha256 = str(link["sha256"])
    if wanted.force or not (archive.exists() or folder.exists()) or _is_same(archive, sha256):
        return folder
    other = folder.with_name(f"{folder.name}-{sha256[:8]}")
    talk.note(
        f"{folder} holds another dataset of this name and stays as it is; "
        f"this one goes to {other} (--force would replace)"
    )
    return other


def _is_same(archive: Path, sha256: str) -> bool:
    if not archive.is_file():
        return False
    with archive.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


class _Fetch:
    """One download, resumed as often as the connection breaks."""

    def __init__(self, api: Api, wanted: Wanted, talk: Talk, patience: Patience) -> None:
        self._api = api
        self._wanted = wanted
        self._talk = talk
        self._patience = patience

    def run(self, link: dict[str, Any], target: Path) -> None:
        """Fetch to ``target``, which is whole or absent."""
        total, sha256 = int(link["bytes"]), str(link["sha256"])
        part = target.with_name(f".{target.name}.{sha256[:8]}.part")
        with bytes_view(self._talk, f"downloading {target.name}", total) as show:
            self._fetch(link, part, show)
        with part.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            part.unlink()
            raise CliError(
                f"{target.name} arrived damaged: its SHA-256 is {found}, announced was {sha256}; "
                "download it again"
            )
        part.replace(target)

    def _fetch(self, link: dict[str, Any], part: Path, show: Callable[[int], None]) -> None:
        total = int(link["bytes"])
        trouble = ""
        # Links are for anyone who has them: no token goes along. Loopback needs no proxy.
        local = "//127.0.0.1" in str(link["url"]) or "//localhost" in str(link["url"])
        with new_session(proxies=not local) as session:
            for attempt in range(_ATTEMPTS):
                if attempt:
                    self._talk.note(f"the download broke off ({trouble}); going on where it was")
                    time.sleep(self._patience.first_wait_s * 2**attempt)
                    link = self._api.link(self._wanted.dataset_id, self._wanted.version)
                trouble = self._attempt(session, str(link["url"]), part, total, show)
                if not trouble:
                    return
        raise Unreachable(
            f"the download failed {_ATTEMPTS} times ({trouble}); what has come stays in {part} "
            "and is used by the next try"
        )

    def _attempt(
        self,
        session: requests.Session,
        url: str,
        part: Path,
        total: int,
        show: Callable[[int], None],
    ) -> str:
        """Append what is missing; return what went wrong, or nothing."""
        have = part.stat().st_size if part.exists() else 0
        if have == total:
            return ""
        headers = {"Range": f"bytes={have}-"} if have else {}
        timeout = (self._patience.connect_s, _READ_S)
        with contextlib.ExitStack() as stack:
            try:
                answer = session.get(url, headers=headers, timeout=timeout, stream=True)
                stack.enter_context(answer)
                if not answer.ok:
                    return (
                        "the link has expired"
                        if answer.status_code in _EXPIRED
                        else (f"the store answered {answer.status_code}")
                    )
                resumed = answer.status_code == _PARTIAL_CONTENT
                with part.open("ab" if resumed else "wb") as file:
                    _copy(answer, file.write, have if resumed else 0, total, show)
            except TROUBLE as error:
                if isinstance(error, OSError) and error.filename:
                    raise  # the disk, not the line
                return in_short(error)
        size = part.stat().st_size
        if size > total:
            part.unlink()
            raise Mistake("the store sent more than it had announced")
        return "" if size == total else "it ended early"


def _copy(
    answer: requests.Response,
    write: Callable[[bytes], int],
    have: int,
    total: int,
    show: Callable[[int], None],
) -> None:
    """Write the body as it comes; one that merely drips is given up."""
    marked_at, marked = time.monotonic(), have
    while piece := answer.raw.read1(_PIECE_BYTES):
        write(piece)
        have += len(piece)
        show(have)
        if have > total:
            return
        now = time.monotonic()
        if now - marked_at > _MEASURED_OVER_S:
            if have - marked < _SLOWEST_BYTES_S * _MEASURED_OVER_S:
                raise requests.Timeout("the download drips")
            marked_at, marked = now, have
