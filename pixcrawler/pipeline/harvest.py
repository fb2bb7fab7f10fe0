"""The harvest of a job: every verdict of every round, and what became of each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median_low

from pixcrawler.domain.dataset import ManifestImage, Statistics
from pixcrawler.domain.source import Provenance
from pixcrawler.domain.storage import verdicts_ref
from pixcrawler.domain.verdict import Duplicate, RejectReason, Verdict
from pixcrawler.pipeline.deduplicate import Place, Selection, selection_place
from pixcrawler.pipeline.payloads import Rounds
from pixcrawler.pipeline.pictures.placeholders import StandIn
from pixcrawler.pipeline.ports import BlobStore
from pixcrawler.pipeline.validate import read_verdicts


@dataclass(frozen=True)
class LeftOut:
    """A candidate that is not in the dataset, and why."""

    reason: RejectReason
    url: str
    rank: int
    detail: str


@dataclass(frozen=True)
class Harvest:
    """All that a job gathered."""

    rounds: Rounds
    verdicts: Mapping[tuple[int, int], Sequence[Verdict]]
    """By round and chunk."""
    selection: Selection

    @cached_property
    def _kept_lines(self) -> Mapping[tuple[int, int], list[int]]:
        lines: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for place in self.selection.kept:
            lines[place.round, place.chunk].append(place.line)
        return lines

    def kept(self, round_no: int, chunk: int) -> list[Verdict]:
        """Return the chunk's verdicts whose images the dataset holds, in order."""
        verdicts = self.verdicts[round_no, chunk]
        return [verdicts[line] for line in self._kept_lines.get((round_no, chunk), ())]

    def all(self) -> Iterator[tuple[Place, Verdict]]:
        """Yield every verdict with its place."""
        for (round_no, chunk), verdicts in self.verdicts.items():
            for line, verdict in enumerate(verdicts):
                yield Place(round=round_no, chunk=chunk, line=line), verdict

    @cached_property
    def _told(self) -> Mapping[str, Duplicate | StandIn]:
        """Why valid images are left out, by the keys of their candidates."""
        told: dict[str, Duplicate | StandIn] = {one.key: one for one in self.selection.duplicates}
        return told | {one.key: one for one in self.selection.stand_ins}

    def left_out(self) -> list[LeftOut]:
        """Return every candidate that is not in the dataset, grouped by reason, best first."""
        kept = set(self.selection.kept)
        found = [_left_out(one, self._told) for place, one in self.all() if place not in kept]
        order = list(RejectReason)
        return sorted(found, key=lambda one: (order.index(one.reason), one.rank, one.url))

    def found_again(self) -> dict[str, tuple[Provenance, ...]]:
        """Return, by content hash, where else the very bytes of an image were found."""
        copies = {
            one.key: one.of_sha256
            for one in self.selection.duplicates
            if one.reason is RejectReason.DUPLICATE_EXACT
        }
        finds: defaultdict[str, list[Provenance]] = defaultdict(list)
        by_rank = sorted(self.all(), key=lambda placed: placed[1].outcome.candidate.rank)
        for _, verdict in by_rank:
            candidate = verdict.outcome.candidate
            if verdict.facts is not None and candidate.key in copies:
                finds[copies[candidate.key]] += [candidate.provenance, *candidate.also_found]
        return {sha256: tuple(found) for sha256, found in finds.items()}


def read_harvest(rounds: Rounds, blobs: BlobStore) -> Harvest:
    """Read what validation and deduplication wrote."""
    verdicts = {
        (ref.round, ref.chunk): read_verdicts(verdicts_ref(ref.job_id, ref.round, ref.chunk), blobs)
        for ref in rounds.refs()
    }
    selection = Selection.model_validate_json(blobs.get(selection_place(rounds)))
    return Harvest(rounds, verdicts, selection)


def statistics_of(harvest: Harvest, images: Sequence[ManifestImage], wanted: int) -> Statistics:
    """Count over the images and over the job; images and rejected add up to the candidates."""
    verdicts = [verdict for _, verdict in harvest.all()]
    return Statistics(
        images=len(images),
        bytes=sum(image.facts.bytes for image in images),
        wanted=wanted,
        candidates=len(verdicts),
        downloaded=sum(1 for verdict in verdicts if verdict.outcome.reason is None),
        rounds=len(harvest.rounds.chunks),
        by_category=_counts(image.category for image in images),
        by_keyword=_counts(image.keyword for image in images),
        by_engine=_counts(image.provenance.engine for image in images),
        by_format=_counts(image.facts.format.value for image in images),
        by_license=_counts(image.provenance.license or "unknown" for image in images),
        rejected=dict(Counter(one.reason for one in harvest.left_out())),
        width_px=_spread([image.facts.width for image in images]),
        height_px=_spread([image.facts.height for image in images]),
    )


def _left_out(verdict: Verdict, told: Mapping[str, Duplicate | StandIn]) -> LeftOut:
    candidate = verdict.outcome.candidate
    why = told.get(candidate.key)
    if verdict.reason is not None:
        reason, detail = verdict.reason, verdict.detail or ""
    elif isinstance(why, StandIn):
        reason, detail = RejectReason.PLACEHOLDER, why.detail
    elif why is not None:
        reason = why.reason
        detail = f"of {why.of_sha256[:16]}, {why.distance_bits} bits apart"
    else:
        reason, detail = RejectReason.OVER_LIMIT, "good, but more than wanted"
    return LeftOut(reason, candidate.url, candidate.rank, detail)


def _counts(words: Iterator[str]) -> dict[str, int]:
    """Most first."""
    counted = Counter(words)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _spread(values: Sequence[int]) -> dict[str, int]:
    if not values:
        return {}
    return {"min": min(values), "median": median_low(values), "max": max(values)}
