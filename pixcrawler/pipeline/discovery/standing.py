"""Standings: where discovery stands after a round, and how finds become the round's candidates."""

from __future__ import annotations

import base64
import gzip
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import TypeVar

from pydantic import TypeAdapter

from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.source import Candidate, SearchQuery
from pixcrawler.pipeline.discovery.asker import SEEN_HEX
from pixcrawler.pipeline.discovery.lanes import EngineState, Found
from pixcrawler.pipeline.discovery.ranking import merged
from pixcrawler.pipeline.discovery.sift import OWN_LISTS
from pixcrawler.pipeline.payloads import Discovered

Item = TypeVar("Item")


@dataclass(frozen=True)
class Standing:
    """Where discovery stands after a round."""

    discovered: Discovered
    next_rank: int = 0
    seen: str = ""
    """The remembered part of every candidate's key, one after the other, in Base64."""
    engines: list[EngineState] = field(default_factory=list)
    found: str = ""
    """Digest that the file of the round's candidates is named by."""


_STANDING = TypeAdapter(Standing)


def packed(standing: Standing) -> bytes:
    """Return the standing as a file: JSON, in gzip because what is held would be megabytes."""
    plain = _STANDING.dump_json(standing, exclude_defaults=True)
    return gzip.compress(plain, compresslevel=1, mtime=0)


def unpacked(data: bytes) -> Standing:
    """Return the standing that a file holds; earlier versions wrote plain JSON."""
    is_packed = data.startswith(b"\x1f\x8b")
    return _STANDING.validate_json(gzip.decompress(data) if is_packed else data)


def candidates_of(
    states: Iterable[EngineState], queries: Sequence[SearchQuery], most: int, first_rank: int
) -> list[Candidate]:
    """Return the first ``most`` of all held finds, each picture once.

    Categories take turns, the keywords of each, and the engines of each keyword.
    """
    by_key: dict[str, list[Found]] = {}
    for found in _fair_order(states):
        by_key.setdefault(found.key, []).append(found)
    chosen = list(by_key.values())[:most]
    return [_candidate(finds, queries, first_rank + place) for place, finds in enumerate(chosen)]


def settled(states: Iterable[EngineState], candidates: Sequence[Candidate]) -> list[EngineState]:
    """Return the engines' states after the candidates were taken."""
    taken = {one.key for one in candidates}
    gave = Counter(
        engine
        for one in candidates
        for engine in {one.provenance.engine, *(other.engine for other in one.also_found)}
    )
    return [_settled(state, taken, gave[state.report.engine]) for state in states]


def remembered(seen: str, keys: Iterable[str]) -> str:
    """Return ``seen`` with further keys."""
    added = bytes.fromhex("".join(key[:SEEN_HEX] for key in keys))
    return base64.b64encode(base64.b64decode(seen) + added).decode()


def recalled(seen: str) -> set[str]:
    """Return the remembered parts of keys."""
    digits = base64.b64decode(seen).hex()
    return {digits[at : at + SEEN_HEX] for at in range(0, len(digits), SEEN_HEX)}


def _settled(state: EngineState, taken: set[str], candidates: int) -> EngineState:
    """The state after ``candidates`` of the engine's finds, with keys in ``taken``, became some.

    The report is about what is missing: an engine that went on where it had failed or refused
    gave everything; what could not be read was left out for good.
    """
    total = state.report.candidates + candidates
    changes: dict[str, object] = {
        "candidates": total,
        "saturated": sum(lane.saturated for lane in state.lanes),
        "is_used_up": not any(lane.left for lane in state.lanes),
    }
    status = state.report.status
    has_passed = not (state.troubles or state.pause_s or status is EngineStatus.CHANGED)
    if has_passed or status.is_well:
        status = EngineStatus.OK if total else EngineStatus.EMPTY
        remarks = "; ".join(state.remarks) or None
        well = {"kind": None, "detail": remarks, "retry_after_s": None, "until": None}
        changes |= {"status": status, **well}
    lanes = [
        replace(lane, held=[found for found in lane.held if found.key not in taken])
        for lane in state.lanes
    ]
    return replace(state, report=state.report.model_copy(update=changes), lanes=lanes)


def _fair_order(states: Iterable[EngineState]) -> Iterator[Found]:
    groups: dict[str, dict[str, list[list[Found]]]] = {}
    for state in states:
        for lane in state.lanes:
            groups.setdefault(lane.category, {}).setdefault(lane.keyword, []).append(lane.held)
    return _turns(_turns(_turns(held) for held in words.values()) for words in groups.values())


def _turns(lists: Iterable[Iterable[Item]]) -> Iterator[Item]:
    """The first of each, the second of each, …."""
    nothing = object()
    for row in zip_longest(*lists, fillvalue=nothing):
        yield from (item for item in row if item is not nothing)  # type: ignore[misc]


def _candidate(finds: list[Found], queries: Sequence[SearchQuery], rank: int) -> Candidate:
    """One candidate out of every find of one key; the first find says what it was searched for.

    An address that a person chose is the one to be fetched, not what is taken for its original.
    """
    query = queries[finds[0].query]
    picture = merged(finds)
    chosen = next((one.url for one in finds if one.provenance.engine in OWN_LISTS), None)
    return Candidate(
        url=chosen or picture.url,
        key=finds[0].key,
        alternatives=() if chosen else picture.alternatives,
        keyword=query.keyword,
        category=query.category,
        query=query.text,
        rank=rank,
        width=picture.width,
        height=picture.height,
        provenance=picture.provenance,
        also_found=picture.also_found,
    )
