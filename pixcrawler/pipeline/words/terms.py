"""Terms: what a language model says, reduced to short phrases that are safe to search for."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

TERM_MAX_CHARS = 80
"""No search phrase that anybody types is longer."""
TERM_MAX_WORDS = 6
MAX_LOOKED_AT = 1000
"""Of the texts that a model says; the rest is not even looked at."""

_INNER = frozenset("-'\u2019\u00b7")
"""May stand within a word: hyphen, apostrophes, the middle dot of Catalan."""


def clean_terms(said: Iterable[object], about: str, count: int) -> tuple[str, ...]:
    """Return at most ``count`` of the phrases in ``said``, each once, none of them ``about``.

    A phrase has letters, digits, spaces, hyphens and apostrophes of any script and nothing else:
    markup, addresses, quotation marks, operators and commands cannot be written with these.
    Everything else is dropped, not mended.
    """
    terms: dict[str, str] = {about.casefold(): about}
    for number, text in enumerate(said):
        if number >= MAX_LOOKED_AT or len(terms) > count:
            break
        term = _term(text)
        if term:
            terms.setdefault(term.casefold(), term)
    return tuple(terms.values())[1:]


def _term(text: object) -> str | None:
    """The phrase in its normal form, or None."""
    if not isinstance(text, str) or len(text) > 2 * TERM_MAX_CHARS:
        return None
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    is_short = len(plain) <= TERM_MAX_CHARS and plain.count(" ") < TERM_MAX_WORDS
    if not is_short or not all(map(_is_word, plain.split(" "))):
        return None
    return plain


def _is_word(word: str) -> bool:
    """Letters and digits, with joining marks only between them."""
    return (
        bool(word)
        and word[0] not in _INNER
        and word[-1] not in _INNER
        and all(char.isalnum() or char in _INNER or _is_mark(char) for char in word)
        and any(map(str.isalnum, word))
    )


def _is_mark(char: str) -> bool:
    """An accent or vowel sign, which belongs to the letter before."""
    return unicodedata.category(char) in ("Mn", "Mc")
