"""Shards: tars as webdataset reads them, written so that a kill costs seconds."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from pixcrawler.pipeline.visits.body import Body

SHARD_MAX_BYTES = 1_000_000_000
"""What stores and loaders bear well, whatever the number of pictures."""
_EXTENSIONS = {"jpeg": "jpg", "tiff": "tif", "jpeg2000": "jp2", "jpegxl": "jxl"}


def shard_name(number: int) -> str:
    """Return the file name of a shard."""
    return f"{number:05}.tar"


class Shards:
    """The shard that is being written, in ``work``; whole ones go to ``out``.

    Args:
        out: where whole shards are.
        work: where the unfinished one is.
        size: pictures in one shard, at most.
    """

    def __init__(self, out: Path, work: Path, size: int) -> None:
        self._out, self._work, self._size = out, work, size
        self.number, self.bytes, self.pictures = 0, 0, 0
        self._file: IO[bytes] | None = None

    def resume(self, number: int, bytes_: int, pictures: int) -> None:
        """Go on where it was safe: what was written after that is cut off.

        Shards before ``number`` are whole, and brought to their place if they are not there yet.
        """
        for found in sorted(self._work.glob("[0-9]*.tar")):
            if int(found.stem) < number:
                _publish(found, self._out / found.name)
        self.number, self.bytes, self.pictures = number, bytes_, pictures
        place = self._work / shard_name(number)
        self._file = place.open("r+b" if place.exists() else "w+b")
        self._file.truncate(bytes_)
        self._file.seek(bytes_)

    @property
    def name(self) -> str:
        """Of the shard that is being written."""
        return shard_name(self.number)

    def has_room(self, body: Body) -> bool:
        """Say whether a picture still goes into this shard."""
        is_small = self.bytes + body.size + 4 * tarfile.RECORDSIZE <= SHARD_MAX_BYTES
        return self.pictures == 0 or (self.pictures < self._size and is_small)

    def add(self, name: str, kind: str, body: Body, about: dict[str, Any]) -> None:
        """Append a picture, what is known of it, and its caption: files of one base name."""
        self._member(f"{name}.{_EXTENSIONS.get(kind, kind)}", body.size, body.pieces())
        text = json.dumps(about, ensure_ascii=False).encode()
        self._member(f"{name}.json", len(text), iter([text]))
        caption = str(about.get("caption") or "").encode()
        if caption:
            self._member(f"{name}.txt", len(caption), iter([caption]))
        self.pictures += 1

    def make_safe(self) -> None:
        """Bring what was added to the disk."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def end(self) -> None:
        """Make the shard a whole tar, and begin the next; ``publish`` brings it to its place."""
        if self._file is None:
            return
        self._file.write(bytes(2 * tarfile.BLOCKSIZE))
        self.make_safe()
        self.close()
        self.number, self.bytes, self.pictures = self.number + 1, 0, 0

    def publish(self) -> None:
        """Bring whole shards to their place, and open the next."""
        self.resume(self.number, self.bytes, self.pictures)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _member(self, name: str, size: int, pieces: Iterator[bytes]) -> None:
        header = tarfile.TarInfo(name)
        header.size = size
        self._write(header.tobuf(tarfile.USTAR_FORMAT))
        for piece in pieces:
            self._write(piece)
        self._write(bytes(-size % tarfile.BLOCKSIZE))

    def _write(self, data: bytes) -> None:
        if self._file is None:
            raise ValueError("no shard is open")
        self._file.write(data)
        self.bytes += len(data)


def _publish(found: Path, place: Path) -> None:
    """Move a file, unless somebody else's is there."""
    try:
        os.link(found, place)
    except FileExistsError:
        if not found.samefile(place):
            raise FileExistsError(f"{place} is not ours: move it away") from None
    except OSError:  # no hard links on this file system
        if place.exists():
            raise FileExistsError(f"{place} is not ours: move it away") from None
        found.rename(place)
        return
    found.unlink()
