"""When further rounds are not worth their downloads."""

from __future__ import annotations

import pytest

from pixcrawler.pipeline.discovery.saturation import Sum, is_saturated


@pytest.mark.parametrize(
    ("sums", "ends"),
    [
        ([], False),
        ([(100, 0), (200, 0)], False),
        ([(100, 0), (200, 0), (300, 0)], True),
        ([(100, 60), (200, 61), (300, 62), (400, 63)], True),
        ([(100, 60), (200, 62), (300, 64), (400, 66)], False),
        ([(100, 60), (110, 60), (120, 60), (130, 60)], False),
        ([(0, 60), (100, 60), (200, 60), (300, 60), (400, 60)], False),
    ],
    ids=[
        "nothing yet", "two rounds", "nothing ever", "one in a hundred", "one in fifty",
        "too few to tell", "not counted from the start",
    ],
)  # fmt: skip
def test_saturation(sums, ends):
    """Three rounds with hardly anything new are enough to know; fewer, or too few, are not."""
    assert is_saturated([Sum(*one) for one in sums]) is ends
