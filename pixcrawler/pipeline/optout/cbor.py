"""CBOR (RFC 8949), as much of it as assertions need: read within bounds, nothing interpreted.

A library would also make dates, regular expressions, shared references and huge numbers of what
strangers wrote; none of it is needed to find a few words.
"""

from __future__ import annotations

MAX_ITEMS = 5000
"""Values of one document."""
MAX_DEPTH = 16
"""Of arrays, maps and tags in each other."""

_UNSIGNED, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _OTHER = 0, 2, 3, 4, 5, 6, 7
_IN_HEAD = 24
"""Less than this, a head holds its number itself."""
_INDEFINITE = 31
_SIMPLE = {20: False, 21: True}


class _Break(Exception):
    """The end of something whose length was not told."""


def read(data: bytes) -> object:
    """Return the first value: texts, numbers, lists and dicts of them, None for the rest.

    Raises:
        ValueError: it is cut off, breaks the format, or is larger than anybody needs.
    """
    try:
        return _Reader(data).value(0)
    except _Break:
        raise ValueError("an end without a beginning") from None


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._items = 0

    def value(self, depth: int) -> object:
        self._items += 1
        if self._items > MAX_ITEMS or depth > MAX_DEPTH:
            raise ValueError("more than anybody needs")
        kind, info = divmod(self._taken(1)[0], 32)
        if kind == _OTHER:
            return self._other(info)
        has_end = info == _INDEFINITE and kind in (_BYTES, _TEXT, _ARRAY, _MAP)
        return self._of_kind(kind, None if has_end else self._number(info), depth)

    def _of_kind(self, kind: int, number: int | None, depth: int) -> object:
        """Return a value by what its head says; without a number, it is as long as it lasts."""
        if kind in (_BYTES, _TEXT):
            return self._string(kind, number, depth)
        if kind == _ARRAY:
            return self._values(number, depth)
        if kind == _MAP:
            return _dict(self._values(None if number is None else 2 * number, depth))
        if kind == _TAG:
            return self.value(depth + 1)
        return number if kind == _UNSIGNED else None

    def _taken(self, length: int) -> bytes:
        taken = self._data[self._at : self._at + length]
        if len(taken) < length:
            raise ValueError("cut off")
        self._at += length
        return taken

    def _number(self, info: int) -> int:
        if info < _IN_HEAD:
            return info
        if info > 27:  # noqa: PLR2004 - 24 to 27 tell 1, 2, 4 or 8 bytes, RFC 8949, 3
            raise ValueError("no length has this form")
        return int.from_bytes(self._taken(1 << info - _IN_HEAD))

    def _string(self, kind: int, length: int | None, depth: int) -> object:
        if length is None:
            pieces = self._values(None, depth)
            return "".join(piece for piece in pieces if isinstance(piece, str))
        taken = self._taken(length)
        return taken.decode("utf-8", errors="replace") if kind == _TEXT else None

    def _values(self, count: int | None, depth: int) -> list[object]:
        found: list[object] = []
        while count is None or len(found) < count:
            try:
                found.append(self.value(depth + 1))
            except _Break:
                if count is not None:
                    raise ValueError("an end too early") from None
                break
        return found

    def _other(self, info: int) -> object:
        if info == _INDEFINITE:
            raise _Break
        self._number(info)
        return _SIMPLE.get(info)


def _dict(values: list[object]) -> dict[str, object]:
    """Return keys and values in turns as a dict, without keys that are no text."""
    pairs = zip(values[::2], values[1::2], strict=False)
    return {key: value for key, value in pairs if isinstance(key, str)}
