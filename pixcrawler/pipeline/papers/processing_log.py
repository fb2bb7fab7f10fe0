"""The story of a job for people to read: what was asked, what was found, what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pixcrawler.domain.dataset import Manifest, Statistics
from pixcrawler.domain.job import JobSpec
from pixcrawler.domain.note import Note
from pixcrawler.domain.source import EngineReport
from pixcrawler.domain.wording import wording_of
from pixcrawler.pipeline.harvest import Harvest
from pixcrawler.pipeline.papers.hosts import HostLoad, host_lines
from pixcrawler.pipeline.papers.labels import one_line
from pixcrawler.pipeline.papers.shortfall import causes


def processing_log(
    manifest: Manifest,
    spec: JobSpec,
    harvest: Harvest,
    loads: Sequence[HostLoad] = (),
    notes: Sequence[Note] = (),
) -> str:
    """Return the log, with a line ``reason TAB address TAB detail`` a candidate left out."""
    lines = [
        f"Processing log of {manifest.name}, version {manifest.version}",
        f"dataset {manifest.dataset_id}, job {manifest.job_id}",
        *_section("Asked for", _asked(spec)),
        *_section("What happened", _happened(manifest.statistics, harvest)),
        *_section("Engines", _engines(manifest.engines)),
        *_section("Hosts that were asked most: requests, what came of them", host_lines(loads)),
        *_section("Notes", [one_line(note.message) for note in notes] or ["none"]),
        *_section("Why candidates are not in the dataset", _reasons(manifest.statistics)),
        *_section("Images by category and keyword", _shares(manifest, spec)),
        *_section("What is missing", _missing(manifest)),
        *_section("Every candidate that is not in the dataset: reason, address, detail", ()),
        *(
            f"{one.reason}\t{one_line(one.url)}\t{one_line(one.detail)}"
            for one in harvest.left_out()
        ),
    ]
    return "\n".join(lines) + "\n"


def _section(title: str, lines: Iterator[str] | Sequence[str]) -> Iterator[str]:
    yield from ("", title, "-" * len(title))
    yield from lines


def _asked(spec: JobSpec) -> Iterator[str]:
    filters = spec.filters
    yield f"wanted      {spec.max_images} images"
    if spec.topic:
        yield f"topic       {spec.topic}"
    for category, words in spec.categories.items():
        yield f"category    {category}: {', '.join(words)}"
    for category, urls in spec.urls.items():
        yield f"category    {category}: addresses of the user's own list, {len(urls)} in all"
    yield f"engines     {', '.join(spec.engines)}"
    more = "off" if spec.expand.mode == "off" else f"{spec.expand.per_keyword} a keyword"
    if spec.expand.mode == "model":
        more += ", from a language model where it gave any"
    yield f"more words  {more}"
    formats = ", ".join(kind.value for kind in filters.formats)
    yield (
        f"filters     at least {filters.min_width} x {filters.min_height} pixels, at most "
        f"{filters.max_aspect_ratio:g} : 1, {formats}, "
        f"safe search {'on' if filters.safe_search else 'off'}"
    )
    yield f"validation  {spec.validation_level}"
    yield f"duplicates  equal bytes, or perceptual hashes within {spec.duplicates.distance} bits"


def _happened(counts: Statistics, harvest: Harvest) -> Iterator[str]:
    valid = sum(1 for _, verdict in harvest.all() if verdict.facts is not None)
    chunks = ", ".join(map(str, harvest.rounds.chunks))
    yield f"rounds      {counts.rounds} (chunks: {chunks})"
    yield f"candidates  {counts.candidates}"
    yield f"downloaded  {counts.downloaded}"
    yield f"valid       {valid}"
    yield f"kept        {counts.images} ({counts.bytes} bytes)"


def _engines(reports: Sequence[EngineReport]) -> Iterator[str]:
    for report in reports:
        detail = f"; {one_line(report.detail)}" if report.detail else ""
        kind = f" ({report.kind})" if report.kind else ""
        yield (
            f"{report.engine}  {report.status}{kind}, candidates: {report.candidates}, "
            f"requests: {report.requests}, sifted before download: {report.sifted}{detail}"
        )
    if not reports:
        yield "no report"


def _reasons(counts: Statistics) -> Iterator[str]:
    for reason, count in sorted(counts.rejected.items(), key=lambda item: (-item[1], item[0])):
        yield f"{count:>7}  {reason}"
    if not counts.rejected:
        yield "every candidate is in it"


def _shares(manifest: Manifest, spec: JobSpec) -> Iterator[str]:
    """Name every category and keyword asked for, also those without an image."""
    asked = {
        name: [wording_of(word).label for word in words] for name, words in spec.keywords.items()
    }
    asked |= {name: [*asked.get(name, []), name] for name in spec.urls}
    found: dict[tuple[str, str], int] = {
        (category, keyword): 0 for category, words in asked.items() for keyword in words
    }
    for image in manifest.images:
        pair = (image.category, image.keyword)
        found[pair] = found.get(pair, 0) + 1
    for (category, keyword), count in found.items():
        yield f"{count:>7}  {category} / {keyword}"


def _missing(manifest: Manifest) -> Iterator[str]:
    counts = manifest.statistics
    if counts.images >= counts.wanted:
        yield f"Nothing: {counts.wanted} images were wanted and {counts.images} are here."
        return
    short = counts.wanted - counts.images
    yield f"{short} of {counts.wanted} wanted images; the job's message says what ended the search."
    yield from map(one_line, causes(manifest.engines))
