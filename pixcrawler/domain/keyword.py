"""Words: how keywords, categories and names are normalised, limited and made into folder names."""

from __future__ import annotations

import unicodedata
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from pixcrawler.domain.wording import wording_of

KEYWORD_MAX_CHARS = 100
NAME_MAX_CHARS = 80
FOLDER_MAX_CHARS = 60

# Names that Windows refuses as a folder, whatever their case or extension.
_DEVICE_NAMES = frozenset(
    ["con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))]
)


def _plain(text: str) -> str:
    """Fold white space and compatibility forms; refuse what cannot be printed."""
    folded = " ".join(unicodedata.normalize("NFKC", text).split())
    if not folded:
        raise ValueError("must contain at least one character that is not white space")
    if any(unicodedata.category(char).startswith("C") for char in folded):
        raise ValueError("must not contain control or unassigned characters")
    return folded


def _filed(text: str, max_chars: int) -> str:
    """As plain text that also makes a folder name.

    One character may fold into 18: the length is checked before, which bounds the work, and after.
    """
    folded = _plain(text)
    if len(folded) > max_chars:
        raise ValueError(f"must have at most {max_chars} characters, ligatures written out")
    if not folder_name(folded):
        raise ValueError("must contain at least one letter or digit")
    return folded


def _worded(text: str) -> str:
    """As a text whose operators can be read and which asks for something."""
    if not folder_name(wording_of(text).label):
        raise ValueError("must contain at least one letter or digit to look for")
    return text


Keyword = Annotated[
    str,
    StringConstraints(min_length=1, max_length=KEYWORD_MAX_CHARS),
    AfterValidator(partial(_filed, max_chars=KEYWORD_MAX_CHARS)),
    AfterValidator(_worded),
]
"""What the user typed: 1 to 100 characters, at least one of them a letter or digit; see Wording."""

Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=NAME_MAX_CHARS),
    AfterValidator(partial(_filed, max_chars=NAME_MAX_CHARS)),
]
"""Name of a dataset, project or category: 1 to 80 characters."""


def folder_name(text: str) -> str:
    """Return the folder that ``text`` is filed under: lower case, letters, digits, ``-`` and ``_``.

    Two texts that give one folder name are the same category. Empty when nothing is left.
    The result is legal on Windows, macOS and Linux and holds no path separator or dot.
    """
    lowered = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(char if char.isalnum() or char in "-_" else " " for char in lowered)
    name = "_".join(kept.split()).strip("-_")[:FOLDER_MAX_CHARS].strip("-_")
    return f"{name}_" if name in _DEVICE_NAMES else name
