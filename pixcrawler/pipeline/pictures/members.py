"""Members: pictures cut out of a shard while it streams by; little more than one is held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def members(pieces: Iterable[bytes], places: Sequence[tuple[int, int]]) -> Iterator[bytes | None]:
    """Yield the bytes at each place (offset, length), which come by offset and do not overlap.

    None stands for what is not there whole: the shard ends before.
    """
    stream = iter(pieces)
    held, begins = bytearray(), 0
    for offset, length in places:
        while begins + len(held) < offset + length:
            piece = next(stream, None)
            if piece is None:
                break
            passed = min(len(held), max(0, offset - begins))
            del held[:passed]
            begins += passed
            held += piece
        at = offset - begins
        member = bytes(held[at : at + length])
        yield member if len(member) == length else None
