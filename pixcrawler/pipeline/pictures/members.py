"""Members: pictures cut out of a shard while it streams by; little more than one is held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def members(pieces: Iterable[bytes], places: Sequence[tuple[int, int]]) -> Iterator[bytes | None]:
    """Yield the bytes at each place (offset, length), which come by offset and do not overlap.

    None stands for what is not there whole: the shard ends before.
    """
    stream = iter(pieces)
    piece, begins = memoryview(b""), 0
    for offset, length in places:
        parts = []
        while True:
            parts.append(piece[max(offset - begins, 0) : max(offset + length - begins, 0)])
            following = next(stream, None) if offset + length > begins + len(piece) else None
            if following is None:
                break
            begins += len(piece)
            piece = memoryview(following)
        member = b"".join(parts)
        yield member if len(member) == length else None
