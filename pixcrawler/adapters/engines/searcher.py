"""Searching: an engine's steps are driven over the wire, under the desk's rules."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pixcrawler.adapters.engines.shape import Ask, Engine, Steps
from pixcrawler.domain.engine import BlockKind, EngineCard, EngineStatus, Quota
from pixcrawler.domain.errors import PixCrawlerError, SourceUnavailable
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import SearchQuery
from pixcrawler.pipeline.engines.desk_rules import LATE_S, pause_of
from pixcrawler.pipeline.engines.ports import (
    Answer,
    Closed,
    EngineDesk,
    Page,
    Request,
    ServiceApi,
    Ticket,
)
from pixcrawler.pipeline.limits import QUERY_MAX_CHARS

PATIENCE_S = 20.0
"""Longest wait for a place in an engine's queue, and before that for the jobs of this process
that ask it: a round goes on with the others meanwhile."""
MAX_STEPS = 64
"""Requests of one page: the most that any engine takes is one for each result."""
RETRY_PAUSES_S = (1.0, 3.0)
"""Before the second and third try of a request that failed; refusals are never repeated."""
STATED_MAX_S = 10.0
"""Longest Retry-After of a failed request that is waited for; a longer one ends the tries."""
log = logging.getLogger("pixcrawler.engines")


@dataclass(frozen=True)
class Searcher:
    """A SearchEngine over the wire, one page at a time whatever the number of threads.

    Whatever the engine does is told by a page. Raises DatabaseUnavailable when the desk is away:
    without it no engine may be asked.
    """

    engine: Engine
    api: ServiceApi
    desk: EngineDesk
    sleep: Callable[[float], None] = time.sleep
    quotas: tuple[Quota, ...] | None = None
    """What was agreed with the engine, instead of what its card says."""
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def card(self) -> EngineCard:
        """What is known of the engine before it is asked."""
        card = self.engine.card
        return card if self.quotas is None else card.model_copy(update={"quotas": self.quotas})

    def search(self, query: SearchQuery, cursor: str | None, filters: Filters) -> Page:
        """Return one page of finds, or a page that says what is wrong."""
        ask = Ask(_words(query, self.card), filters, cursor)
        # A ticket is good for its time: who holds one must not wait for other threads as well.
        if not self._turn.acquire(timeout=PATIENCE_S):
            return self._busy()
        try:
            return _Visit(self).page(ask)
        finally:
            self._turn.release()

    def _busy(self) -> Page:
        """Say that other jobs of this process were quicker, as the desk says it of others."""
        return Page(
            EngineStatus.BLOCKED,
            detail=f"{self.card.title} is busy with other jobs",
            retry_after_s=PATIENCE_S,
            kind=BlockKind.QUOTA,
            requests=0,
        )


class _Visit:
    """One page: as many requests as it takes, each with a ticket of its own.

    The last request is settled with what was made of its answer, the others as good.
    """

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._card = searcher.card
        self._requests = 0
        self._ticket: Ticket | None = None
        """Of the request that is not settled."""
        self._stated_s: float | None = None
        """What the last answer asks to wait."""

    def page(self, ask: Ask) -> Page:
        page = self._driven(self._searcher.engine.steps(ask))
        is_good = page.status in (EngineStatus.OK, EngineStatus.EMPTY)
        if not is_good and page.retry_after_s is None:
            page = replace(page, retry_after_s=self._stated_s)
        is_refusal = page.status is EngineStatus.BLOCKED and self._ticket is not None
        if self._ticket is not None and not is_good:
            # Without the detail, which may be in the engine's own words.
            told = (self._card.name, page.status.value, page.kind)
            log.warning("engine.trouble engine=%s status=%s kind=%s", *told)
        self._settle(page)
        if is_refusal and page.retry_after_s is None and (pause := pause_of(page)):
            # For so long the desk lets nobody ask.
            page = replace(page, retry_after_s=pause.first_s)
        return replace(page, requests=self._requests)

    def _driven(self, steps: Steps) -> Page:
        title = self._card.title
        try:
            request = next(steps)
            for _ in range(MAX_STEPS):
                outcome = self._asked(request)
                if isinstance(outcome, Page):
                    return outcome
                request = steps.send(outcome)
        except StopIteration as end:
            page: Page = end.value
            return page
        except ValueError as error:
            return Page(EngineStatus.CHANGED, detail=f"{title}: {error}")
        except PixCrawlerError:
            raise
        except Exception:
            log.exception("engine.broke", extra={"engine": self._card.name})
            detail = f"{title} gave an answer that broke our reader"
            return Page(EngineStatus.CHANGED, detail=detail)
        return Page(EngineStatus.CHANGED, detail=f"{title}: one page took too many requests")

    def _asked(self, request: Request) -> Answer | Page:
        """Return the answer, tried again when it failed, or the page that ends it."""
        pauses_s = [*RETRY_PAUSES_S]
        while True:
            refusal = self._admitted()
            if refusal:
                return refusal
            outcome, may_heal = self._sent(request)
            pause_s = pauses_s.pop(0) if may_heal and pauses_s else None
            wait_s = self._wait_s(outcome, pause_s)
            if wait_s is None:
                return outcome
            self._settle(None)
            self._searcher.sleep(wait_s)

    def _wait_s(self, outcome: Answer | Page, pause_s: float | None) -> float | None:
        """Seconds until the next try; None when there is none."""
        is_probe = self._ticket is not None and self._ticket.is_probe
        if pause_s is None or is_probe or isinstance(outcome, Answer):
            return None
        stated_s = outcome.retry_after_s
        if stated_s is None:
            return pause_s * random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, guards nothing
        return stated_s if stated_s <= STATED_MAX_S else None

    def _admitted(self) -> Page | None:
        """Wait for leave to send one request; return the page that says why there is none."""
        # The answer to the request before was good, or there would not be another one.
        self._settle(Page(EngineStatus.OK))
        while True:
            asked_at = time.monotonic()
            leave = self._searcher.desk.admit(self._card, PATIENCE_S)
            if isinstance(leave, Closed):
                return _closed(leave)
            self._ticket = leave
            given_at = time.monotonic()
            self._searcher.sleep(leave.wait_s)
            late_s = time.monotonic() - given_at - leave.wait_s
            if late_s < LATE_S and given_at - asked_at < PATIENCE_S + LATE_S:
                return None
            self._settle(None)

    def _sent(self, request: Request) -> tuple[Answer | Page, bool]:
        """The answer, or what is wrong with it, and whether another try may help."""
        self._requests += 1
        try:
            answer = self._searcher.api.send(request)
        except SourceUnavailable as error:
            self._stated_s = None
            page = Page(EngineStatus.FAILED, detail=str(error))
            return page, not error.details.get("is_final")
        self._stated_s = answer.retry_after_s
        trouble = self._searcher.engine.block(answer)
        if trouble is None:
            return answer, False
        if trouble.retry_after_s is None:
            trouble = replace(trouble, retry_after_s=answer.retry_after_s)
        return trouble, trouble.status is EngineStatus.FAILED

    def _settle(self, page: Page | None) -> None:
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            self._searcher.desk.settle(self._card, ticket, page)


def _closed(leave: Closed) -> Page:
    return Page(
        EngineStatus.BLOCKED,
        detail=leave.detail,
        retry_after_s=leave.wait_s or None,
        kind=leave.kind,
    )


def _words(query: SearchQuery, card: EngineCard) -> str:
    """The query in the engine's own language; exclusions that do not fit are left to sifting."""
    if not card.operators:
        return " ".join(query.text.replace('"', " ").split())
    asked = query.text
    for words in query.exclude:
        more = f'{asked} -"{words}"' if " " in words else f"{asked} -{words}"
        asked = more if len(more) <= QUERY_MAX_CHARS else asked
    return asked
