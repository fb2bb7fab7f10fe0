"""Engines as people are shown them: what each can do, whether it can be asked now, why not."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, Field

from pixcrawler.domain.engine import (
    Access,
    BlockKind,
    EngineName,
    EngineStatus,
    Honour,
    Quota,
)
from pixcrawler.domain.filters import FilterName
from pixcrawler.domain.model import Value


class Readiness(StrEnum):
    """Whether an engine can be asked."""

    READY = "ready"
    NEEDS_KEY = "needs_key"
    """The operator has to get a key and put it into the settings."""
    NOT_SET_UP = "not_set_up"
    """Its address is not in the settings."""
    SWITCHED_OFF = "switched_off"
    """An operator has to switch it on, where there are terms by accepting them."""
    SUSPENDED = "suspended"
    """Left alone for a while after trouble."""


class QuotaUse(Quota):
    """A quota, and how much of it is used at this moment."""

    used: int = Field(ge=0)


class EngineEntry(Value):
    """An engine as people are shown it."""

    name: EngineName
    title: str
    access: Access
    state: Readiness
    reason: str | None
    """Why it cannot be asked, or what the last trouble was."""
    homepage: str
    index: str
    """Engines of the same index find the same pictures."""
    licensed: bool
    """Says for its finds under which licence they are."""
    operators: bool
    """Understands quoted phrases and excluded words."""
    filters: dict[FilterName, Honour]
    lacks: dict[FilterName, tuple[str, ...]]
    max_results: int | None
    """No query gives more."""
    quotas: tuple[QuotaUse, ...]
    key_setting: str | None
    """The setting that takes its key, and how the key is written."""
    terms: str
    terms_url: str
    terms_digest: str
    """To be sent back by whoever accepts these terms."""
    accepted_at: AwareDatetime | None
    last_status: EngineStatus | None
    last_kind: BlockKind | None
    failures: int
    """Answers in a row that were trouble."""
    last_asked_at: AwareDatetime | None
    last_ok_at: AwareDatetime | None
    suspended_until: AwareDatetime | None
