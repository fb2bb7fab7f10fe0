"""Sources: engines, queries, and the candidates they give."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from pixcrawler.domain.engine import BlockKind, EngineName, EngineStatus
from pixcrawler.domain.model import Value

Address = Annotated[str, StringConstraints(min_length=8, max_length=4096)]
Text = Annotated[str, StringConstraints(max_length=1000)]


class SearchQuery(Value):
    """What an engine is asked, and for which keyword and category."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """Words; phrases that must stand as they are, are in double quotes."""
    keyword: str
    category: str
    expansion: int = Field(default=0, ge=0)
    """0 for the keyword itself; higher for variations, which are asked later."""
    is_view: bool = False
    """Made by a template: the keyword with a place, a view or its like, which is no name."""
    exclude: tuple[str, ...] = ()
    """Words and phrases that what is found must not have in its title."""
    uploads: tuple[str, ...] = ()
    """The user's own pictures: only the engine ``uploads`` is asked a query that has them."""
    addresses: tuple[Address, ...] = ()
    """The user's own list: only the engine ``urls`` is asked a query that has it, and no other."""


class EngineReport(Value):
    """How one engine fared in a job: a trouble that left something out, and what it gave."""

    engine: EngineName
    status: EngineStatus
    candidates: int = Field(default=0, ge=0)
    requests: int = Field(default=0, ge=0)
    kind: BlockKind | None = None
    detail: str | None = None
    retry_after_s: float | None = None
    until: AwareDatetime | None = None
    """When it may be asked again, as far as it said so."""
    stands_by_for: EngineName | None = None
    """The engine of the same index that was asked instead."""
    stands_in_for: EngineName | None = None
    """The engine of the same index that got into trouble: this one was asked what it left."""
    sifted: int = Field(default=0, ge=0)
    """Finds left out before download, because the engine itself says that they do not fit."""
    saturated: int = Field(default=0, ge=0)
    """Queries that were left because they gave hardly anything new."""
    is_used_up: bool = False
    """Everything was asked that there was to ask."""


class Provenance(Value):
    """Where an image was found, who made it and under which licence."""

    engine: EngineName
    page_url: Address | None = None
    title: Text | None = None
    creator: Text | None = None
    creator_url: Address | None = None
    license: Text | None = None
    """Short code as the engine gives it, lower case: ``by-sa``, ``cc0``, ``pdm``."""
    license_url: Address | None = None
    attribution: Text | None = None
    provider_id: Text | None = None
    """The engine's own name for the find, where it has one."""
    published: date | None = None


class Candidate(Value):
    """An image address found, not yet fetched."""

    url: Address
    key: str = Field(min_length=16, max_length=64)
    """Equal for two addresses of one picture (pipeline/discovery/addresses.py)."""
    alternatives: tuple[Address, ...] = ()
    """Further addresses of the same picture, to be tried in this order when ``url`` fails."""
    keyword: str
    category: str
    query: str
    rank: int = Field(ge=0)
    """Place in the whole job's list, 0 first."""
    width: int | None = None
    height: int | None = None
    provenance: Provenance
    also_found: tuple[Provenance, ...] = ()
    """Further finds of the same key, merged."""
