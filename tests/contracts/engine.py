"""The contract of every engine: what its adapter makes of each kind of answer, and never raises.

A scenario is a service: a function from a request to an answer. Most engines take one request a
page, so that a stored file is a service: ``stored("openverse/full.json")``.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.adapters.engines.searcher import Searcher
from pixcrawler.adapters.engines.shape import Ask, Engine
from pixcrawler.adapters.memory.desk import MemoryDesk
from pixcrawler.domain.engine import BlockKind, EngineStatus, Honour
from pixcrawler.domain.errors import SourceUnavailable
from pixcrawler.domain.filters import Aspect, Color, FilterName, Filters, Kind, License, Size
from pixcrawler.domain.source import SearchQuery
from pixcrawler.pipeline.engines.ports import Find, OptIn, Page, Request
from tests.contracts.answers import FIXTURES, Service, Wire, body_of, saying, stored
from tests.contracts.mutations import mutated, mutating
from tests.fakes.clock import Clock

__all__ = [
    "FIXTURES", "EngineCase", "EngineContract", "Service", "Wire", "body_of", "saying", "searched",
    "stored",
]  # fmt: skip

QUERY = SearchQuery(text="harbour crane", keyword="crane", category="machines")
MOST_PAGES = 1000
BROKE = "broke our reader"
"""What a search says when an engine raised anything but ValueError."""
WISHES: dict[FilterName, list[dict[str, Any]]] = {
    FilterName.SIZE: [{"size": one} for one in get_args(Size)],
    FilterName.ASPECT: [{"aspect": one} for one in get_args(Aspect)],
    FilterName.COLOR: [{"color": one} for one in get_args(Color)],
    FilterName.TYPE: [{"type": one} for one in get_args(Kind)],
    FilterName.LICENSE: [{"license": one} for one in get_args(License)],
    FilterName.SAFE_SEARCH: [{"safe_search": False}, {"safe_search": True}],
    FilterName.DATE: [{"since": "2021-03-04", "until": "2022-05-06"}],
    FilterName.REGION: [{"region": "fr"}, {"region": "jp"}],
    FilterName.LANGUAGE: [{"language": "fr"}, {"language": "ja"}],
}
"""What a job may ask of each filter, beside the default."""


def searched(
    engine: Engine,
    service: Service,
    cursor: str | None = None,
    filters: Filters | None = None,
    query: SearchQuery = QUERY,
) -> tuple[Page, list[Request]]:
    """One page as the pipeline gets it, and the requests that it took."""
    wire, clock = Wire(service), Clock()
    desk = MemoryDesk(clock.now, clock.sleep)
    desk.switch_on(OptIn(engine.card.name, engine.card.terms_digest, "a test", clock.now()))
    searcher = Searcher(engine, wire, desk, sleep=clock.sleep)
    return searcher.search(query, cursor, filters or Filters()), wire.asked


@dataclass(frozen=True)
class EngineCase:
    """An engine and the services that play it."""

    engine: Engine
    full: Service
    """A first page with a next one."""
    full_finds: int
    last: Service
    """A page after which there is nothing."""
    last_finds: int
    last_cursor: str
    """With which it is asked for."""
    empty: Service
    """Nothing matches."""
    changed: Service
    """200, and no known structure."""
    broken: Service
    """The right structure, broken off or not well formed."""
    hostile: Service
    """A page with javascript: and data: addresses, 100 kB titles, wrong types, missing fields."""
    hostile_finds: int
    """Of which so many are sound."""
    whole: Service
    """Plays paging to the end."""
    whole_finds: int
    blocks: Mapping[str, tuple[Service, BlockKind]] = field(default_factory=dict)
    """Every form of refusal beyond the plain statuses, by name."""
    body: bytes = b""
    """A results body that ``read`` takes, for the property tests."""
    filters: Filters = field(default_factory=Filters)


class EngineContract:
    """Inherit, set ``case``, and add what is the engine's own."""

    case: EngineCase

    def test_a_full_page_gives_its_finds_and_a_next_cursor(self):
        """Sound finds in order, with a way on."""
        page, _ = searched(self.case.engine, self.case.full, filters=self.case.filters)
        assert (page.status, len(page.finds)) == (EngineStatus.OK, self.case.full_finds)
        assert page.next_cursor
        assert all(find.provenance.engine == self.case.engine.card.name for find in page.finds)
        for find in page.finds:
            _assert_sound(find)

    def test_a_licensed_engine_names_licences(self):
        """What the card promises of licences is what the finds have."""
        page, _ = searched(self.case.engine, self.case.full, filters=self.case.filters)
        named = [find.provenance.license for find in page.finds if find.provenance.license]
        assert bool(named) == self.case.engine.card.licensed

    @pytest.mark.parametrize("name", list(FilterName))
    def test_a_filter_that_is_searched_is_asked_for(self, name):
        """A searched filter changes what the engine is asked; any other changes nothing."""
        case = self.case
        plain = searched(case.engine, case.full, filters=case.filters)[1]
        for wish in WISHES[name]:
            filters = Filters.model_validate({**case.filters.model_dump(), **wish})
            if filters == case.filters:
                continue
            _, asked = searched(case.engine, case.full, filters=filters)
            is_searched = case.engine.card.honour(name, filters) is Honour.SEARCHED
            assert (asked != plain) == is_searched, wish

    @pytest.mark.parametrize("name", [name for name in WISHES if name is not FilterName.LICENSE])
    def test_two_values_of_a_filter_are_asked_for_differently(self, name):
        """No two sizes, colours, kinds, markets and languages are the same to a service."""
        case = self.case
        seen: dict[str, Any] = {}
        for wish in WISHES[name]:
            filters = Filters.model_validate({**case.filters.model_dump(), **wish})
            if case.engine.card.honour(name, filters) is Honour.SEARCHED:
                _, asked = searched(case.engine, case.full, filters=filters)
                assert seen.setdefault(repr(asked), wish) == wish

    def test_the_last_page_has_no_next(self):
        """The last page gives its finds and no cursor."""
        case = self.case
        page, _ = searched(case.engine, case.last, case.last_cursor, case.filters)
        assert (page.status, len(page.finds), page.next_cursor) == (
            EngineStatus.OK,
            case.last_finds,
            None,
        )

    def test_nothing_found_is_empty(self):
        """No results is an answer, not a fault."""
        page, _ = searched(self.case.engine, self.case.empty, filters=self.case.filters)
        assert (page.status, page.finds, page.next_cursor) == (EngineStatus.EMPTY, (), None)

    @pytest.mark.parametrize("what", ["changed", "broken"])
    def test_an_answer_that_cannot_be_read_is_changed(self, what):
        """A page of something else is told, with words for an operator."""
        page, _ = searched(self.case.engine, getattr(self.case, what), filters=self.case.filters)
        assert page.status is EngineStatus.CHANGED, page
        assert page.detail

    def test_hostile_values_are_left_out(self):
        """What is no address, no text, no number is not passed on; the sound finds are."""
        page, _ = searched(self.case.engine, self.case.hostile, filters=self.case.filters)
        assert (page.status, len(page.finds)) == (EngineStatus.OK, self.case.hostile_finds)
        for find in page.finds:
            _assert_sound(find)

    def test_paging_comes_to_an_end_with_everything(self):
        """Page after page, every find comes once, and there is an end."""
        urls, cursor = [], None
        for _ in range(MOST_PAGES):
            page, _ = searched(self.case.engine, self.case.whole, cursor, self.case.filters)
            urls += [find.url for find in page.finds]
            cursor = page.next_cursor
            if cursor is None:
                break
            assert page.status is EngineStatus.OK
            assert len(cursor) <= 4000
        assert cursor is None
        assert len(urls) == len(set(urls)) == self.case.whole_finds

    def test_each_form_of_refusal_is_recognised(self):
        """Each block is told by its kind."""
        for name, (service, kind) in self.case.blocks.items():
            page, _ = searched(self.case.engine, service, filters=self.case.filters)
            assert (page.status, page.kind) == (EngineStatus.BLOCKED, kind), (name, page)
            assert page.detail

    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            (401, EngineStatus.BLOCKED),
            (403, EngineStatus.BLOCKED),
            (429, EngineStatus.BLOCKED),
            (500, EngineStatus.FAILED),
            (503, EngineStatus.FAILED),
        ],
    )
    def test_a_status_tells_how_it_fared(self, status, expected):
        """Refusals are blocked, faults of the service failed; a stated wait is heeded."""
        service = saying("{}", status, retry_after_s=37.0)
        page, _ = searched(self.case.engine, service, filters=self.case.filters)
        assert page.status is expected, page
        assert page.retry_after_s >= 37.0

    def test_a_service_that_cannot_be_reached_failed_with_its_cause(self):
        """The detail is host and cause, ready for the job's message."""

        def away(request):
            raise SourceUnavailable("engine.example: the name could not be resolved")

        page, _ = searched(self.case.engine, away, filters=self.case.filters)
        assert (page.status, page.detail) == (
            EngineStatus.FAILED,
            "engine.example: the name could not be resolved",
        )

    @settings(
        max_examples=60,
        deadline=timedelta(seconds=5),
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(body=st.binary(max_size=400))
    def test_random_bytes_never_raise(self, body):
        """Whatever the bytes, the parser gives a page or says ValueError."""
        _read_or_refused(self.case.engine, body, self.case.filters)
        page, _ = searched(self.case.engine, saying(body), filters=self.case.filters)
        assert BROKE not in (page.detail or "")

    @pytest.mark.parametrize("seed", range(8))
    def test_mutated_answers_never_raise(self, seed):
        """A true answer with any value replaced, or any byte changed, is read or refused."""
        chance = random.Random(seed)
        body = self.case.body
        for _ in range(25):
            _read_or_refused(self.case.engine, mutated(body, chance), self.case.filters)

    @pytest.mark.parametrize("seed", range(4))
    def test_a_service_whose_answers_are_mutated_never_breaks_a_search(self, seed):
        """Each answer of a page that takes several requests may be odd, and refusals as well."""
        chance = random.Random(seed)
        refusals = (service for service, _ in self.case.blocks.values())
        for service in (self.case.full, self.case.whole, *refusals):
            for _ in range(10):
                page, _ = searched(
                    self.case.engine, mutating(service, chance), filters=self.case.filters
                )
                assert BROKE not in (page.detail or "")
                assert page.requests >= 1

    @pytest.mark.parametrize(
        "body", [b"", b"null", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000, b"{" * 1000]
    )
    def test_odd_bodies_never_raise(self, body):
        """Degenerate documents are told, whatever they are."""
        page, _ = searched(self.case.engine, saying(body), filters=self.case.filters)
        assert page.status is not EngineStatus.OK
        assert BROKE not in (page.detail or "")
        _read_or_refused(self.case.engine, body, self.case.filters)

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "latin-1", "cp037"])
    def test_wrong_encodings_never_raise(self, encoding):
        """A true answer in another encoding is read or told as changed; what is read is sound."""
        body = self.case.body.decode("utf-8").encode(encoding, "replace")
        page, _ = searched(self.case.engine, saying(body), filters=self.case.filters)
        assert page.detail is None or "broke our reader" not in page.detail
        _read_or_refused(self.case.engine, body, self.case.filters)

    def test_bytes_that_are_no_text_never_raise(self):
        """Single bytes that no UTF-8 has, anywhere between the words, do no harm."""
        body = self.case.body.replace(b" ", b" \xff\xc0")
        page, _ = searched(self.case.engine, saying(body), filters=self.case.filters)
        assert page.detail is None or "broke our reader" not in page.detail
        _read_or_refused(self.case.engine, body, self.case.filters)

    def test_the_key_stands_in_no_message_and_no_cursor(self):
        """The operator's key is sent, and nothing that is kept shows it."""
        if self.case.engine.key:
            for service in (self.case.full, self.case.changed, saying("{}", 403)):
                page, _ = searched(self.case.engine, service, filters=self.case.filters)
                for secret in self.case.engine.key.split(":"):
                    assert secret not in f"{page.detail} {page.next_cursor} {page.finds}"


def _read_or_refused(engine: Engine, body: bytes, filters: Filters) -> None:
    try:
        page = engine.read(body, Ask(QUERY.text, filters))
    except ValueError:
        return
    for find in page.finds:
        _assert_sound(find)


def _assert_sound(find: Find) -> None:
    """Web addresses, plain words and sizes that make sense, all fit to be stored."""
    said = find.provenance
    for url in (find.url, find.thumbnail_url, said.page_url, said.creator_url, said.license_url):
        assert url is None or url.startswith(("http://", "https://"))
    for words in (said.title, said.creator, said.license, said.attribution, said.provider_id):
        assert words is None or (words.isprintable() and len(words) <= 1000)
    for number in (find.width, find.height, find.bytes_hint):
        assert number is None or 0 < number < 2**40
    json.dumps([find.url, find.format_hint], ensure_ascii=False).encode()
