"""C2PA and CAWG: the training-mining assertion in the manifest of a picture.

No signature is checked: a wish is heard whoever wrote it, and a forged one costs us a picture,
not its author a right. Manifests that are packed (``brob`` boxes, Brotli) are not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from typing_extensions import override

from pixcrawler.pipeline.optout import cbor
from pixcrawler.pipeline.optout.containers import embedded
from pixcrawler.pipeline.optout.meaning import NOBODY, NOT_ALLOWED, TRAINING_MINING
from pixcrawler.pipeline.optout.signal import Saying, Signal
from pixcrawler.pipeline.visits.body import Body

MAX_BOXES = 5000
"""A manifest has about 20, and one for each picture that went into it."""
MAX_DEPTH = 8
"""Of boxes in each other; an assertion is in the fourth."""
MAX_ASSERTION_BYTES = 64 * 1024

_LABEL = re.compile(r"(?:c2pa|cawg)\.training-mining(?:\.v\d+)?(?:__\d+)?")
_MARK = b"training-mining"
_PREFIX = re.compile(r"^(?:c2pa|cawg)\.")
_TEXT_LENGTH = 200

Box = tuple[bytes, memoryview]


class C2pa(Signal):
    """What training-mining says, in the picture's manifest or in one of a picture within it."""

    name = "c2pa"

    @override
    def of_body(self, body: Body) -> Sequence[Saying]:
        jumbf = embedded(body).jumbf
        if _MARK not in jumbf:
            return ()
        found = {
            (entry, use): detail
            for assertion in _Boxes().assertions(memoryview(jumbf))
            for entry, use, detail in _uses(assertion)
        }
        return [_saying(entry, use, detail) for (entry, use), detail in found.items()]


def _saying(entry: str, use: str, detail: str) -> Saying:
    meaning = TRAINING_MINING.get(_PREFIX.sub("", entry))
    refused = meaning.refused if meaning and use in NOT_ALLOWED else NOBODY
    return Saying(f"{entry}: {use}{detail and f' ({detail})'}", "bytes", refused)


def _uses(assertion: object) -> Iterator[tuple[str, str, str]]:
    """Yield each entry of an assertion with its use and what is told about it.

    The first form of the CAWG assertion had the entries at the top.
    """
    if not isinstance(assertion, dict):
        return
    entries = assertion.get("entries", assertion)
    for entry, value in entries.items() if isinstance(entries, dict) else ():
        use = value.get("use") if isinstance(value, dict) else value
        detail = value.get("constraint_info") if isinstance(value, dict) else None
        if isinstance(use, str):
            told = detail if isinstance(detail, str) else ""
            yield entry[:_TEXT_LENGTH], use[:_TEXT_LENGTH], told[:_TEXT_LENGTH]


class _Boxes:
    """Walks through JUMBF boxes (ISO 19566-5), so many at most."""

    def __init__(self) -> None:
        self._left = MAX_BOXES

    def assertions(self, data: memoryview, depth: int = 0) -> Iterator[object]:
        """Yield every training-mining assertion within some boxes."""
        is_wanted = False
        for kind, content in self._boxes(data):
            if kind == b"jumb" and depth < MAX_DEPTH:
                yield from self.assertions(content, depth + 1)
            elif kind == b"jumd":
                is_wanted = bool(_LABEL.fullmatch(_label(content)))
            elif kind in (b"cbor", b"json") and is_wanted:
                yield _read(kind, bytes(content[:MAX_ASSERTION_BYTES]))

    def _boxes(self, data: memoryview) -> Iterator[Box]:
        """Yield the boxes that follow each other; a length that leads nowhere ends them."""
        at = 0
        while self._left and len(data) - at >= 8:  # noqa: PLR2004 - the length of a header
            self._left -= 1
            length, kind = int.from_bytes(data[at : at + 4]), bytes(data[at + 4 : at + 8])
            start = at + 8
            if length == 1:
                length, start = int.from_bytes(data[at + 8 : at + 16]), at + 16
            elif length == 0:
                length = len(data) - at
            if at + length < start:
                return
            yield kind, data[start : at + length]
            at += length


def _label(description: memoryview) -> str:
    """Return the label of a description box: after 16 bytes of a type and one of flags."""
    text, _, _ = bytes(description[17 : 17 + _TEXT_LENGTH]).partition(b"\0")
    return text.decode("utf-8", errors="replace")


def _read(kind: bytes, content: bytes) -> object:
    try:
        return cbor.read(content) if kind == b"cbor" else json.loads(content)
    except (ValueError, RecursionError):
        return None
