"""A job: what was asked for in its normal form, and the states that a job passes through."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError

from pixcrawler.domain.engine import EngineName
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.keyword import Keyword, Name
from pixcrawler.domain.model import Value
from pixcrawler.domain.purpose import Purpose
from pixcrawler.domain.wording import wording_of

MAX_IMAGES = 10_000
"""Wanted images of one job on the Free plan (DESIGN, section 8)."""
MAX_KEYWORDS = 200
MAX_TRANSLATIONS = 1000
TEMPLATE_MAX_CHARS = 60
MAX_URLS = 10_000
MAX_UPLOADS = 100
BUDGET_MAX = 10**15
"""More than any job can use up; all arithmetic with it is exact."""
DEFAULT_ENGINES = ("openverse", "commons")
"""The documented APIs that need no key."""
URL_ENGINE = "urls"
UPLOAD_ENGINE = "uploads"


def _web_address(address: str) -> str:
    """Refuse what is not an absolute http or https address; the guard decides about hosts."""
    if any(char <= " " or char in '\\"<>' for char in address):
        raise ValueError("must not contain spaces, quotes, backslashes or control characters")
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"is not an address: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise PydanticCustomError(
            "url_scheme",
            "must start with http:// or https://, not {scheme}:",
            {"scheme": parts.scheme or "nothing"},
        )
    if not parts.hostname:
        raise ValueError("must name a host")
    if parts.username or parts.password:
        raise ValueError("must not carry a user name or password")
    return address


UploadId = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]
Intent = Literal["any", "object", "animal", "plant", "food", "place", "person", "texture"]
WebAddress = Annotated[str, Field(min_length=8, max_length=4096), AfterValidator(_web_address)]


def _template(text: str) -> str:
    """Refuse what has no place for the keyword, or another one; the rest is text as it stands."""
    folded = " ".join(text.split())
    if folded.count("{k}") != 1:
        raise ValueError("must have {k} once, where the keyword goes")
    if any(char in '{}"' or not char.isprintable() for char in folded.replace("{k}", "")):
        raise ValueError("must not have other braces, quotation marks or control characters")
    if any(word.startswith("-") for word in folded.split()):
        raise ValueError("must not have words that begin with -: exclusions belong to keywords")
    return folded


Template = Annotated[
    str, Field(min_length=5, max_length=TEMPLATE_MAX_CHARS), AfterValidator(_template)
]


class Expand(Value):
    """How keywords become further queries when the keywords alone do not give enough."""

    mode: Literal["off", "templates", "model"] = "templates"
    """model: the deployment's language model, with templates where it fails or is not set up."""
    per_keyword: int = Field(default=5, ge=1, le=20)
    keywords: int = Field(default=10, ge=1, le=50)
    """How many keywords a language model makes of a topic."""
    intent: Intent = "any"
    """What the keywords name, so that templates fit: a place has no side view."""
    templates: tuple[Template, ...] = Field(default=(), max_length=20)
    """The user's own, such as ``{k} in the garden``, asked before those of the intent."""
    translations: dict[Keyword, tuple[Keyword, ...]] = Field(default_factory=dict)
    """By keyword: the same in other languages, asked like the keyword itself."""


class Budget(Value):
    """What a job may use up, in all; it ends with what it has when it comes to a limit."""

    max_requests: int | None = Field(default=None, ge=1, le=BUDGET_MAX)
    """To engines."""
    max_candidates: int | None = Field(default=None, ge=1, le=BUDGET_MAX)
    max_bytes: int | None = Field(default=None, ge=1, le=BUDGET_MAX)
    """Downloaded; looked at between rounds, so that the round that passes it is finished."""


class Duplicates(Value):
    """When two images count as the same."""

    distance: int = Field(default=8, ge=0, le=16)
    """Bits in which the perceptual hashes of near duplicates may differ."""


class JobSpec(Value):
    """What the user asked for: the job file in its normal form."""

    name: Name
    project: Name = "default"
    categories: dict[Name, tuple[Keyword, ...]] = Field(default_factory=dict)
    urls: dict[Name, tuple[WebAddress, ...]] = Field(default_factory=dict)
    """Image addresses of the user's own list, by category."""
    uploads: dict[Name, tuple[UploadId, ...]] = Field(default_factory=dict)
    """The user's own lists, folders and archives, uploaded before, by category."""
    topic: Keyword | None = None
    """Instead of keywords: one category, whose keywords a language model makes from it. Without
    one it is its own keyword."""
    max_images: int = Field(default=100, ge=1, le=MAX_IMAGES)
    """Wanted in all, after cleaning."""
    engines: tuple[EngineName, ...] = DEFAULT_ENGINES
    expand: Expand = Expand()
    budget: Budget = Budget()
    filters: Filters = Filters()
    validation_level: Literal["basic"] = "basic"
    purpose: Purpose = Purpose.RECOGNITION
    """What the dataset is for: decides which wishes of sites and authors refuse an image."""
    duplicates: Duplicates = Duplicates()
    archive: Literal["zip"] = "zip"

    @property
    def keywords(self) -> dict[str, tuple[str, ...]]:
        """By category, as given; a topic is a category with itself for its keyword."""
        if self.topic and not self.categories:
            return {wording_of(self.topic).label: (self.topic,)}
        return self.categories

    @field_validator("engines")
    @classmethod
    def _each_engine_once(cls, engines: tuple[str, ...]) -> tuple[str, ...]:
        if not engines:
            raise ValueError("must name at least one engine")
        if len(engines) != len(set(engines)):
            raise ValueError("must name each engine once")
        return engines


class JobStatus(StrEnum):
    """States of a job. ``partial``: ended well with fewer images than wanted."""

    PENDING = "pending"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Nothing changes any more."""
        return self in FINAL


FINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.PARTIAL, JobStatus.FAILED, JobStatus.CANCELLED})


class Stage(StrEnum):
    """Where in the story a running job is; shown beside its status."""

    QUEUED = "queued"
    EXPANDING = "expanding"
    DISCOVERING = "discovering"
    DOWNLOADING = "downloading"
    DEDUPLICATING = "deduplicating"
    ASSEMBLING = "assembling"
    PACKAGING = "packaging"
    DONE = "done"


class Job(Value):
    """What the steps need to know of a job."""

    id: str
    user_id: str
    dataset_id: str
    version: int
    status: JobStatus
    spec: JobSpec


class Failure(Value):
    """Why a job failed, for people and programs."""

    code: str
    message: str = Field(max_length=2000)
