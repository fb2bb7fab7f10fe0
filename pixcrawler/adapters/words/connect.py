"""Connecting: out of what an operator set, a source of words, or one that says what is wrong."""

from __future__ import annotations

import logging

from pixcrawler.adapters.words.forms import Form, endpoint
from pixcrawler.adapters.words.model import ModelWords
from pixcrawler.domain.errors import SourceBlocked
from pixcrawler.pipeline.words.ports import WordAsk, WordSource

log = logging.getLogger("pixcrawler.words")


class Unusable:
    """A WordSource that was set up wrongly: jobs go on without it, and are told why."""

    name = "unusable"

    def __init__(self, cause: str) -> None:
        self._cause = cause

    def words(self, ask: WordAsk) -> tuple[str, ...]:  # noqa: ARG002 - whatever is asked
        """Say what is wrong.

        Raises:
            SourceBlocked: always.
        """
        raise SourceBlocked(self._cause)


def connect(base_url: str, model: str, key: str, form: Form, timeout_s: float) -> WordSource:
    """Return the language model at ``base_url``; see ``endpoint``."""
    try:
        place = endpoint(base_url.strip(), model.strip(), key.strip(), form)
    except ValueError as error:
        log.error("words.unusable", extra={"cause": str(error)})  # noqa: TRY400 - no bug of ours
        return Unusable(f"the setting WORDS_URL or WORDS_MODEL is wrong here: it {error}")
    return ModelWords(place, timeout_s)
