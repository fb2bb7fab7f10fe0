"""The picture website of the embedded stack, as an engine."""

from __future__ import annotations

import json

from pixcrawler.adapters.engines.local import LocalEngine
from pixcrawler.domain.source import Provenance
from tests.contracts.answers import body_of, paged, stored
from tests.contracts.engine import EngineCase, EngineContract, searched

BASE = "https://engine.example"
ENGINE = LocalEngine(BASE)


def _page(number: int, pages: int) -> bytes:
    results = [{"url": f"/pictures/{number}-{n}.jpg"} for n in range(100)]
    return json.dumps({"pages": pages, "page": number, "results": results}).encode()


class TestLocal(EngineContract):
    case = EngineCase(
        engine=ENGINE,
        full=stored("local/full.json"),
        full_finds=2,
        last=stored("local/last.json"),
        last_finds=1,
        last_cursor="2",
        empty=stored("local/empty.json"),
        changed=stored("other.json"),
        broken=stored("broken.json"),
        hostile=stored("local/hostile.json"),
        hostile_finds=2,
        whole=paged("page", {str(n): _page(n, 3) for n in range(1, 4)}),
        whole_finds=300,
        body=body_of("local/full.json"),
    )


def test_addresses_are_completed():
    """Finds come in order, addresses are completed, what has no address is left out."""
    page, (request,) = searched(ENGINE, stored("local/full.json"))
    assert request.url == f"{BASE}/api/search"
    assert request.params == {"q": "harbour crane", "page": "1", "page_size": "100"}
    assert (page.next_cursor, page.total) == ("2", 5)
    assert [find.url for find in page.finds] == [
        f"{BASE}/pictures/lantern-001.jpg",
        f"{BASE}/pictures/lantern-002.jpg",
    ]
    first = page.finds[0]
    assert (first.width, first.height, first.format_hint) == (641, 480, "jpeg")
    assert first.provenance == Provenance(
        engine="local",
        page_url="http://site.example/page/lantern-001",
        title="Paper lantern 1",
        creator="The Lamp Maker",
        license="cc0",
        license_url="https://creativecommons.org/publicdomain/zero/1.0/",
        provider_id="lantern-001",
    )
