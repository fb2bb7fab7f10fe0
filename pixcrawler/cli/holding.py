"""A dataset version where it lies, a folder or a ZIP: read in place, and believed in nothing."""

from __future__ import annotations

import contextlib
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from pixcrawler.cli.errors import CliError
from pixcrawler.cli.unpack import DAMAGED, BadArchive, members_of

_PIECE_BYTES = 1024 * 1024
_LINE_MAX_BYTES = 4 * 1024 * 1024
"""Of a receipt: its longest texts, its most redirects and finds together are far less."""
_MAX_FILES = 200_000
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How our archives are packed; what other ways unfold to at one go is not bounded."""
_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_LEFT_BY_DESKTOPS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""Written into a folder by looking at it."""


class Damaged(Exception):
    """A file of the dataset cannot be read to its end."""


class Holding(Protocol):
    """The files of a dataset version."""

    files: dict[str, int]
    """Bytes of each plain file, by its path inside; in the order that is read best."""
    odd: dict[str, str]
    """What is there and is no plain file: its path inside, and what it is."""

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file in pieces, at most one more than ``files`` says.

        Raises:
            Damaged: they cannot be read.
        """
        ...


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Holding]:
    """Give what lies at ``path``.

    Raises:
        BadArchive: it is a file, and no ZIP that can be read, or a hostile one.
        CliError: it cannot be read.
    """
    with contextlib.ExitStack() as stack:
        try:
            held: Holding = (
                _Folder(path)
                if path.is_dir()
                else _Zip(stack.enter_context(zipfile.ZipFile(path)), path)
            )
        except DAMAGED as error:
            raise BadArchive(f"{path} is damaged, or no ZIP: {error}") from None
        except OSError as error:
            raise CliError(f"{error.filename or path}: {error.strerror or error}") from None
        yield held


class _Folder:
    """Plain files below a folder; nothing is followed out of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.files: dict[str, int] = {}
        self.odd: dict[str, str] = {}
        self._look(path)
        self.files = dict(sorted(self.files.items()))

    def _look(self, top: Path) -> None:
        folders = [(top, "")]
        while folders:
            folder, inside = folders.pop()
            with os.scandir(folder) as entries:
                for entry in entries:
                    name = f"{inside}{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        folders.append((Path(entry.path), f"{name}/"))
                    elif entry.is_file(follow_symlinks=False):
                        self._add(name, entry)
                    else:
                        self.odd[name] = "a link" if entry.is_symlink() else "no plain file"

    def _add(self, name: str, entry: os.DirEntry[str]) -> None:
        if entry.name in _LEFT_BY_DESKTOPS:
            return
        self.files[name] = entry.stat(follow_symlinks=False).st_size
        if len(self.files) > _MAX_FILES:
            raise CliError(f"{self._path} holds more than {_MAX_FILES:,} files: no dataset does")

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the bytes; a link or a pipe that has taken the file's place is not opened."""
        try:
            with os.fdopen(os.open(self._path / name, _OPEN), "rb", buffering=0) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise Damaged("it is no plain file")
                yield from _pieces(file, self.files[name] + 1)
        except OSError as error:
            raise Damaged(error.strerror or str(error)) from None


class _Zip:
    """Members of a ZIP; nothing is unpacked to the disk."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive = archive
        members = [member for member in members_of(archive, path) if not member.is_dir()]
        self._members = {member.filename: member for member in members}
        self.files = {member.filename: member.file_size for member in members}
        self.odd: dict[str, str] = {}

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the bytes; the archive's own checksum is looked at, too."""
        member = self._members[name]
        if member.compress_type not in _PACKED:
            raise Damaged("it is packed in a way in which datasets are not")
        try:
            with self._archive.open(member) as file:
                yield from _pieces(file, self.files[name] + 1)
        except (*DAMAGED, OSError) as error:
            raise Damaged(f"the archive is damaged here: {error}") from None


def _pieces(file: IO[bytes], most: int) -> Iterator[bytes]:
    while most > 0 and (piece := file.read(min(_PIECE_BYTES, most))):
        most -= len(piece)
        yield piece


def read_whole(holding: Holding, name: str, most: int) -> bytes:
    """Return the bytes of a file.

    Raises:
        Damaged: they cannot be read, or are more than ``most``.
    """
    if holding.files[name] > most:
        raise Damaged(f"it is larger than {most:,} bytes")
    return b"".join(holding.pieces(name))


def lines_of(holding: Holding, name: str, most: int) -> Iterator[bytes]:
    """Yield the lines of a file, each with its end; memory holds few.

    Raises:
        Damaged: the file is not there or cannot be read, or has more than ``most`` lines, or one
            that is too long.
    """
    if name not in holding.files:
        raise Damaged("it is not here")
    held, count = b"", 0
    for piece in holding.pieces(name):
        *whole, held = (held + piece).split(b"\n")
        count += len(whole)
        if count > most or len(held) > _LINE_MAX_BYTES:
            raise Damaged(
                f"more than {most:,} lines, or one of more than {_LINE_MAX_BYTES:,} bytes"
            )
        yield from (line + b"\n" for line in whole)
    if held:
        yield held
