"""What is in an archive, and where: made once, and then enough to read any member."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from pixcrawler.adapters.engines.uploads.tally import Tally
from pixcrawler.pipeline.limits import (
    ARCHIVE_MAX_BYTES,
    ARCHIVE_MAX_MEMBERS,
    IMAGE_MAX_BYTES,
)

NAME_MAX_CHARS = 500
NAMES_MAX_CHARS = 20_000_000
"""Of one archive: 200 for each of 100,000 members, and at most 80 MB of memory."""
PACKING_OVERHEAD_BYTES = 64 * 1024
"""That packed bytes may be more than unpacked ones."""

_LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
_ARCHIVES = frozenset("zip tar gz tgz bz2 xz 7z rar zst jar".split())  # noqa: SIM905 - a row of words
_NO_PICTURES = frozenset(
    "txt md csv tsv json jsonl xml yaml yml html htm css js py ipynb pdf doc docx xls xlsx ppt pptx"  # noqa: SIM905 - a row of words
    " parquet npy npz pkl h5 pt log ini cfg db sqlite mp4 mov avi mkv webm mp3 wav exe dll so"
    " sha256 md5 xmp aae".split()
)


@dataclass(frozen=True)
class Member:
    """One file of an archive."""

    name: str
    """For people; never used as a path."""
    start: int
    """Of its header in a ZIP, of its bytes in a TAR."""
    packed_bytes: int
    bytes: int
    """Unpacked, as the archive says; more is never unpacked."""
    crc: int | None = None
    """CRC-32 of a ZIP's member; None in a TAR."""
    is_deflated: bool = False


@dataclass(frozen=True)
class Contents:
    """The members of an archive that may be pictures, in its order."""

    is_zip: bool
    is_unpacked: bool
    """The members are in the unpacked copy of the upload."""
    members: tuple[Member, ...]
    told: str = ""
    """What was left out, for people."""


CONTENTS: TypeAdapter[Contents] = TypeAdapter(Contents)


class Choice:
    """Chooses members one by one and counts what is left out."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.tally = Tally("file")
        self._looked_at = 0
        self._unpacked_bytes = 0
        self._name_chars = 0

    def is_full(self, name: str) -> bool:
        """Say whether no further member is looked at; ``name`` is the next one's."""
        self._looked_at += 1
        if self._looked_at <= ARCHIVE_MAX_MEMBERS:
            return False
        self.tally.add(f"after the first {ARCHIVE_MAX_MEMBERS:,}", f"{name} and all that follow")
        return True

    def offer(self, member: Member) -> None:
        """Take a regular file, unless it cannot be a picture that may be read."""
        if _is_litter(member.name):
            return
        why = self._objection(member)
        if why:
            self.tally.add(why, member.name)
            return
        self._unpacked_bytes += member.bytes
        self._name_chars += len(member.name)
        self.members.append(member)

    def _objection(self, member: Member) -> str:
        ending = member.name.rpartition(".")[2].lower()
        too_large = f"larger than {IMAGE_MAX_BYTES:,} bytes"
        objections = (
            (ending in _ARCHIVES, "that are archives themselves"),
            (ending in _NO_PICTURES, "that are no pictures by their names"),
            (member.bytes <= 0 or member.packed_bytes <= 0, "that are empty"),
            (member.bytes > IMAGE_MAX_BYTES, too_large),
            (member.packed_bytes > IMAGE_MAX_BYTES + PACKING_OVERHEAD_BYTES, too_large),
            (
                self._unpacked_bytes + member.bytes > ARCHIVE_MAX_BYTES,
                f"beyond {ARCHIVE_MAX_BYTES:,} unpacked bytes in all",
            ),
            (
                self._name_chars + len(member.name) > NAMES_MAX_CHARS,
                f"beyond names of {NAMES_MAX_CHARS:,} characters in all",
            ),
        )
        return next((why for is_so, why in objections if is_so), "")


def shown_name(name: str) -> str:
    """Return a member's name as it may be shown: printable, without half characters, cut."""
    plain = "".join(char if char.isprintable() else "?" for char in name[: 2 * NAME_MAX_CHARS])
    return plain[-NAME_MAX_CHARS:]


def _is_litter(name: str) -> bool:
    """What systems leave behind without being asked; nobody misses it."""
    parts = name.replace("\\", "/").lower().split("/")
    return any(part in _LITTER or (part.startswith(".") and part.strip(".")) for part in parts)
