"""A job: the job file in its normal form, and the states that a job passes through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pixcrawler.domain.errors import InvalidRequest, Violation
from pixcrawler.domain.image import ImageFormat
from pixcrawler.domain.keyword import Keyword, Name, folder_name
from pixcrawler.domain.model import Value
from pixcrawler.domain.source import EngineName

MAX_IMAGES = 10_000
"""Wanted images of one job on the Free plan (DESIGN, section 8)."""
MAX_KEYWORDS = 200
MAX_URLS = 10_000
DEFAULT_ENGINES = ("openverse", "commons")
"""The documented APIs that need no key."""
URL_ENGINE = "urls"
SHOWN_CHARS = 200
"""Of a refused value, in an error."""

# Words that people also use, and ours for them. They are written back in our form.
_SYNONYMS = {"dataset_name": "name", "search_engines": "engines", "project_name": "project"}
_LEVELS = {"fast": "basic", "medium": "standard", "slow": "strict"}


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


WebAddress = Annotated[str, Field(min_length=8, max_length=4096), AfterValidator(_web_address)]


class Expand(Value):
    """How keywords become further queries when the keywords alone do not give enough."""

    mode: Literal["off", "templates"] = "templates"
    per_keyword: int = Field(default=5, ge=1, le=20)


class Filters(Value):
    """What an image must be like, checked on the downloaded bytes."""

    min_width: int = Field(default=224, ge=1, le=20_000)
    min_height: int = Field(default=224, ge=1, le=20_000)
    max_aspect_ratio: float = Field(default=4.0, ge=1.0, le=100.0)
    """Longer side over shorter side."""
    formats: tuple[ImageFormat, ...] = Field(default=tuple(ImageFormat), min_length=1)
    safe_search: bool = True


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
    max_images: int = Field(default=100, ge=1, le=MAX_IMAGES)
    """Wanted in all, after cleaning."""
    engines: tuple[EngineName, ...] = DEFAULT_ENGINES
    expand: Expand = Expand()
    filters: Filters = Filters()
    validation_level: Literal["basic"] = "basic"
    duplicates: Duplicates = Duplicates()
    archive: Literal["zip"] = "zip"

    @model_validator(mode="before")
    @classmethod
    def _in_our_words(cls, given: Any) -> Any:
        """Accept synonyms, ``keywords`` and a list of ``urls``; derive what may be missing."""
        if not isinstance(given, Mapping):
            raise PydanticCustomError("object_type", "must be an object with named fields")
        fields = _renamed(given)
        _keywords_to_categories(fields)
        if isinstance(fields.get("urls"), list | tuple):
            fields["urls"] = {fields.get("name", "images"): fields["urls"]}
        level = fields.get("validation_level")
        if isinstance(level, str):
            fields["validation_level"] = _LEVELS.get(level, level)
        if fields.get("urls"):
            engines = fields.get("engines", DEFAULT_ENGINES if fields.get("categories") else ())
            if isinstance(engines, list | tuple) and URL_ENGINE not in engines:
                fields["engines"] = (*engines, URL_ENGINE)
        if "name" not in fields:
            named = fields.get("categories") or fields.get("urls")
            if isinstance(named, Mapping) and named:
                fields["name"] = next(iter(named))
        return fields

    @field_validator("engines")
    @classmethod
    def _each_engine_once(cls, engines: tuple[str, ...]) -> tuple[str, ...]:
        if not engines:
            raise ValueError("must name at least one engine")
        if len(engines) != len(set(engines)):
            raise ValueError("must name each engine once")
        return engines

    @model_validator(mode="after")
    def _has_words(self) -> Self:
        if not self.categories and not self.urls:
            raise PydanticCustomError("missing", "must have keywords, categories or urls")
        empty = [name for name, words in {**self.categories, **self.urls}.items() if not words]
        if empty:
            raise PydanticCustomError(
                "too_short", "category {name} must have at least one entry", {"name": empty[0]}
            )
        _check_count("keywords", sum(map(len, self.categories.values())), MAX_KEYWORDS)
        _check_count("urls", sum(map(len, self.urls.values())), MAX_URLS)
        _check_folders({**self.categories, **self.urls})
        for words in self.categories.values():
            _check_folders(words)
        if URL_ENGINE in self.engines and not self.urls:
            raise PydanticCustomError("missing", "engine urls needs the field urls")
        if self.categories and set(self.engines) == {URL_ENGINE}:
            raise PydanticCustomError("missing", "keywords need an engine beside urls")
        return self


def _renamed(given: Mapping[str, Any]) -> dict[str, Any]:
    fields = dict(given)
    for theirs, ours in _SYNONYMS.items():
        if theirs in fields:
            if ours in fields:
                raise PydanticCustomError(
                    "synonym",
                    "{theirs} and {ours} are the same field: give one",
                    {"theirs": theirs, "ours": ours},
                )
            fields[ours] = fields.pop(theirs)
    return fields


def _keywords_to_categories(fields: dict[str, Any]) -> None:
    """``keywords: [robin, wren]`` is one category a word."""
    if "keywords" not in fields:
        return
    words = fields.pop("keywords")
    if "categories" in fields:
        raise PydanticCustomError("synonym", "give keywords or categories, not both")
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise PydanticCustomError("list_type", "keywords must be a list of words")
    fields["categories"] = {word: [word] for word in words}


def _check_count(field: str, count: int, limit: int) -> None:
    if count > limit:
        raise PydanticCustomError(
            "too_long",
            "{field}: {count} given, at most {limit} allowed",
            {"field": field, "count": count, "limit": limit},
        )


def _check_folders(names: Iterable[str]) -> None:
    """Two categories, or two keywords of one, must not share a folder."""
    seen: dict[str, str] = {}
    for name in names:
        first = seen.setdefault(folder_name(name), name)
        if first != name:
            raise PydanticCustomError(
                "duplicate",
                "{first} and {second} would share one folder: merge or rename them",
                {"first": first, "second": name},
            )


def parse_job(given: Any) -> JobSpec:
    """Return the job file ``given`` (already parsed from JSON or YAML) in its normal form.

    Raises:
        InvalidRequest: with one violation for each broken rule: field, rule, value, message.
    """
    try:
        return JobSpec.model_validate(given)
    except ValidationError as error:
        raise InvalidRequest(violations=violations_of(error)) from None


def violations_of(error: ValidationError) -> tuple[Violation, ...]:
    """Every broken rule that pydantic found, in our shape; long values are cut."""
    return tuple(
        Violation(
            field=".".join(str(part) for part in found["loc"]) or "(whole document)",
            rule=found["type"],
            value=_shown(found.get("input")),
            message=found["msg"].removeprefix("Value error, "),
        )
        for found in error.errors(include_url=False, include_context=False)
    )


def _shown(value: Any) -> Any:
    """``value`` if it is short and plain, else a cut description of it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else f"{type(value).__name__} {value!r}"
    cut = text[:SHOWN_CHARS]
    return text if text == cut else f"{cut}... ({len(text)} characters)"


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
