"""The folder of a fetch: whose it is, the list that it is of, and what is safe in it."""

from __future__ import annotations

import hashlib
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.solo.ledger import Ledger
from pixcrawler.solo.order import STDIN, CannotFetch, FetchOrder
from pixcrawler.solo.outcomes import Settled, outcome_of
from pixcrawler.solo.shards import Shards

WORK = ".fetch"
_LEDGER = "ledger.db"
_STDIN_COPY = "list"
_STDIN_DRAFT = "list.new"
_OURS = ("[0-9][0-9][0-9][0-9][0-9].tar", "outcomes.jsonl", "outcomes.parquet", "report.json")
_PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class SourceList:
    """The list of an order, as a file."""

    path: Path
    sha256: str
    lines: int | None
    """Line ends in it, where they stand as they are: about the number of rows."""


class Folder:
    """Takes what is settled; ``make_safe`` makes it count.

    Raises:
        CannotFetch: the folder is of another list or order, in use, or holds files of others.
    """

    def __init__(self, order: FetchOrder) -> None:
        self.out, self.work = order.out, order.out / WORK
        ledger = self.work / _LEDGER
        self._is_new = not ledger.exists() or not ledger.stat().st_size
        self._check(order)
        try:
            self.work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotFetch(f"{self.out} cannot be written to: {error}") from None
        self.ledger = Ledger(self.work / _LEDGER)
        self._shards = Shards(self.out, self.work, order.shard_size)
        try:
            self.source = _source(order, self.work)
            self._agree(order.identity(self.source.sha256))
        except BaseException:
            self.close()
            raise

    def begin(self) -> None:
        """Go on where the folder was left safe."""
        self.ledger.commit()
        self._is_new = False
        self._shards.resume(*(self.ledger.fact("shard") or (0, 0, 0)))

    def take(self, settled: Settled) -> Settled:
        """Keep a picture, unless one of the same bytes is kept; note what became of the row."""
        if settled.sha256 and settled.reason is None:
            first = self.ledger.key_of(settled.sha256)
            if first is not None:
                settled = settled.as_duplicate_of(first)
        kept = settled.body if settled.reason is None else None
        if kept is not None and not self._shards.has_room(kept):
            self._end_shard()
        outcome = outcome_of(settled, self._shards.name if kept is not None else None)
        if kept is not None:
            if settled.kind is None:
                raise InvariantBroken("a picture without a kind")
            self._shards.add(settled.row.name, settled.kind, kept, outcome)
            kept.close()
        self.ledger.add(settled, outcome)
        return settled

    def make_safe(self) -> None:
        """Make everything so far count, whatever happens after."""
        self._shards.make_safe()
        self._commit()

    def end(self) -> None:
        """Make the last shard whole."""
        if self._shards.pictures:
            self._end_shard()
        self.make_safe()
        self._shards.close()
        if not self._shards.bytes:
            (self.work / self._shards.name).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the files; what was not made safe does not count.

        A fetch that never began leaves nothing behind.
        """
        self._shards.close()
        self.ledger.close()
        if self._is_new:
            for name in (_LEDGER, _STDIN_COPY, _STDIN_DRAFT):
                (self.work / name).unlink(missing_ok=True)
            with suppress(OSError):  # there is something else in it
                self.work.rmdir()
                self.out.rmdir()

    def forget_list(self) -> None:
        """Remove what was put aside of standard input."""
        (self.work / _STDIN_COPY).unlink(missing_ok=True)

    @property
    def shards(self) -> int:
        """Shards that are whole."""
        return self._shards.number

    def _end_shard(self) -> None:
        self._shards.end()
        self._commit()
        self._shards.publish()

    def _commit(self) -> None:
        shard = self._shards
        self.ledger.note("shard", [shard.number, shard.bytes, shard.pictures])
        self.ledger.commit()

    def _check(self, order: FetchOrder) -> None:
        """Look before anything is made: nobody's files are overwritten."""
        if order.source != STDIN and not Path(order.source).is_file():
            raise CannotFetch(f"{order.source} is no file")
        if self.out.exists() and not self.out.is_dir():
            raise CannotFetch(f"{self.out} is no folder")
        if not self._is_new:
            return
        if order.retry_failed:
            raise CannotFetch(f"nothing was fetched into {self.out} yet: there is no retry")
        found = next((path for name in _OURS for path in self.out.glob(name)), None)
        if found is not None:
            raise CannotFetch(f"{found} is there and not from a fetch: take another --out")

    def _agree(self, identity: dict[str, Any]) -> None:
        before = self.ledger.fact("identity")
        if before is None:
            self.ledger.note("identity", identity)
            return
        other = [name for name in identity if before.get(name) != identity[name]]
        if not other:
            return
        what = "another list" if other == ["list"] else f"other options ({', '.join(other)})"
        raise CannotFetch(
            f"{self.out} holds a fetch of {what}: take another --out, or the same list and options"
        )


def _source(order: FetchOrder, work: Path) -> SourceList:
    """Return the list as a file; what comes from standard input is put aside first."""
    path = Path(order.source)
    try:
        if order.source == STDIN:
            path = work / _STDIN_COPY
            draft = work / _STDIN_DRAFT
            with draft.open("wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy, _PIECE_BYTES)
            draft.replace(path)
        with path.open("rb") as file:
            return _measured(path, file)
    except OSError as error:
        raise CannotFetch(f"{order.source} cannot be read: {error}") from None


def _measured(path: Path, file: IO[bytes]) -> SourceList:
    digest, ends, start = hashlib.sha256(), 0, file.read(4)
    file.seek(0)
    while piece := file.read(_PIECE_BYTES):
        digest.update(piece)
        ends += piece.count(b"\n")
    is_plain = start != b"PAR1" and not start.startswith((b"\x1f\x8b", b"["))
    return SourceList(path, digest.hexdigest(), ends if is_plain else None)
