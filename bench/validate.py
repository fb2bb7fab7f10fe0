"""Validation and duplicates: images per CPU second, and the time of a whole job's duplicates.

    ./dev bench validate [IMAGES]

Prints two tables. The first: for files of each format, CPU milliseconds an image of one pass
(`examine`: decode, hashes, facts) beside the same work as people write it with Pillow (open,
load, then a hash of the full-size picture), interleaved, medians of five runs; and wall
milliseconds an image of the whole step `validate` on one chunk. The second: seconds for `select`.
"""

from __future__ import annotations

import hashlib
import io
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pixcrawler.domain.filters import Filters
from pixcrawler.domain.image import ImageFacts
from pixcrawler.domain.source import Candidate, Provenance
from pixcrawler.domain.verdict import Outcome
from pixcrawler.pipeline.deduplicate import Place, Valid, select
from pixcrawler.pipeline.pictures.imaging import examine
from pixcrawler.pipeline.validate import judge_all

SEED = 7
IMAGES = 40
PIECE_BYTES = 4 * 1024 * 1024
RUNS = 5
SIZE = (1280, 853)
FORMATS = {
    "JPEG, about 145 KB": ("JPEG", {"quality": 85}),
    "JPEG, progressive": ("JPEG", {"quality": 85, "progressive": True}),
    "PNG": ("PNG", {}),
    "WebP": ("WEBP", {"quality": 80}),
}
CROWDS = (1_000, 10_000, 15_000, 30_000)
NEAR_SHARE = 0.2
CANDIDATE = Candidate(
    url="https://pictures.example/0.jpg",
    key="0" * 32,
    keyword="robin",
    category="birds",
    query="robin",
    rank=0,
    provenance=Provenance(engine="openverse"),
)


def _picture(seed: int) -> Image.Image:
    """Return soft noise with detail at several scales, about as hard to code as a photograph."""
    chance = np.random.default_rng([SEED, seed])
    field = np.zeros((SIZE[1], SIZE[0], 3))
    for cells in (4, 16, 64, 256):
        coarse = chance.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        layer = Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC)
        field += np.asarray(layer, dtype=np.float64) / cells**0.45
    field = (field - field.min()) * (255 / (field.max() - field.min()))
    return Image.fromarray(field.astype(np.uint8))


def _file(picture: Image.Image, name: str) -> bytes:
    file_format, options = FORMATS[name]
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


def _as_people_write_it(data: bytes) -> str:
    hashlib.sha256(data).hexdigest()
    image = Image.open(io.BytesIO(data))
    image.load()
    small = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.LANCZOS))
    wave = np.cos(np.pi * np.outer(np.arange(8), 2 * np.arange(32) + 1) / 64)
    low = wave @ small @ wave.T
    return np.packbits(low > np.median(low)).tobytes().hex()


def _cpu_ms(work: Callable[[bytes], object], files: list[bytes]) -> float:
    started = time.process_time()
    for data in files:
        work(data)
    return (time.process_time() - started) * 1000 / len(files)


def _step_ms(files: list[bytes]) -> float:
    """Wall time an image of judging a chunk, decoders side by side."""
    shard, outcomes = b"".join(files), list[Outcome]()
    for data in files:
        at = sum(outcome.length for outcome in outcomes)
        outcomes.append(Outcome(candidate=CANDIDATE, name="0", offset=at, length=len(data)))
    pieces = [shard[at : at + PIECE_BYTES] for at in range(0, len(shard), PIECE_BYTES)]
    started = time.perf_counter()
    judge_all(outcomes, pieces, Filters())
    return (time.perf_counter() - started) * 1000 / len(files)


def _validation(images: int) -> Table:
    table = Table("files", "KB", "CPU ms", "per CPU s", "plain CPU ms", "step ms", title="validate")
    pictures = [_picture(seed) for seed in range(images)]
    for name in FORMATS:
        files = [_file(picture, name) for picture in pictures]
        ours, plain, step = [], [], []
        for _ in range(RUNS + 1):
            ours.append(_cpu_ms(examine, files))
            plain.append(_cpu_ms(_as_people_write_it, files))
            step.append(_step_ms(files))
        # The first run warms up.
        mine = median(ours[1:])
        kb = sum(map(len, files)) / len(files) / 1000
        table.add_row(
            name,
            f"{kb:.0f}",
            f"{mine:.2f} ({min(ours[1:]):.2f}-{max(ours[1:]):.2f})",
            f"{1000 / mine:.0f}",
            f"{median(plain[1:]):.2f}",
            f"{median(step[1:]):.2f}",
        )
    return table


def _crowd(count: int) -> list[Valid]:
    chance = random.Random(SEED)
    hashes: list[int] = []
    for number in range(count):
        if number and chance.random() < NEAR_SHARE:
            hashes.append(chance.choice(hashes) ^ 1 << chance.randrange(64))
        else:
            hashes.append(chance.getrandbits(64))
    return [_valid(number, bits) for number, bits in enumerate(hashes)]


def _valid(number: int, bits: int) -> Valid:
    content = hashlib.sha256(str(number).encode()).hexdigest()
    facts = ImageFacts(
        format="jpeg", width=640, height=480, bytes=1, sha256=content, phash=f"{bits:016x}"
    )
    changes = {"key": content[:32], "rank": number, "category": f"category {number % 10}"}
    place = Place(round=0, chunk=number // 32, line=number % 32)
    return Valid(place, CANDIDATE.model_copy(update=changes), facts)


def _duplicates() -> Table:
    table = Table("images", "seconds", "kept", "duplicates", title="select, distance 8")
    for count in CROWDS:
        crowd = _crowd(count)
        selection, seconds = select(crowd, 8, count), []
        for _ in range(3):
            started = time.perf_counter()
            select(crowd, 8, count)
            seconds.append(time.perf_counter() - started)
        kept, left_out = len(selection.kept), len(selection.duplicates)
        table.add_row(f"{count:,}", f"{median(seconds):.2f}", f"{kept:,}", f"{left_out:,}")
    return table


def main() -> None:
    """Measure and print both tables."""
    console = Console(width=110)
    console.print(_validation(int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES))
    console.print(_duplicates())


if __name__ == "__main__":
    main()
