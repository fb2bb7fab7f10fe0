"""Makes the file of each picture, good or faulty, once; then it comes from the disk."""

from __future__ import annotations

import io
import random
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageEnhance

from pixcrawler.host.stack.files import write_atomically
from pixcrawler.host.stack.website.catalogue import VERSION, Catalogue, Fault, Picture
from pixcrawler.host.stack.website.phash import distance, perceptual_hash
from pixcrawler.host.stack.website.scene import Scene, render

THUMBNAIL_PX = 180
_NEAR_BITS = 4
_TINY_PX = (90, 60)
_WIDE_PX = (1600, 120)
_BOMB_PX = 20_000
_FRAMES = 6
_FRAME_PX = (360, 270)
_SMALLEST_COPY_PX = 256  # a near duplicate is no tiny one
# IPTC Photo Metadata Standard 2023.1, property Data Mining, in the vocabulary of PLUS.
_RESERVATION = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/"'
    b' plus:DataMining="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING"/>'
    b"</rdf:RDF></x:xmpmeta>"
)


class PictureFiles:
    """Files of a catalogue, made on demand and kept in a folder; safe to ask from many threads."""

    def __init__(self, catalogue: Catalogue, cache: Path, seed: int) -> None:
        self._catalogue = catalogue
        self._folder = cache / f"files-{VERSION}-{seed}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._locks: dict[str, threading.Lock] = {}

    def read(self, picture: Picture) -> bytes:
        """Return the file of a picture; for a picture whose fault is its service, a good file."""
        return self._cached(f"{picture.id}.{picture.format}", lambda: self._make(picture))

    def ready(self, picture: Picture) -> bytes | None:
        """Return the file if it was made before."""
        try:
            return (self._folder / f"{picture.id}.{picture.format}").read_bytes()
        except FileNotFoundError:
            return None

    def thumbnail(self, picture: Picture) -> bytes:
        """Return a small JPEG of what a picture shows, whatever its fault."""
        return self._cached(f"{picture.id}.thumbnail", lambda: _thumbnail(picture))

    def _cached(self, name: str, make: Callable[[], bytes]) -> bytes:
        path = self._folder / name
        # The lock: many requests for a new picture make it once.
        with self._locks.setdefault(name, threading.Lock()):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                data = make()
                write_atomically(path, data)
                return data

    def _make(self, picture: Picture) -> bytes:
        original = self._catalogue.by_id.get(picture.original or "")
        if original is not None:
            data = self.read(original)
            exact = picture.fault == Fault.EXACT_DUPLICATE
            return data if exact else _near_duplicate(data, picture)
        maker = _FAULTY_FILES.get(picture.fault) if picture.fault else None
        return maker(picture) if maker else _good_file(picture)


def encoded(image: Image.Image, kind: str, quality: int = 84) -> bytes:
    """Return ``image`` as a JPEG, PNG, WebP or BMP file."""
    buffer = io.BytesIO()
    options = {
        "jpeg": {"quality": quality},
        "png": {"compress_level": 3},
        "webp": {"quality": quality, "method": 1},
        "bmp": {},
    }
    image.save(buffer, kind, **options[kind])
    return buffer.getvalue()


def _good_file(picture: Picture) -> bytes:
    return encoded(render(picture.scene, picture.width, picture.height), picture.format)


def _thumbnail(picture: Picture) -> bytes:
    scale = THUMBNAIL_PX / max(picture.width, picture.height)
    size = (round(picture.width * scale), round(picture.height * scale))
    return encoded(render(picture.scene, *size), "jpeg", 80)


def _near_duplicate(data: bytes, picture: Picture) -> bytes:
    """Return a smaller, brighter or slightly cropped copy in another format.

    At most 4 bits of its perceptual hash differ from the original's.
    """
    image = Image.open(io.BytesIO(data)).convert("RGB")
    goal = perceptual_hash(image)
    chance = random.Random(picture.id)  # noqa: S311 - not a secret
    ways = [_smaller, _brighter, _cropped]
    chance.shuffle(ways)
    for way in [*ways, _smaller]:
        copy = encoded(way(image), picture.format, 72)
        if distance(perceptual_hash(Image.open(io.BytesIO(copy))), goal) <= _NEAR_BITS:
            return copy
    return encoded(image, picture.format, 72)


def _smaller(image: Image.Image) -> Image.Image:
    scale = max(0.5, _SMALLEST_COPY_PX / min(image.size))
    width, height = (round(side * scale) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _brighter(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(1.08)


def _cropped(image: Image.Image) -> Image.Image:
    width, height = image.size
    edge_x, edge_y = width // 90, height // 90
    return image.crop((edge_x, edge_y, width - edge_x, height - edge_y))


def _truncated(picture: Picture) -> bytes:
    data = _good_file(picture)
    return data[: len(data) * 3 // 5]


def _html(picture: Picture) -> bytes:
    text = f"<!doctype html><title>Sorry</title><p>{picture.title} has moved. Please log in.\n"
    return (text * 40).encode()


def _garbage(picture: Picture) -> bytes:
    return random.Random(picture.id).randbytes(30_000)  # noqa: S311 - not a secret


def _tiny(picture: Picture) -> bytes:
    return encoded(render(picture.scene, *_TINY_PX), picture.format)


def _wide(picture: Picture) -> bytes:
    return encoded(render(picture.scene, *_WIDE_PX), picture.format)


def _bomb(_: Picture) -> bytes:
    """Return a PNG of 20,000 x 20,000 px that is 50 kB long and 400 MB when decoded to 8 bits."""
    packer = zlib.compressobj(9)
    row = bytes(1 + _BOMB_PX // 8)
    data = b"".join(packer.compress(row * 100) for _ in range(_BOMB_PX // 100)) + packer.flush()
    header = struct.pack(">IIBBBBB", _BOMB_PX, _BOMB_PX, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def _animated(picture: Picture) -> bytes:
    scenes = [Scene(picture.category, f"{picture.scene.seed}/{n}") for n in range(_FRAMES)]
    first, *rest = [render(scene, *_FRAME_PX) for scene in scenes]
    buffer = io.BytesIO()
    first.save(buffer, picture.format, save_all=True, append_images=rest, duration=200, loop=0)
    return buffer.getvalue()


def _unsupported(picture: Picture) -> bytes:
    if picture.format == "bmp":
        return encoded(render(picture.scene, *_FRAME_PX), "bmp")
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480">'
        f'<title>{picture.title}</title><circle cx="320" cy="240" r="200" fill="orange"/></svg>'
    ).encode()


def _reserved(picture: Picture) -> bytes:
    """Return a good picture whose own metadata forbids the training of models with it."""
    buffer = io.BytesIO()
    image = render(picture.scene, picture.width, picture.height)
    image.save(buffer, "jpeg", quality=84, xmp=_RESERVATION)
    return buffer.getvalue()


_FAULTY_FILES: dict[Fault, Callable[[Picture], bytes]] = {
    Fault.TRUNCATED: _truncated,
    Fault.HTML: _html,
    Fault.GARBAGE: _garbage,
    Fault.TINY: _tiny,
    Fault.ASPECT: _wide,
    Fault.BOMB: _bomb,
    Fault.ANIMATED_GIF: _animated,
    Fault.ANIMATED_WEBP: _animated,
    Fault.UNSUPPORTED: _unsupported,
    Fault.RESERVED: _reserved,
}
