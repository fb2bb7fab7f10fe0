"""The contract of every engine: what its adapter makes of each kind of answer, and never raises.

A scenario is a service: a function from a request to an answer. Most engines take one request a
page, so that a stored file is a service: ``stored("openverse/full.json")``.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.adapters.engines.searcher import Searcher
from pixcrawler.adapters.engines.shape import Ask, Engine
from pixcrawler.adapters.memory.desk import MemoryDesk
from pixcrawler.domain.engine import BlockKind, EngineStatus
from pixcrawler.domain.errors import SourceUnavailable
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import SearchQuery
from pixcrawler.pipeline.engine_ports import Answer, Page, Request

FIXTURES = Path(__file__).parents[1] / "fixtures" / "engines"
QUERY = SearchQuery(text="harbour crane", keyword="crane", category="machines")
MOST_PAGES = 1000

Service = Callable[[Request], Answer]


def body_of(name: str) -> bytes:
    """A stored body."""
    return (FIXTURES / name).read_bytes()


def stored(name: str, status: int = 200, **more: Any) -> Service:
    """A service that always gives a stored file."""
    answer = Answer(status, body_of(name), **more)
    return lambda request: answer


def saying(body: bytes | str, status: int = 200, **more: Any) -> Service:
    """A service that always says the same."""
    content = body.encode() if isinstance(body, str) else body
    answer = Answer(status, content, **more)
    return lambda request: answer


@dataclass
class Wire:
    """A ServiceApi that plays a service and remembers what it was asked."""

    service: Service
    asked: list[Request] = field(default_factory=list)

    def send(self, request: Request) -> Answer:
        self.asked.append(request)
        return self.service(request)


def searched(
    engine: Engine,
    service: Service,
    cursor: str | None = None,
    filters: Filters | None = None,
    query: SearchQuery = QUERY,
) -> tuple[Page, list[Request]]:
    """One page as the pipeline gets it, and the requests that it took."""
    wire = Wire(service)
    searcher = Searcher(engine, wire, MemoryDesk(), sleep=lambda seconds: None)
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
        assert all(find.url.startswith(("http://", "https://")) for find in page.finds)

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
            assert find.url.startswith(("http://", "https://"))
            assert len(find.provenance.title or "") <= 1000
            assert find.width is None or 0 < find.width < 10**7

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
        """Refusals are blocked, faults of the service failed; a stated wait is passed on."""
        service = saying("{}", status, retry_after_s=37.0)
        page, _ = searched(self.case.engine, service, filters=self.case.filters)
        assert page.status is expected, page
        assert page.retry_after_s == 37.0

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
        assert page.status in EngineStatus

    @pytest.mark.parametrize("seed", range(8))
    def test_mutated_answers_never_raise(self, seed):
        """A true answer with any value replaced, or any byte changed, gives a page or ValueError."""
        chance = random.Random(seed)
        body = self.case.body
        for _ in range(25):
            _read_or_refused(self.case.engine, mutated(body, chance), self.case.filters)

    @pytest.mark.parametrize(
        "body", [b"", b"null", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000, b"{" * 1000]
    )
    def test_odd_bodies_never_raise(self, body):
        """Degenerate documents are told, whatever they are."""
        page, _ = searched(self.case.engine, saying(body), filters=self.case.filters)
        assert page.status is not EngineStatus.OK
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
        assert find.url.startswith(("http://", "https://"))


_ODD_VALUES: list[Any] = [
    None, True, -1, 10**400, 1.5e308, "", "x" * 100_000, "\x00\ud800", [], {}, [[]], [None],
    "javascript:alert(1)", "data:image/png;base64,AAAA", "http://[", {"a": {"b": []}},
    "https://user:word@h.example/a.jpg", "//h.example/a.jpg", float("nan"), "२३", "9" * 5000,
]  # fmt: skip


def mutated(body: bytes, chance: random.Random) -> bytes:
    """The body with one value replaced where it is JSON, otherwise with some bytes changed."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if found is not None and chance.random() < 0.8:
        for _ in range(chance.randint(1, 4)):
            _replace_one(found, chance)
        return json.dumps(found).encode()
    changed = bytearray(body or b"?")
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(len(changed))
        changed[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3)) or b"<"
    return bytes(changed[: chance.randint(0, len(changed)) or None])


def _replace_one(found: Any, chance: random.Random) -> None:
    here = found
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            return
        key = chance.choice(keys)
        below = here[key]
        if isinstance(below, dict | list) and below and chance.random() < 0.8:
            here = below
            continue
        if isinstance(here, dict) and chance.random() < 0.3:
            del here[key]
        else:
            here[key] = chance.choice(_ODD_VALUES)
        return
