"""Purposes: what a dataset is made for; the wishes of sites and authors are read for it."""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """What the images will be used for."""

    RESEARCH = "research"
    """Text and data mining for scientific research (Directive (EU) 2019/790, article 3)."""
    RECOGNITION = "recognition"
    """Training models that recognise: classification, detection, search."""
    GENERATIVE = "generative"
    """Training models that make pictures."""
