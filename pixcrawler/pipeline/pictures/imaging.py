"""Pixels: decode safely, measure, hash; the only module that decodes."""

from __future__ import annotations

import hashlib
import struct
import warnings
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.domain.filters import MAX_ASPECT_RATIO
from pixcrawler.domain.image import ImageFacts, ImageFormat
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.limits import DECODING_MAX_PIXELS, IMAGE_MAX_PIXELS
from pixcrawler.pipeline.pictures import magic
from pixcrawler.pipeline.pictures.room import PixelRoom

# Each format's own decoder and no other: a JPEG cannot turn into what Pillow likes better
# (multi-picture files), and no decoder runs that the first bytes did not name.
_DECODERS: Final[dict[ImageFormat, type[ImageFile]]] = {
    ImageFormat.JPEG: JpegImageFile,
    ImageFormat.PNG: PngImageFile,
    ImageFormat.WEBP: WebPImageFile,
}

# Hostile bytes make a decoder raise anything but what stops a process; one file must not fail
# a job. Pillow 13 was seen to raise OSError, SyntaxError, ValueError and EOFError.
_DECODER_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    Image.DecompressionBombError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_DETAIL_CHARS = 200
_ON_ITS_SIDE = (5, 6, 7, 8)
"""EXIF orientations that swap width and height."""
_HASHED_FROM_PX = 128
"""The shorter side is averaged to this or a little more before the slow, exact resizing, for JPEG
while it is decoded. Measured on 60 pictures x 7 changes: distances as from 256 and from full size
(at most 2 bits for half size, formats and recompression, 4 brightness, 6 a crop of 1 % a side)."""
_SIDE = 32
_LOW = 8
_FLAT_SPREAD = 1.0
"""Standard deviation, in grey levels of 255, below which a picture has no structure to hash."""
_COEFFICIENT_DECIMALS = 3
"""Rounds away what only differs between processors, so that symmetry does not give chance bits."""
_DCT = 2 * np.cos(np.pi * np.outer(np.arange(_LOW), 2 * np.arange(_SIDE) + 1) / (2 * _SIDE))

_ROOM: Final = PixelRoom(DECODING_MAX_PIXELS)

# Memory of more than 32 MB goes back to the system when it is freed; smaller blocks, of 16 MB as
# Pillow takes them, stayed with each thread: 250 MB a thread after one image of 60 megapixels.
Image.core.set_block_size(64 * 1024 * 1024)  # type: ignore[attr-defined]

# What a file's metadata lacks is nothing to tell an operator: the verdict says what matters.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@dataclass(frozen=True)
class Flaw:
    """Why bytes are not an image that can be kept, whatever the filters."""

    reason: RejectReason
    detail: str


def examine(data: bytes, max_pixels: int = IMAGE_MAX_PIXELS) -> ImageFacts | Flaw:
    """Decode an image fully, once, and say what it is; or say what is wrong with it.

    Size and hash are those of the picture as shown, after EXIF orientation; transparency is
    shown on white. Never decodes more than ``max_pixels``. Holds no state: any thread.
    """
    kind = magic.kind_of(data)
    flaw = _of_kind(data, kind) or _of_parts(data, kind)
    size = None if flaw else magic.size_px(data, kind)
    width, height = size or (0, 0)
    flaw = flaw or _of_size((width, height), max_pixels)
    if flaw:
        return flaw
    with _ROOM.taken(width * height):
        return _decoded(data, ImageFormat(kind), size, max_pixels)


def _decoded(
    data: bytes, kind: ImageFormat, size: tuple[int, int] | None, max_pixels: int
) -> ImageFacts | Flaw:
    """Decode, measure and hash; ``size`` is what was looked at before any decoder did."""
    try:
        image = _DECODERS[kind](BytesIO(data))
        if size is None or image.size != size:
            detail = f"{kind}: two sizes, {size} and {image.size}"
            return _of_size(image.size, max_pixels) or Flaw(RejectReason.UNDECODABLE, detail)
        # JPEG: brightness only, and no larger than the hash wants it; still every coded bit is
        # read. The hash is that of the full size, or has two bits exchanged (one picture in ten).
        image.draft("L", (_HASHED_FROM_PX, _HASHED_FROM_PX))
        image.load()
        turn = magic.orientation(image.info.get("exif") or b"")
        phash = _hash(_grey(image), turn, data)
    except _DECODER_ERRORS as error:
        return _of_failure(data, kind, error)
    width, height = reversed(size) if turn in _ON_ITS_SIDE else size
    return ImageFacts(
        format=kind,
        width=width,
        height=height,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        phash=phash,
    )


def small_copy(data: bytes, side: int) -> NDArray[np.uint8] | Flaw:
    """Return an examined image as rows x columns x RGBA, at most ``side`` pixels a side.

    Not turned upright: nothing that is measured on it depends on that. JPEG is decoded small.
    A file whose colours are broken has a flaw that its brightness did not show.
    """
    kind = magic.kind_of(data)
    size = magic.size_px(data, kind)
    if size is None or kind not in magic.WANTED:
        return _of_kind(data, kind) or Flaw(RejectReason.UNDECODABLE, f"{kind}: no size")
    with _ROOM.taken(size[0] * size[1]):
        try:
            image: Image.Image = _DECODERS[ImageFormat(kind)](BytesIO(data))
            image.draft("RGB", (side, side))
            image.load()
            return np.asarray(_averaged(image, side))
        except _DECODER_ERRORS as error:
            return _of_failure(data, kind, error)


