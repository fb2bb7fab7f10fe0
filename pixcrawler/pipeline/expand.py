"""Keywords become search queries: first the keywords themselves, then variations of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, islice, zip_longest

from pydantic import TypeAdapter

from pixcrawler.domain.job import JobSpec
from pixcrawler.domain.model import Value
from pixcrawler.domain.note import Note
from pixcrawler.domain.source import SearchQuery
from pixcrawler.domain.storage import expanded_ref, queries_ref
from pixcrawler.domain.wording import Wording, wording_of
from pixcrawler.pipeline.limits import QUERY_MAX_CHARS
from pixcrawler.pipeline.payloads import Expanded, JobRef
from pixcrawler.pipeline.ports import BlobStore, JobStore
from pixcrawler.pipeline.words.consult import Consulted, consult
from pixcrawler.pipeline.words.ports import WordSource
from pixcrawler.pipeline.words.templates import templated

QUERIES: TypeAdapter[tuple[SearchQuery, ...]] = TypeAdapter(tuple[SearchQuery, ...])
"""The form of the queries file."""


class Expansion(Value):
    """What became of a job's keywords."""

    queries: tuple[SearchQuery, ...]
    notes: tuple[Note, ...] = ()


def expand(
    ref: JobRef, *, jobs: JobStore, blobs: BlobStore, words: WordSource | None = None
) -> Expanded:
    """Write the job's queries, in the order they are asked, and note what went otherwise.

    The plain keywords of all categories come first, taking turns over the categories, then each
    keyword's first variation, and so on. Safe to run twice, although a language model may answer
    otherwise the second time: the first expansion written wins, and the rest follows from it.
    """
    place, first = queries_ref(ref.job_id), expanded_ref(ref.job_id)
    if blobs.exists(place):
        return Expanded(queries=len(QUERIES.validate_json(blobs.get(place))))
    if not blobs.exists(first):
        spec = jobs.job(ref.job_id).spec
        consulted = consult(spec, words, blobs, lambda: jobs.is_given_up(ref.job_id))
        expansion = Expansion(queries=queries_of(spec, consulted), notes=consulted.notes)
        blobs.put_new(first, expansion.model_dump_json(exclude_defaults=True).encode())
    expansion = Expansion.model_validate_json(blobs.get(first))
    jobs.add_notes(ref.job_id, expansion.notes)
    blobs.put(
        place, QUERIES.dump_json(expansion.queries, exclude_defaults=True), "application/json"
    )
    return Expanded(queries=len(expansion.queries))


def queries_of(spec: JobSpec, consulted: Consulted | None = None) -> tuple[SearchQuery, ...]:
    """Return every query of a job, each text once a category, whatever its case."""
    consulted = consulted or Consulted(spec.keywords)
    asked: set[tuple[str, str]] = set()
    queries = [*_own(spec)]
    for query in _in_turns(spec, consulted):
        if (query.category, query.text.casefold()) not in asked:
            asked.add((query.category, query.text.casefold()))
            queries.append(query)
    return tuple(queries)


def _own(spec: JobSpec) -> Iterator[SearchQuery]:
    """What the user brings along has no keyword of its own: its category's name stands for it."""
    for category, urls in spec.urls.items():
        yield SearchQuery(text=category, keyword=category, category=category, addresses=urls)
    for category, uploads in spec.uploads.items():
        yield SearchQuery(text=category, keyword=category, category=category, uploads=uploads)


def _in_turns(spec: JobSpec, consulted: Consulted) -> Iterator[SearchQuery]:
    """The keywords and their translations, then a variation of each, then another of each."""
    variations: dict[tuple[str, str], list[str]] = {}
    for category, keyword in _turns(consulted.keywords):
        wording = _wording(spec, keyword)
        for same in (wording, *map(wording_of, spec.expand.translations.get(keyword, ()))):
            exclude = tuple(dict.fromkeys((*wording.exclude, *same.exclude)))
            asked = wording.model_copy(update={"exclude": exclude})
            yield _query(category, asked, same.text, 0)
        variations[category, keyword] = _variations(spec, keyword, wording, consulted)
    for expansion in range(1, 1 + max(map(len, variations.values()), default=0)):
        for (category, keyword), texts in variations.items():
            if expansion <= len(texts):
                wording, text = _wording(spec, keyword), texts[expansion - 1]
                is_view = text not in consulted.variations.get(keyword, ())
                yield _query(category, wording, text, expansion, is_view=is_view)


def _wording(spec: JobSpec, keyword: str) -> Wording:
    """What a keyword asks for; what a topic leaves out, all its keywords do."""
    wording = wording_of(keyword)
    topic = wording_of(spec.topic).exclude if spec.topic else ()
    exclude = tuple(dict.fromkeys((*wording.exclude, *topic)))
    return wording.model_copy(update={"exclude": exclude})


def _query(
    category: str, wording: Wording, text: str, expansion: int, *, is_view: bool = False
) -> SearchQuery:
    return SearchQuery(
        text=text,
        keyword=wording.label,
        category=category,
        expansion=expansion,
        is_view=is_view,
        exclude=wording.exclude,
    )


def _turns(categories: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """Every (category, keyword): the first of each category, then the second of each."""
    for row in zip_longest(*categories.values()):
        for category, keyword in zip(categories, row, strict=True):
            if keyword is not None:
                yield category, keyword


def _variations(spec: JobSpec, keyword: str, wording: Wording, consulted: Consulted) -> list[str]:
    """What else to ask for a keyword; at most as many as wanted, none over the limit."""
    if spec.expand.mode == "off":
        return []
    said = consulted.variations.get(keyword, ())
    texts = chain(said, templated(wording, spec.expand))
    fit = {
        text.casefold(): text
        for text in texts
        if len(text) <= QUERY_MAX_CHARS and not wording.leaves_out(text)
    }
    return list(islice(fit.values(), spec.expand.per_keyword))
