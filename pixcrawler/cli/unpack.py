"""Unpacks an archive that may be hostile: nothing is written outside its folder."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from pixcrawler.cli.errors import CliError

_MAX_FILES = 200_000
_MAX_GROWTH = 50
"""Times the archive's size that it may unfold to: pictures hardly shrink, labels do."""
_FREE_GROWTH_BYTES = 100_000_000
_SPARE_BYTES = 50_000_000
"""Left free on the disk."""
_PIECE_BYTES = 1024 * 1024
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


class BadArchive(CliError):
    """The archive is damaged or not what a dataset looks like."""

    code = "bad_archive"


def unpack(archive: Path, folder: Path, *, replace: bool = False) -> None:
    """Unpack ``archive`` to ``folder``, which appears whole or not at all.

    Raises:
        BadArchive: it is damaged, or a member would land outside or be more than it says.
        OSError: the disk is full, or the folder is there already.
    """
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    draft.mkdir(parents=True)
    try:
        try:
            with zipfile.ZipFile(archive) as opened:
                members = _checked(opened, archive)
                for member in members:
                    _write(opened, member, draft)
        except DAMAGED as error:
            raise BadArchive(f"{archive} is damaged: {error}") from None
        except OSError as error:
            if error.errno == errno.EINVAL:  # a damaged directory leads to places before the file
                raise BadArchive(f"{archive} is damaged") from None
            raise
        _put(draft, folder, replace=replace)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _checked(opened: zipfile.ZipFile, archive: Path) -> list[zipfile.ZipInfo]:
    members = members_of(opened, archive)
    total = sum(member.file_size for member in members)
    if total + _SPARE_BYTES > shutil.disk_usage(archive.parent).free:
        raise BadArchive(f"{archive} needs {total:,} bytes on the disk, which are not free")
    return members


def members_of(opened: zipfile.ZipFile, archive: Path) -> list[zipfile.ZipInfo]:
    """Return the members of an archive that is no bomb and in which each has a plain name.

    Raises:
        BadArchive: it is otherwise.
    """
    members = opened.infolist()
    if len(members) > _MAX_FILES:
        raise BadArchive(f"{archive} holds {len(members):,} files, more than any dataset")
    total = sum(member.file_size for member in members)
    packed = archive.stat().st_size
    if total > packed * _MAX_GROWTH + _FREE_GROWTH_BYTES:
        raise BadArchive(f"{archive} would unfold to {total:,} bytes from {packed:,}")
    seen: set[str] = set()
    for member in members:
        fault = _fault(member, seen)
        if fault:
            raise BadArchive(f"{archive}: refused, because {member.filename!r} {fault}")
        seen.add(member.filename.casefold())
    return members


def _fault(member: zipfile.ZipInfo, seen: set[str]) -> str:
    """Return what is wrong with a member, or nothing."""
    name = member.filename
    path = PurePosixPath(name)
    mode = member.external_attr >> 16
    faults = {
        "is not a plain relative path": (
            path.is_absolute() or ".." in path.parts or "\\" in name or ":" in path.parts[0]
            if path.parts
            else True
        ),
        "has control characters in its name": any(char < " " for char in member.orig_filename),
        "is not a plain file": bool(stat.S_IFMT(mode))
        and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)),
        "is encrypted": bool(member.flag_bits & 0x1),
        "is there twice": name.casefold() in seen,
    }
    return next((fault for fault, is_so in faults.items() if is_so), "")


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    target = folder / member.filename
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # Opened by us and not extracted: what the archive says of modes and owners stays unheard.
    with opened.open(member) as source, target.open("xb") as file:
        shutil.copyfileobj(source, file, _PIECE_BYTES)
        if file.tell() != member.file_size:
            raise BadArchive(f"{member.filename!r} is not as long as the archive says")


def _put(draft: Path, folder: Path, *, replace: bool) -> None:
    if replace and folder.exists():
        old = folder.with_name(f".{folder.name}.old.{secrets.token_hex(4)}")
        folder.rename(old)
        draft.rename(folder)
        shutil.rmtree(old)
        return
    if folder.exists():
        raise FileExistsError(17, os.strerror(17), str(folder))
    draft.rename(folder)
