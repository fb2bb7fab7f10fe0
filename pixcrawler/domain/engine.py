"""Engines: what each can do, on which terms, and how it may refuse."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from pixcrawler.domain.filters import FilterName, Filters
from pixcrawler.domain.model import Value

EngineName = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{1,39}$")]


class EngineStatus(StrEnum):
    """The five ways an engine answers."""

    OK = "ok"
    EMPTY = "empty"
    BLOCKED = "blocked"
    CHANGED = "changed"
    FAILED = "failed"

    @property
    def is_well(self) -> bool:
        """It answered as it should, be it with nothing."""
        return self in (EngineStatus.OK, EngineStatus.EMPTY)


class BlockKind(StrEnum):
    """In which way an engine, or our own manners, refuse to go on."""

    DENIED = "denied"
    """Refused outright: 401, 402, 403, 451, or a page that says so."""
    THROTTLED = "throttled"
    """Asked to slow down: 429, or a page that says so."""
    QUOTA = "quota"
    """Our own budget with the engine is used up for now."""
    CAPTCHA = "captcha"
    RECAPTCHA = "recaptcha"
    CLOUDFLARE_DENIED = "cloudflare_denied"
    CLOUDFLARE_CAPTCHA = "cloudflare_captcha"
    SUSPENDED = "suspended"
    """The circuit breaker is open after earlier trouble: nothing was asked."""
    SWITCHED_OFF = "switched_off"
    """No operator has accepted the engine's terms."""


class Access(StrEnum):
    """What it takes to use an engine."""

    OPEN = "open"
    """A documented interface without a key."""
    KEY = "key"
    """A documented interface with the operator's key (setting ENGINE_KEY_<NAME>)."""
    OPT_IN = "opt_in"
    """An undocumented route: an operator must accept the engine's terms first."""
    OWN = "own"
    """The user's own lists and pictures, or this stack's."""


class Honour(StrEnum):
    """How an engine honours a filter; one that is not named is ignored."""

    SEARCHED = "searched"
    """The engine itself looks only for such pictures."""
    SIFTED = "sifted"
    """The engine says of each find what it is, and we leave the others out."""


class Quota(Value):
    """At most so many requests in any stretch of so many seconds."""

    requests: int = Field(ge=1)
    seconds: float = Field(gt=0)


class EngineCard(Value):
    """What is known of an engine before it is asked."""

    name: EngineName
    title: str
    """For people, one line: what it searches."""
    access: Access
    base_url: str = ""
    """Where it is; ENGINE_URL_<NAME> puts something else in its place. Empty for none."""
    homepage: str = ""
    terms_url: str = ""
    terms: str = ""
    """What accepting means, in plain words; shown at the switch of an OPT_IN engine."""
    key_form: str = ""
    """How the key is written when it is more than one word, such as ``KEY:CX``."""
    index: str = ""
    """Engines of the same index find the same pictures; empty: the engine's own."""
    filters: dict[FilterName, Honour] = Field(default_factory=dict)
    lacks: dict[FilterName, tuple[str, ...]] = Field(default_factory=dict)
    """Values that the engine does not know of a filter that it honours otherwise."""
    knows: dict[FilterName, tuple[str, ...]] = Field(default_factory=dict)
    """The only values it knows of a filter with very many, such as languages."""
    max_results: int | None = None
    """No query gives more than so many finds."""
    shards: tuple[FilterName, ...] = ()
    """By which filters a query can be cut when it reaches ``max_results``, the best first."""
    quotas: tuple[Quota, ...] = ()
    """For all workers of a deployment together."""
    names_only: bool = False
    """Looks names up: a keyword with a place or a view beside it finds nothing."""
    operators: bool = False
    """Understands phrases in double quotes, and ``-word`` for words that must not be there."""
    licensed: bool = False
    """Says for its finds under which licence they are."""
    unsafe: bool = False
    """Lists the whole web, unfit pictures too: it is told when a job's safe search is ignored."""

    def honour(self, name: FilterName, filters: Filters) -> Honour | None:
        """Return how the engine honours what ``filters`` wish; None when it ignores it."""
        wish = getattr(filters, name.value, None)
        knows = self.knows.get(name, ())
        if wish in self.lacks.get(name, ()) or (wish and knows and wish not in knows):
            return None
        return self.filters.get(name)

    @property
    def index_name(self) -> str:
        """The index that the engine searches."""
        return self.index or self.name

    @property
    def terms_digest(self) -> str:
        """SHA-256 of the terms as they are shown."""
        return hashlib.sha256(self.terms.encode()).hexdigest()
