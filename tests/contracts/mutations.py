"""Answers with faults: what a service may say on its worst day."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from typing import Any

from pixcrawler.pipeline.engines.ports import Answer, Request
from tests.contracts.answers import Service

_ODD_VALUES: list[Any] = [
    None, True, -1, 10**400, 1.5e308, "", "x" * 100_000, "\x00\ud800", [], {}, [[]], [None],
    "javascript:alert(1)", "data:image/png;base64,AAAA", "http://[", {"a": {"b": []}},
    "https://user:word@h.example/a.jpg", "//h.example/a.jpg", float("nan"), "२३", "9" * 5000,
]  # fmt: skip


def mutating(service: Service, chance: random.Random) -> Service:
    """The service, some of whose answers are mutated."""

    def play(request: Request) -> Answer:
        answer = service(request)
        if chance.random() < 0.5:
            return answer
        return replace(answer, body=mutated(answer.body, chance))

    return play


def mutated(body: bytes, chance: random.Random) -> bytes:
    """The body with one value replaced where it is JSON, otherwise with some bytes changed."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if found is not None and chance.random() < 0.8:
        for _ in range(chance.randint(1, 4)):
            _replace_one(found, chance)
        return json.dumps(found).encode()
    changed = bytearray(body or b"?")
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(len(changed))
        changed[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3)) or b"<"
    return bytes(changed[: chance.randint(0, len(changed)) or None])


def _replace_one(found: Any, chance: random.Random) -> None:
    here = found
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            return
        key = chance.choice(keys)
        below = here[key]
        if isinstance(below, dict | list) and below and chance.random() < 0.8:
            here = below
            continue
        if isinstance(here, dict) and chance.random() < 0.3:
            del here[key]
        else:
            here[key] = copy.deepcopy(chance.choice(_ODD_VALUES))
        return
