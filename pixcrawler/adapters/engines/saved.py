"""Saved answers: what an engine's parser makes of a body, for operators who look into a change."""

from __future__ import annotations

import logging

from pixcrawler.adapters.engines.shape import Ask, Engine
from pixcrawler.domain.engine import EngineStatus
from pixcrawler.domain.filters import Filters
from pixcrawler.pipeline.engines.ports import Answer, Page

_TEXT = "a saved answer"
_OK = 200

log = logging.getLogger("pixcrawler.engines")


def read_saved(engine: Engine, body: bytes) -> Page:
    """Return what an answer with status 200 and this body gives; nothing is asked or kept.

    Of an engine whose pages take several requests, the answer that holds results is meant.
    """
    title = engine.card.title
    try:
        block = engine.block(Answer(_OK, body, {}, engine.base_url))
        return block or engine.read(body, Ask(_TEXT, Filters()))
    except ValueError as error:
        return Page(EngineStatus.CHANGED, detail=f"{title}: {error}")
    except Exception:
        log.exception("engine.broke", extra={"engine": engine.card.name})
        detail = f"{title}: this answer broke our reader"
        return Page(EngineStatus.CHANGED, detail=detail)
