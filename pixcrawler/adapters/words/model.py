"""A language model as a source of words: asked, asked again when it is busy, never for long."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping

from pixcrawler.adapters.words.calls import Post, Reply, post
from pixcrawler.adapters.words.forms import Endpoint
from pixcrawler.adapters.words.questions import PROMPT_VERSION, AnswerForm, question
from pixcrawler.adapters.words.replies import FormRefused, is_used_up, words_in
from pixcrawler.domain.errors import SourceBlocked, SourceUnavailable
from pixcrawler.pipeline.words.ports import WordAsk

TRIES = 3
FIRST_WAIT_S = 1.0
_BUSY = (408, 429, 500, 502, 503, 504, 529)
_THROTTLED = 429

log = logging.getLogger("pixcrawler.words")


class ModelWords:
    """A WordSource: a chat completion endpoint.

    Args:
        endpoint: where it is.
        timeout_s: for one question, all its tries and waits included.
        send: how a POST is sent.
        sleep: how a wait is spent, in seconds.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        timeout_s: float,
        send: Post = post,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._endpoint = endpoint
        self._timeout_s = timeout_s
        self._send = send
        self._sleep = sleep
        self._form: AnswerForm = "schema"

    @property
    def name(self) -> str:
        """The model, where it is, and what it is told."""
        place = hashlib.sha256(self._endpoint.url.encode()).hexdigest()[:16]
        return f"{self._endpoint.model or ''}@{place}/{PROMPT_VERSION}"

    def words(self, ask: WordAsk) -> tuple[str, ...]:
        """Return what the model says: any texts, any number of them.

        Raises:
            SourceUnavailable: no answer came in time.
            SourceBlocked: the model, its filter or the server refuses.
            SourceChanged: it is no answer that is known here.
        """
        deadline = time.monotonic() + self._timeout_s
        form = self._form
        try:
            return self._asked(ask, form, deadline)
        except FormRefused as refused:
            if form == "object":
                raise SourceBlocked(str(refused)) from None
        try:
            words = self._asked(ask, "object", deadline)
        except FormRefused as refused:
            raise SourceBlocked(str(refused)) from None
        # Without a schema it works: so it is asked from now on.
        self._form = "object"
        return words

    def _asked(self, ask: WordAsk, form: AnswerForm, deadline: float) -> tuple[str, ...]:
        reply = self._answered(question(ask, self._endpoint.model, form), deadline)
        log.info("words.asked", extra={"kind": ask.kind, "status": reply.status, "form": form})
        return words_in(reply.status, reply.body)

    def _answered(self, body: bytes, deadline: float) -> Reply:
        """The first answer of a server that is not too busy to give one."""
        headers = self._endpoint.headers
        tries = 0
        while True:
            tries += 1
            left_s = max(deadline - time.monotonic(), 0.001)
            reply = self._send(self._endpoint.url, body, headers, left_s)
            if reply.status not in _BUSY or is_used_up(reply.body):
                return reply
            wait_s = _stated_wait_s(reply.headers) or FIRST_WAIT_S * 2 ** (tries - 1)
            if tries == TRIES or time.monotonic() + wait_s >= deadline:
                break
            self._sleep(wait_s)
        what = "asks us to slow down" if reply.status == _THROTTLED else "has troubles of its own"
        raise SourceUnavailable(f"it {what} (status {reply.status})")


def _stated_wait_s(headers: Mapping[str, str]) -> float | None:
    """What the server asks for, in seconds; a date is not understood here and counts as none."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if text.isascii() and text.isdigit():
            return int(text[:9]) * unit
    return None
