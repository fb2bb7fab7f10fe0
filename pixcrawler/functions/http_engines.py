"""HTTP: look at engines, try a saved answer on one, switch and reopen them."""

from __future__ import annotations

import logging
import threading
from dataclasses import asdict
from typing import Any

import azure.durable_functions as df

from pixcrawler.bootstrap import world
from pixcrawler.domain.engine import EngineCard
from pixcrawler.domain.errors import Conflict, InvalidRequest, NotFound, Violation
from pixcrawler.functions.bodies import printable
from pixcrawler.functions.guard import Access, Call, operation
from pixcrawler.functions.wire import Answer, Wire
from pixcrawler.pipeline.engines.entries import entries
from pixcrawler.pipeline.engines.ports import Find, OptIn, Page

ANSWER_MAX_BYTES = 8 * 1024 * 1024
"""Largest saved answer: what is read of a live one."""

_reading = threading.Lock()
"""A hostile answer takes a second and 250 MB: one at a time in this process."""

blueprint = df.Blueprint()
log = logging.getLogger("pixcrawler.http")


@operation(blueprint, "GET", "v1/engines")
def list_engines(call: Call) -> Answer:  # noqa: ARG001 - everybody is shown the same
    """Answer with every engine, those that can be asked first."""
    found = entries(world().engine_cards.values(), world().engines, world().desk)
    return Answer({"items": [entry.model_dump(mode="json") for entry in found]})


@operation(blueprint, "POST", "v1/engines/{name}/parse")
def parse_answer(call: Call) -> Answer:
    """Answer with what a saved answer of the engine yields; nothing is asked and nothing kept."""
    name = _card(call).name
    read = world().readers.get(name)
    if read is None:
        raise NotFound(f"The engine {name} has no answers to read: it asks nobody.")
    body = call.raw(ANSWER_MAX_BYTES)
    with _reading:
        return Answer(_page(name, read(body)))


@operation(blueprint, "POST", "v1/engines/{name}/switch", Access.OPERATE)
def switch_engine(call: Call) -> Answer:
    """Switch an engine on, by sending the digest of its terms as they were shown, or off."""
    card, who = _card(call), call.principal.email or call.principal.user_id
    wish = call.body()
    if not isinstance(wish, dict) or not isinstance(wish.get("on"), bool):
        raise _refused("on", "must be true or false")
    if not wish["on"]:
        world().desk.switch_off(card.name, who)
    elif wish.get("terms_digest") == card.terms_digest:
        now = world().clock()
        world().desk.switch_on(OptIn(card.name, card.terms_digest, who, now))
    elif wish.get("terms_digest") is None:
        raise _refused("terms_digest", "must be that of the terms, from the list of engines")
    else:
        raise Conflict(
            f"The terms of {card.name} are others by now: read them again.",
            terms_digest=card.terms_digest,
        )
    log.info("engine.switched engine=%s on=%s user=%s", card.name, wish["on"], _user(call))
    return _shown(card)


@operation(blueprint, "POST", "v1/engines/{name}/reopen", Access.OPERATE)
def reopen_engine(call: Call) -> Answer:
    """End an engine's suspension."""
    card = _card(call)
    world().desk.reopen(card.name)
    log.info("engine.reopened engine=%s user=%s", card.name, _user(call))
    return _shown(card)


def _card(call: Call) -> EngineCard:
    name = call.path("name").lower()
    card = world().engine_cards.get(name)
    if card is None:
        raise NotFound(f"There is no engine {printable(name)!r}.")
    return card


def _user(call: Call) -> str:
    return call.principal.user_id


def _shown(card: EngineCard) -> Answer:
    [entry] = entries([card], world().engines, world().desk)
    return Answer(entry)


def _page(name: str, page: Page) -> Wire:
    return {
        "engine": name,
        "status": page.status.value,
        "kind": page.kind.value if page.kind else None,
        "detail": page.detail,
        "retry_after_s": page.retry_after_s,
        "total": page.total,
        "next_cursor": page.next_cursor,
        "finds": [_find(find) for find in page.finds],
    }


def _find(find: Find) -> dict[str, Any]:
    plain = {name: value for name, value in asdict(find).items() if name != "provenance"}
    return {**plain, **find.provenance.model_dump(mode="json", exclude={"engine"})}


def _refused(field: str, message: str) -> InvalidRequest:
    violation = Violation(field=field, rule="switch", message=message)
    return InvalidRequest(violations=(violation,))
