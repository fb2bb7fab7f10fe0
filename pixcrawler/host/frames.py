"""Frames between the host and its workers: a JSON header and the raw bytes it refers to."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from azure.functions.meta import Datum

_SIZES: Final = struct.Struct(">IQ")
_MAX_HEADER_BYTES: Final = 64 << 20
MAX_BODY_BYTES: Final = 2 << 30
# Longer texts travel as raw bytes: an orchestrator's history inside JSON would be escaped twice.
_INLINE_CHARACTERS: Final = 256


class FrameBroken(Exception):
    """What arrived is not a frame of this protocol."""


def pack(message: Mapping[str, Any]) -> list[bytes]:
    """Return a message as byte pieces to be written one after the other.

    Messages are JSON values that may also hold `bytes` and `Datum` at any depth.

    Raises:
        FrameBroken: the message is larger than a frame may be.
    """
    pieces: list[bytes] = []
    header = json.dumps(_Packer(pieces).value(message), separators=(",", ":")).encode()
    body_bytes = sum(len(piece) for piece in pieces)
    if len(header) > _MAX_HEADER_BYTES or body_bytes > MAX_BODY_BYTES:
        raise FrameBroken(f"a message of {len(header) + body_bytes} bytes is too large")
    return [_SIZES.pack(len(header), body_bytes) + header, *pieces]


async def receive(reader: asyncio.StreamReader) -> Any:
    """Read the next message.

    Raises:
        FrameBroken: the peer sent something else.
        asyncio.IncompleteReadError: the connection ended.
    """
    header_bytes, body_bytes = _SIZES.unpack(await reader.readexactly(_SIZES.size))
    if header_bytes > _MAX_HEADER_BYTES or body_bytes > MAX_BODY_BYTES:
        raise FrameBroken(f"a frame of {header_bytes} + {body_bytes} bytes is too large")
    header = await reader.readexactly(header_bytes)
    body = await reader.readexactly(body_bytes) if body_bytes else b""
    try:
        return _unpack(json.loads(header), body)
    except (ValueError, LookupError, TypeError) as error:
        raise FrameBroken(f"not a frame of this host: {error}") from error


async def send(writer: asyncio.StreamWriter, message: Mapping[str, Any]) -> None:
    """Write one message; frames of several senders do not mix."""
    writer.writelines(pack(message))
    await writer.drain()


class _Packer:
    """Turns values into JSON: lists stay, everything else compound becomes a tagged list."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces
        self._offset = 0

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, bytes | bytearray | memoryview):
            return ["b", *self._store(bytes(value))]
        if isinstance(value, Datum):
            return ["d", value.type, self.value(value.value)]
        return self._compound(value)

    def _compound(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(key): self.value(item) for key, item in value.items()}
        if isinstance(value, Sequence):
            return ["l", *(self.value(item) for item in value)]
        return value

    def _text(self, text: str) -> Any:
        if len(text) <= _INLINE_CHARACTERS:
            return text
        return ["s", *self._store(text.encode("utf-8", "surrogatepass"))]

    def _store(self, data: bytes) -> tuple[int, int]:
        start = self._offset
        self._offset += len(data)
        self._pieces.append(data)
        return start, len(data)


def _unpack(value: Any, body: bytes) -> Any:
    if isinstance(value, dict):
        return {key: _unpack(item, body) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    tag, *rest = value
    if tag == "l":
        return [_unpack(item, body) for item in rest]
    if tag == "d":
        return Datum(_unpack(rest[1], body), rest[0])
    start, length = rest
    if tag not in ("b", "s") or not 0 <= start <= start + length <= len(body):
        raise ValueError(f"unknown part {tag!r}")
    piece = body[start : start + length]
    return piece if tag == "b" else piece.decode("utf-8", "surrogatepass")
