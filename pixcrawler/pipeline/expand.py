"""Keywords become search queries: first the keywords themselves, then variations of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice, zip_longest

from pydantic import TypeAdapter

from pixcrawler.domain.job import JobSpec
from pixcrawler.domain.source import SearchQuery
from pixcrawler.domain.storage import queries_ref
from pixcrawler.pipeline.payloads import Expanded, JobRef
from pixcrawler.pipeline.ports import BlobStore, JobStore

QUERY_MAX_CHARS = 200
"""What every engine takes. Source: Openverse API documentation, the strictest of them."""

QUERIES: TypeAdapter[tuple[SearchQuery, ...]] = TypeAdapter(tuple[SearchQuery, ...])
"""The form of the queries file."""

# Places, views and light in which the same thing is photographed; none that changes what it is
# (no drawings, toys, memes). The plural stands second where it is easy to make.
_TEMPLATES = (
    "{k} photo",
    "{k} close up",
    "{k} outdoors",
    "{k} in the wild",
    "{k} side view",
    "{k} indoors",
    "{k} front view",
    "{k} in sunlight",
    "{k} in nature",
    "{k} from above",
    "{k} in winter",
    "{k} in summer",
    "{k} portrait",
    "{k} at night",
    "{k} in the city",
    "{k} back view",
    "{k} in the rain",
    "{k} in autumn",
    "{k} in spring",
    "{k} detail",
)
_SHORTEST_PLURAL = 3


def expand(ref: JobRef, *, jobs: JobStore, blobs: BlobStore) -> Expanded:
    """Write the job's queries, in the order they are asked. Safe to run twice.

    The plain keywords of all categories come first, taking turns over the categories, then each
    keyword's first variation, and so on.
    """
    place = queries_ref(ref.job_id)
    if blobs.exists(place):
        return Expanded(queries=len(QUERIES.validate_json(blobs.get(place))))
    queries = queries_of(jobs.job(ref.job_id).spec)
    blobs.put(place, QUERIES.dump_json(queries, exclude_defaults=True), "application/json")
    return Expanded(queries=len(queries))


def queries_of(spec: JobSpec) -> tuple[SearchQuery, ...]:
    """Return every query of a job, each text once a category, whatever its case."""
    wanted = 1 + (spec.expand.per_keyword if spec.expand.mode == "templates" else 0)
    variations = {
        (category, keyword): list(islice(_variations(keyword), wanted))
        for category, keywords in spec.categories.items()
        for keyword in keywords
    }
    asked: set[tuple[str, str]] = set()
    queries = [_own_list(category, addresses=urls) for category, urls in spec.urls.items()]
    queries += [_own_list(category, uploads=ids) for category, ids in spec.uploads.items()]
    for expansion in range(wanted):
        for category, keyword in _turns(spec.categories):
            texts = variations[category, keyword]
            text = texts[expansion] if expansion < len(texts) else ""
            if not text or (category, text.casefold()) in asked:
                continue
            asked.add((category, text.casefold()))
            queries.append(
                SearchQuery(text=text, keyword=keyword, category=category, expansion=expansion)
            )
    return tuple(queries)


def _own_list(
    category: str, addresses: tuple[str, ...] = (), uploads: tuple[str, ...] = ()
) -> SearchQuery:
    """A user's list has no keyword of its own: its category's name stands for it."""
    return SearchQuery(
        text=category, keyword=category, category=category, addresses=addresses, uploads=uploads
    )


def _turns(categories: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """Every (category, keyword): the first of each category, then the second of each."""
    for row in zip_longest(*categories.values()):
        for category, keyword in zip(categories, row, strict=True):
            if keyword is not None:
                yield category, keyword


def _variations(keyword: str) -> Iterator[str]:
    """The keyword, then what else to ask for it; nothing twice, nothing over the limit."""
    templates = [template.format(k=keyword) for template in _TEMPLATES]
    several = _plural(keyword)
    further = [templates[0], several, *templates[1:]] if several else templates
    yield keyword[:QUERY_MAX_CHARS]
    yield from _short(further)


def _short(texts: Iterable[str]) -> Iterator[str]:
    return (text for text in texts if len(text) <= QUERY_MAX_CHARS)


def _plural(keyword: str) -> str | None:
    """The English plural where a plain rule gives it, else None."""
    word = keyword.rsplit(" ", 1)[-1].lower()
    if len(word) < _SHORTEST_PLURAL or not (word.isascii() and word.isalpha()):
        return None
    if word.endswith(("s", "fish", "sheep", "deer", "man", "mouse", "foot", "child")):
        return None
    if word.endswith(("x", "z", "ch", "sh")):
        return f"{keyword}es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{keyword[:-1]}ies"
    return f"{keyword}s"
