"""The 64-bit perceptual hash by which pictures that look the same are found."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SIDE_PX = 32
_LOW = 8


def _cosines() -> NDArray[np.float64]:
    rows = np.arange(_LOW)[:, None]
    columns = np.arange(_SIDE_PX)[None, :]
    found: NDArray[np.float64] = 2 * np.cos(math.pi * rows * (2 * columns + 1) / (2 * _SIDE_PX))
    return found


_COSINES = _cosines()


def perceptual_hash(image: Image.Image) -> int:
    """Return the hash as 64 bits: which low frequencies lie above their median.

    Source: imagehash.phash(hash_size=8, highfreq_factor=4).
    """
    small = image.convert("L").resize((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS)
    low = _COSINES @ np.asarray(small, dtype=np.float64) @ _COSINES.T
    bits = (low > np.median(low)).flatten()
    return int("".join("1" if bit else "0" for bit in bits), 2)


def distance(one: int, other: int) -> int:
    """Return in how many bits two hashes differ."""
    return (one ^ other).bit_count()
