"""Images: formats, and what is known about one once it was decoded."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from pixcrawler.domain.model import Value

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
"""SHA-256 of the bytes as downloaded, lower-case hex: the content hash."""

PerceptualHash = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
"""64-bit DCT hash, lower-case hex; near duplicates differ in few bits."""


class ImageFormat(StrEnum):
    """Formats that a dataset may hold."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"

    @property
    def extension(self) -> str:
        """File name extension, without the dot."""
        return "jpg" if self is ImageFormat.JPEG else self.value


class ImageFacts(Value):
    """What full decoding of one image showed."""

    format: ImageFormat
    width: int = Field(ge=1)
    """Pixels, after EXIF orientation."""
    height: int = Field(ge=1)
    """Pixels, after EXIF orientation."""
    bytes: int = Field(ge=1)
    sha256: Sha256
    phash: PerceptualHash
