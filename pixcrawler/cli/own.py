"""Words that name the person's own folders, archives and lists; what is sent of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixcrawler.cli.errors import Mistake
from pixcrawler.cli.jobfile import ENDINGS, Wishes, job_document
from pixcrawler.cli.talk import plural

MAX_BYTES = 2 * 1024**3
"""Of one upload: what the API takes. Folders are sent in parts of at most that."""
MAX_FILES = 50_000
"""Of one part of a folder."""
MAX_UPLOADS = 100
"""Of one job: what the API takes."""
MAX_IMAGES = 10_000
"""Of one job: what the API takes."""

LISTS = (".txt", ".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
PICTURES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif",
     ".heic", ".heif")
)  # fmt: skip
_MEMBER_OVERHEAD_BYTES = 200
"""Of a packed file, beside its bytes and twice its name."""


@dataclass(frozen=True)
class Picture:
    """A picture file of a folder."""

    path: Path
    name: str
    """Within the folder, with / between the parts."""
    bytes: int


@dataclass(frozen=True)
class Own:
    """One thing to send: a file as it is, or pictures of a folder to be packed."""

    path: Path
    category: str
    bytes: int
    pictures: tuple[Picture, ...] = ()

    @property
    def words(self) -> str:
        """Return what it is, for people."""
        return f"{self.path}: {plural(len(self.pictures), 'picture')}" if self.pictures else ""


@dataclass(frozen=True)
class JobOrder:
    """The job that a command line describes, and what is to be sent before."""

    document: dict[str, Any]
    own: tuple[Own, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """What the person should know."""


def job_order(words: Sequence[str], wishes: Wishes, category: str | None = None) -> JobOrder:
    """Tell own things from keywords and job files, and look into them.

    Raises:
        Mistake: something named is not there, cannot be read, is too large or fits nothing.
    """
    named = [word for word in words if _is_own(word)]
    others = [word for word in words if word not in named]
    if not named:
        if category is not None:
            raise Mistake("--category goes with a folder, archive or list of your own")
        return JobOrder(job_document(list(words), wishes), notes=_look_alikes(words))
    if any(word.lower().endswith(ENDINGS) for word in others):
        raise Mistake("give a job file alone, without words, folders, archives or lists")
    notes: list[str] = []
    own = [one for word in dict.fromkeys(named) for one in _own(word, category, notes)]
    if len(own) > MAX_UPLOADS:
        raise Mistake(
            f"that is {len(own)} uploads, and a job takes {MAX_UPLOADS}: give fewer things, or "
            "--category to send a folder's sub-folders together"
        )
    document: dict[str, Any] = {"keywords": list(dict.fromkeys(others))} if others else {}
    if not others and all(one.pictures for one in own):
        count = sum(len(one.pictures) for one in own)
        document["max_images"] = min(count, MAX_IMAGES)
    if not others and len({one.path for one in own}) == 1:
        # Its sub-folders are categories, and the first of them is not what it is called.
        document["name"] = category or _bare_name(own[0].path)
    return JobOrder(wishes.apply(document), tuple(own), (*notes, *_look_alikes(others)))


def _is_own(word: str) -> bool:
    """A folder needs a / to be one, as words may be called like a folder that is here."""
    path = Path(word)
    low = word.lower()
    if low.endswith(LISTS + ARCHIVES):
        return True
    if low.endswith(".json"):
        return _begins_with_a_list(path)
    return ("/" in word or os.sep in word or word in (".", "..")) and path.is_dir()


def _begins_with_a_list(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(1000).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
    except OSError:
        return False


def _look_alikes(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        f"{word} is searched for; the folder of that name is {word}{os.sep}"
        for word in words
        if Path(word).is_dir()
    )


def _own(word: str, category: str | None, notes: list[str]) -> Iterator[Own]:
    path = Path(word)
    try:
        if path.is_dir():
            yield from _of_folder(path, category, notes)
            return
        length = path.stat().st_size
    except FileNotFoundError:
        raise Mistake(f"{path}: there is no such file") from None
    except OSError as error:
        raise Mistake(f"{error.filename or path}: cannot be read: {error.strerror}") from None
    if not path.is_file():
        raise Mistake(f"{path}: is neither a file nor a folder")
    if not 0 < length <= MAX_BYTES:
        what = "is empty" if not length else f"is larger than {MAX_BYTES:,} bytes: send it in parts"
        raise Mistake(f"{path}: {what}")
    yield Own(path, category or _bare_name(path), length)


def _bare_name(path: Path) -> str:
    name = path.resolve().name
    ending = next((end for end in (*ARCHIVES, *LISTS) if name.lower().endswith(end)), "")
    return (name[: -len(ending)] if ending else path.stem) or "images"


def _of_folder(folder: Path, category: str | None, notes: list[str]) -> Iterator[Own]:
    """One thing, or, where all pictures are in sub-folders, one for each of these."""
    pictures, others = _pictures(folder)
    if not pictures:
        kinds = ", ".join(sorted(ending[1:] for ending in PICTURES))
        raise Mistake(f"{folder}: there is no picture in it ({kinds})")
    if others:
        left = f"{plural(others, 'other file')} {'is' if others == 1 else 'are'} left out"
        notes.append(f"{folder}: only pictures are sent; {left}")
    groups: dict[str, list[Picture]] = {}
    are_sorted = category is None and all("/" in picture.name for picture in pictures)
    whole = category or folder.resolve().name or "images"
    for picture in pictures:
        groups.setdefault(picture.name.split("/")[0] if are_sorted else whole, []).append(picture)
    for name, group in groups.items():
        for part in _parts(group):
            yield Own(folder, name, packed_bytes(part), part)


def _pictures(folder: Path) -> tuple[list[Picture], int]:
    """The pictures below a folder, in order, and how many other files there are."""
    found: list[Picture] = []
    others = 0
    for place, folders, names in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = Path(place) / name
            if _is_picture(path):
                within = path.relative_to(folder).as_posix()
                found.append(Picture(path, within, path.stat().st_size))
            else:
                others += 1
    return found, others


def _is_picture(path: Path) -> bool:
    """Whether it is a picture by its name; a link must lead to one, too.

    In a folder from somewhere else, cat.jpg may be a link to a private key.
    """
    return (
        path.suffix.lower() in PICTURES
        and path.is_file()
        and not (path.is_symlink() and path.resolve().suffix.lower() not in PICTURES)
    )


def _unreadable(error: OSError) -> None:
    raise error


def _parts(pictures: Sequence[Picture]) -> Iterator[tuple[Picture, ...]]:
    """Parts that are each small enough for one upload."""
    part: list[Picture] = []
    length = 0
    for picture in pictures:
        more = packed_bytes([picture])
        if more > MAX_BYTES:
            raise Mistake(f"{picture.path}: is larger than {MAX_BYTES:,} bytes")
        if len(part) == MAX_FILES or length + more > MAX_BYTES:
            yield tuple(part)
            part, length = [], 0
        part.append(picture)
        length += more
    yield tuple(part)


def packed_bytes(pictures: Sequence[Picture]) -> int:
    """Return what the pictures have at most when they are packed."""
    return sum(
        picture.bytes + 2 * len(os.fsencode(picture.name)) + _MEMBER_OVERHEAD_BYTES
        for picture in pictures
    )
