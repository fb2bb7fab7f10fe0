"""Searching: an engine's steps are driven over the wire, under the desk's rules, never raising."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from pixcrawler.adapters.engines.shape import Ask, Engine
from pixcrawler.domain.engine import EngineCard, EngineStatus, Quota
from pixcrawler.domain.errors import SourceUnavailable
from pixcrawler.domain.filters import Filters
from pixcrawler.domain.source import SearchQuery
from pixcrawler.pipeline.engine_ports import Answer, Closed, EngineDesk, Page, Request, ServiceApi

PATIENCE_S = 20.0
"""Longest wait for a place in an engine's queue: a round goes on with the others meanwhile."""
MAX_STEPS = 64
"""Requests of one page: the most that any engine takes is one for each result."""

log = logging.getLogger("pixcrawler.engines")


@dataclass(frozen=True)
class Searcher:
    """A SearchEngine over the wire."""

    engine: Engine
    api: ServiceApi
    desk: EngineDesk
    sleep: Callable[[float], None] = time.sleep
    quotas: tuple[Quota, ...] | None = None
    """What was agreed with the engine, instead of what its card says."""

    @property
    def card(self) -> EngineCard:
        """What is known of the engine before it is asked."""
        card = self.engine.card
        return card if self.quotas is None else card.model_copy(update={"quotas": self.quotas})

    def search(self, query: SearchQuery, cursor: str | None, filters: Filters) -> Page:
        """Return one page of finds, or a page that says what is wrong."""
        steps = self.engine.steps(Ask(_words(query, self.card), filters, cursor))
        requests = 0
        try:
            request = next(steps)
            while requests < MAX_STEPS:
                requests += 1
                outcome = self._asked(request)
                if isinstance(outcome, Page):
                    return replace(outcome, requests=requests)
                request = steps.send(outcome)
        except StopIteration as end:
            page: Page = end.value
            return replace(page, requests=requests)
        except ValueError as error:
            detail = f"{self.card.title}: {error}"
            return Page(EngineStatus.CHANGED, detail=detail, requests=requests)
        except Exception:
            log.exception("engine.broke", extra={"engine": self.card.name})
            detail = f"{self.card.title} gave an answer that broke our reader"
            return Page(EngineStatus.CHANGED, detail=detail, requests=requests)
        return Page(EngineStatus.CHANGED, detail="one page took too many requests")

    def _asked(self, request: Request) -> Answer | Page:
        leave = self.desk.admit(self.card, PATIENCE_S)
        if isinstance(leave, Closed):
            return Page(
                EngineStatus.BLOCKED,
                detail=leave.detail,
                retry_after_s=leave.wait_s,
                kind=leave.kind,
                requests=0,
            )
        self.sleep(leave.wait_s)
        outcome = self._sent(request)
        page = outcome if isinstance(outcome, Page) else Page(EngineStatus.OK)
        self.desk.settle(self.card, leave, page)
        return outcome

    def _sent(self, request: Request) -> Answer | Page:
        try:
            answer = self.api.send(request)
        except SourceUnavailable as error:
            return Page(EngineStatus.FAILED, detail=str(error))
        trouble = self.engine.block(answer)
        if trouble is None:
            return answer
        if trouble.retry_after_s is None:
            trouble = replace(trouble, retry_after_s=answer.retry_after_s)
        return trouble


def _words(query: SearchQuery, card: EngineCard) -> str:
    """The query in the engine's own language."""
    if not card.operators:
        return " ".join(query.text.replace('"', " ").split())
    without = (f'-"{words}"' if " " in words else f"-{words}" for words in query.exclude)
    return " ".join((query.text, *without))
