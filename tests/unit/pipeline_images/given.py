"""Pictures as hosts gave them: verdicts for the tests of placeholders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pixcrawler.domain.source import Provenance
from pixcrawler.domain.verdict import Outcome, RejectReason, Verdict
from pixcrawler.domain.visit import Visit
from pixcrawler.pipeline.pictures.placeholders import Placeholders, find_placeholders
from tests.factories import a_candidate, some_facts

SHOP = "https://img.shop.example"
GONE = f"{SHOP}/static/gone.png"
SEEN_AT = datetime(2026, 4, 30, 18, tzinfo=UTC)


def given(
    number: int,
    url: str,
    final: str | None = None,
    *,
    picture: int | None = None,
    engines: Sequence[str] = ("openverse",),
    facts: dict[str, Any] | None = None,
    **candidate: Any,
) -> Verdict:
    """Return the verdict on candidate ``number``: content ``picture`` came for ``url``."""
    found = some_facts(number if picture is None else picture, **(facts or {}))
    outcome = Outcome(
        candidate=a_candidate(
            number,
            url=url,
            provenance=Provenance(engine=engines[0]),
            also_found=[Provenance(engine=name) for name in engines[1:]],
            **candidate,
        ),
        name=f"{number:05d}",
        offset=512,
        length=found.bytes,
        final_url=final or url,
        status=200,
        visit=Visit(at=SEEN_AT, sha256=found.sha256),
    )
    return Verdict(outcome=outcome, facts=found)


def same(*urls: str, final: str | None = None, picture: int = 1000, **more: Any) -> list[Verdict]:
    """Return verdicts on addresses that all gave one picture."""
    return [
        given(number, url, final, picture=picture, **more) for number, url in enumerate(urls, 1)
    ]


def known(verdict: Verdict) -> Verdict:
    """Return the verdict on the same body, had its host been known for it."""
    return Verdict(outcome=verdict.outcome, reason=RejectReason.PLACEHOLDER, detail="known since")


def numbers(found: Placeholders, verdicts: list[Verdict]) -> list[int]:
    """Return the numbers of the candidates that were found to be stand-ins."""
    ranks = {one.outcome.candidate.key: one.outcome.candidate.rank for one in verdicts}
    return sorted(ranks[one.key] for one in found.stand_ins)


def is_found(verdicts: list[Verdict]) -> bool:
    """Say whether every verdict is of a stand-in; that only some are is a failure."""
    found = numbers(find_placeholders(verdicts), verdicts)
    assert found in ([], [one.outcome.candidate.rank for one in verdicts])
    return found != []


def at(path: str, count: int, host: str = SHOP) -> list[str]:
    """Return so many addresses of a host."""
    return [f"{host}{path.format(number)}" for number in range(101, 101 + count)]


def spread(
    sites: int,
    keywords: int = 3,
    categories: int = 2,
    path: str = "/a{}.jpg",
    host: str = "www.site{}.example",
) -> list[Verdict]:
    """Return one picture at so many hosts, found for so many keywords of so many categories."""
    return [
        given(
            n,
            f"https://{host.format(n)}{path.format(n)}",
            picture=1,
            keyword=f"word {n % keywords}",
            category=f"kind {n % keywords % categories}",
        )
        for n in range(sites)
    ]
