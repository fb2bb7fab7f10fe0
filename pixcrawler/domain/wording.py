"""Wording: what a keyword asks for: words, "phrases as they stand", and -words that must not be."""

from __future__ import annotations

import re

from pydantic_core import PydanticCustomError

from pixcrawler.domain.model import Value

_QUOTES = str.maketrans({"\u201c": '"', "\u201d": '"', "\u201e": '"'})
"""Telephones and text processors write these when a person types the straight one."""
_PART = re.compile(r'(?P<out>-?)"(?P<phrase>[^"]*)"(?=\s|$)|(?P<word>\S+)')


class Wording(Value):
    """A keyword, read."""

    label: str
    """Without operators: what pictures are labelled with and filed under."""
    text: str
    """What engines are asked: the label, with its phrases in double quotes."""
    exclude: tuple[str, ...] = ()
    """Words and phrases that what is found must not be about."""

    def leaves_out(self, text: str) -> bool:
        """Say whether ``text`` has words that are to be left out."""
        words = f" {text} ".casefold()
        return any(f" {left_out.casefold()} " in words for left_out in self.exclude)


def wording_of(keyword: str) -> Wording:
    r"""Return what ``keyword`` asks for: ``jaguar -car "big cat"``.

    Raises:
        ValueError: it cannot be read, or excludes all that it asks for; the rule and the words
            are pydantic's.
    """
    labels, texts, exclude = [], [], []
    for part in _PART.finditer(keyword.translate(_QUOTES)):
        words, is_out = _read(part)
        if is_out:
            exclude.append(words)
        else:
            labels.append(words)
            texts.append(words if part["word"] else f'"{words}"')
    if not labels:
        raise _broken("only_exclusions", "must say what to look for, not only what to leave out")
    wording = Wording(
        label=" ".join(labels), text=" ".join(texts), exclude=tuple(dict.fromkeys(exclude))
    )
    if wording.leaves_out(wording.label):
        raise _broken("contradiction", "must not leave out what it asks for")
    return wording


def _read(part: re.Match[str]) -> tuple[str, bool]:
    """The words of one part, and whether they are to be left out."""
    word = part["word"]
    if word is None:
        phrase = " ".join(part["phrase"].split())
        if not any(map(str.isalnum, phrase)):
            raise _broken("empty_phrase", "must have a word between the quotation marks")
        return phrase, bool(part["out"])
    if '"' in word:
        text = "must close each quotation mark, and have them around whole words"
        raise _broken("unbalanced_quotes", text)
    if not word.startswith("-"):
        return word, False
    left_out = word.lstrip("-")
    if not any(map(str.isalnum, left_out)):
        raise _broken("lone_dash", "must have a word right after each - that leaves something out")
    return left_out, True


def _broken(rule: str, text: str) -> PydanticCustomError:
    return PydanticCustomError(rule, text)
