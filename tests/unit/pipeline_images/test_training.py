"""The archive is good for what it is for: a model learns from it."""

from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
from PIL import Image, ImageDraw

from tests.factories import a_candidate, encoded

SIDE = 12


def a_drawing(shape: str, seed: int) -> bytes:
    """Return a coloured shape somewhere on soft noise."""
    chance = np.random.default_rng([seed, len(shape)])
    noise = chance.integers(120, 200, (8, 8, 3), dtype=np.uint8)
    page = Image.fromarray(noise).resize((260, 260), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(page)
    x, y, size = (int(chance.integers(low, high)) for low, high in ((20, 90), (20, 90), (90, 140)))
    colour = tuple(int(c) for c in chance.integers(0, 90, 3))
    box = (x, y, x + size, y + size)
    if shape == "circle":
        draw.ellipse(box, fill=colour)
    elif shape == "bar":
        draw.rectangle((x, y, x + size // 5, y + size), fill=colour)
    else:
        draw.rectangle((x, y, x + size, y + size // 5), fill=colour)
    return encoded(page, quality=85)


def loaded(archive: zipfile.ZipFile) -> tuple[np.ndarray, np.ndarray]:
    """Read the archive as README.txt says; return pixels, centred on the shape, and labels."""
    rows = list(csv.DictReader(io.StringIO(archive.read("labels/labels.csv").decode())))
    pixels = []
    for row in rows:
        picture = Image.open(io.BytesIO(archive.read(row["path"]))).convert("L")
        dark = np.argwhere(np.asarray(picture) < 100)
        (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0)
        side = max(bottom - top, right - left)
        cut = picture.crop((left, top, left + side, top + side)).resize((SIDE, SIDE))
        pixels.append(np.asarray(cut, dtype=np.float64).ravel() / 255)
    return np.array(pixels), np.array([int(row["label"]) for row in rows])


def test_the_zip_trains_a_model(workshop):
    """A nearest-centroid classifier, trained on half of the archive, knows the other half."""
    shapes = ["bar", "circle", "train"]
    workshop.job(name="Shapes", categories={shape: [shape] for shape in shapes}, max_images=90)
    drawn = [(shape, seed) for seed in range(30) for shape in shapes]
    workshop.download(
        [
            (a_candidate(n, category=shape, keyword=shape), a_drawing(shape, seed))
            for n, (shape, seed) in enumerate(drawn)
        ]
    )
    pixels, labels = loaded(workshop.build())
    counts = np.bincount(labels)
    assert len(counts) == 3
    assert counts.min() >= 15

    train = np.arange(len(labels)) % 2 == 0
    centroids = np.array([pixels[train & (labels == label)].mean(axis=0) for label in range(3)])
    apart = ((pixels[~train][:, None, :] - centroids) ** 2).sum(axis=2)
    accuracy = (apart.argmin(axis=1) == labels[~train]).mean()
    assert accuracy > 0.8, f"chance is 0.33, the model has {accuracy:.2f}"
