"""Filters: what an image must be like, for engines that can look for it and for the bytes."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from pixcrawler.domain.image import ImageFormat
from pixcrawler.domain.model import Value

MAX_ASPECT_RATIO = 100.0
"""No job keeps what is longer than this: it need not even be decoded."""

Size = Literal["any", "small", "medium", "large", "huge"]
Aspect = Literal["any", "square", "wide", "tall"]
Color = Literal[
    "any", "color", "gray", "transparent", "red", "orange", "yellow", "green", "teal", "blue",
    "purple", "pink", "brown", "black", "white",
]  # fmt: skip
Kind = Literal["any", "photo", "clipart", "drawing", "face"]
License = Literal["any", "open", "commercial", "modification", "free", "public_domain"]


class FilterName(StrEnum):
    """The filters that an engine may be asked for, as they are called in job files."""

    SIZE = "size"
    ASPECT = "aspect"
    COLOR = "color"
    TYPE = "type"
    LICENSE = "license"
    SAFE_SEARCH = "safe_search"
    DATE = "date"
    REGION = "region"
    LANGUAGE = "language"


class Filters(Value):
    """What an image must be like.

    Engines are asked for it where they can (``EngineCard.filters``); whatever the downloaded
    bytes can show is checked on them again.
    """

    min_width: int = Field(default=224, ge=1, le=20_000)
    min_height: int = Field(default=224, ge=1, le=20_000)
    max_aspect_ratio: float = Field(default=4.0, ge=1.0, le=MAX_ASPECT_RATIO)
    """Longer side over shorter side."""
    formats: tuple[ImageFormat, ...] = Field(default=tuple(ImageFormat), min_length=1)
    safe_search: bool = True
    size: Size = "any"
    """By pixels: small < 0.1 million <= medium < 1 million <= large < 8 million <= huge."""
    aspect: Aspect = "any"
    """Width over height: square 0.9 to 1.1, wide above, tall below."""
    color: Color = "any"
    type: Kind = "any"
    license: License = "any"
    """open: any open licence; commercial, modification: allows that; free: both; public_domain:
    no rights reserved."""
    since: date | None = None
    """Published on this day or later."""
    until: date | None = None
    """Published on this day or earlier."""
    region: Annotated[str, StringConstraints(pattern="^[a-z]{2}$")] | None = None
    """ISO 3166-1 alpha-2, lower case: the market that is searched."""
    language: Annotated[str, StringConstraints(pattern="^[a-z]{2}$")] | None = None
    """ISO 639-1, lower case: of the pages that are searched."""

    @field_validator("until")
    @classmethod
    def _in_order(cls, until: date | None, info: object) -> date | None:
        since = getattr(info, "data", {}).get("since")
        if until and since and until < since:
            raise ValueError(f"must not be before since ({since})")
        return until

    def wished(self) -> frozenset[FilterName]:
        """Return the filters that ask engines for something beyond their default."""
        wishes = {
            name
            for name in (
                FilterName.SIZE,
                FilterName.ASPECT,
                FilterName.COLOR,
                FilterName.TYPE,
                FilterName.LICENSE,
            )
            if getattr(self, name.value) != "any"
        }
        if self.since or self.until:
            wishes.add(FilterName.DATE)
        if self.region:
            wishes.add(FilterName.REGION)
        if self.language:
            wishes.add(FilterName.LANGUAGE)
        if self.safe_search:
            wishes.add(FilterName.SAFE_SEARCH)
        return frozenset(wishes)