def perceptual_hash(data: bytes) -> str:
    """Return the 64-bit hash of a valid image, as 16 hex digits.

    Two pictures that a person calls the same are usually within 8 bits of each other: half
    size and recompression change 0 to 4 bits, 15 % more brightness 0 to 4, a crop of 1 % a
    side 0 to 6, of 2.5 % 4 to 10; unrelated pictures differ in 16 bits or more.

    Raises:
        InvariantBroken: the bytes are not a valid image.
    """
    found = examine(data)
    if isinstance(found, Flaw):
        raise InvariantBroken(f"No image to hash: {found.reason}")
    return found.phash


def _of_kind(data: bytes, kind: str) -> Flaw | None:
    if magic.is_animated(data, kind):
        return Flaw(RejectReason.ANIMATED, f"animated {kind}")
    if kind in magic.OTHER_IMAGES:
        return Flaw(RejectReason.UNSUPPORTED_FORMAT, kind)
    if kind not in magic.WANTED:
        return Flaw(RejectReason.NOT_AN_IMAGE, f"is {kind}")
    return None


def _of_parts(data: bytes, kind: str) -> Flaw | None:
    if magic.is_shredded(data, kind):
        return Flaw(RejectReason.UNDECODABLE, f"{kind}: more parts than any encoder writes")
    return None


def _of_size(size: tuple[int, int], max_pixels: int) -> Flaw | None:
    """Look before any decoder does: WebP's allocates the whole canvas when it is opened.

    Making a very long image small takes memory by its length, gigabytes for 60 million x 1.
    """
    width, height = size
    if width * height > max_pixels:
        detail = f"{width} x {height} is more than {max_pixels} pixels"
        return Flaw(RejectReason.TOO_MANY_PIXELS, detail)
    if max(size) > MAX_ASPECT_RATIO * max(1, min(size)):
        detail = f"{width} x {height} is longer than {MAX_ASPECT_RATIO:g} : 1"
        return Flaw(RejectReason.ASPECT, detail)
    return None


def _of_failure(data: bytes, kind: str, error: BaseException) -> Flaw:
    if magic.is_cut_off(data, kind):
        return Flaw(RejectReason.TRUNCATED, f"{kind} ends after {len(data)} bytes")
    said = str(error) or type(error).__name__
    return Flaw(RejectReason.UNDECODABLE, f"{kind}: {said}"[:_DETAIL_CHARS])


def _grey(image: Image.Image) -> Image.Image:
    """Return the brightness, 8 bits a pixel, on white where the image is transparent."""
    if image.mode.startswith("I"):  # 16 bits a sample: Pillow would clip them, not scale
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "PA" or "transparency" in image.info:
        image = image.convert("RGBA")
    if "A" not in image.getbands():
        return image.convert("L")
    shown = Image.new("L", image.size, 255)
    shown.paste(image.convert("L"), mask=image.getchannel("A"))
    return shown


def _averaged(image: Image.Image, side: int) -> Image.Image:
    """Return the image as RGBA, box-averaged until it is at most ``side`` pixels a side."""
    if image.mode.startswith("I"):
        image = _grey(image)
    factor = max(image.size) // side
    if factor > 1 and image.mode in ("L", "RGB", "CMYK") and "transparency" not in image.info:
        image = image.reduce(factor)  # before four channels are made of one or three
    if image.mode == "CMYK":
        image = image.convert("RGB")
    image = image.convert("RGBA")
    image.thumbnail((side, side), Image.Resampling.BOX, reducing_gap=None)
    return image


def _hash(grey: Image.Image, turn: int, data: bytes) -> str:
    """Return the 64-bit DCT hash, most significant bit first: one bit a low frequency.

    A picture without structure (one colour) has no such hash: every two would be equal. It
    gets 64 bits of its content hash, so that only exact copies of it count as duplicates.

    Source: imagehash.phash(hash_size=8, highfreq_factor=4).
    """
    factor = min(grey.size) // _HASHED_FROM_PX
    if factor > 1:
        grey = grey.reduce(factor)
    small = np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), dtype=np.float64)
    if small.std() < _FLAT_SPREAD:
        return hashlib.sha256(data).hexdigest()[:16]
    low = np.round(_DCT @ _turned(small, turn) @ _DCT.T, _COEFFICIENT_DECIMALS)
    return np.packbits(low > np.median(low)).tobytes().hex()


def _turned(grey: NDArray[np.float64], turn: int) -> NDArray[np.float64]:
    """Return the grid as EXIF orientation ``turn`` shows it."""
    upright = grey.T if turn in _ON_ITS_SIDE else grey
    mirrored = upright[:, ::-1] if turn in (2, 3, 6, 7) else upright
    return mirrored[::-1] if turn in (3, 4, 7, 8) else mirrored
