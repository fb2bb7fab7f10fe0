"""Small real pictures of each kind."""

from __future__ import annotations

import io

import pytest
from PIL import Image


@pytest.fixture(scope="session")
def picture():
    """Makes a picture of a kind; further arguments go to the encoder."""

    def make(kind: str, **how) -> bytes:
        data = io.BytesIO()
        image = Image.linear_gradient("L").resize((64, 48)).convert("RGB")
        image.save(data, kind.upper(), **how)
        return data.getvalue()

    return make
