"""Services for engines to ask: each is a function from a request to an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixcrawler.pipeline.engines.ports import Answer, Request

FIXTURES = Path(__file__).parents[1] / "fixtures" / "engines"

Service = Callable[[Request], Answer]


def body_of(name: str) -> bytes:
    """A stored body."""
    return (FIXTURES / name).read_bytes()


def stored(name: str, status: int = 200, **more: Any) -> Service:
    """A service that always gives a stored file."""
    answer = Answer(status, body_of(name), **more)
    return lambda request: answer


def saying(body: bytes | str, status: int = 200, **more: Any) -> Service:
    """A service that always says the same."""
    content = body.encode() if isinstance(body, str) else body
    answer = Answer(status, content, **more)
    return lambda request: answer


def paged(param: str, pages: Mapping[str, bytes]) -> Service:
    """A service with one body for each value of a parameter; 404 for any other."""

    def play(request: Request) -> Answer:
        body = pages.get(request.params.get(param, ""))
        return Answer(404) if body is None else Answer(200, body)

    return play


@dataclass
class Wire:
    """A ServiceApi that plays a service and remembers what it was asked."""

    service: Service
    asked: list[Request] = field(default_factory=list)

    def send(self, request: Request) -> Answer:
        self.asked.append(request)
        return self.service(request)
