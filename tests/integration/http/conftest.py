"""The HTTP functions as the host calls them, on a real database and real token keys."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func
import pytest

from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.bootstrap import world
from pixcrawler.functions import (
    http_datasets,
    http_engines,
    http_estimate,
    http_health,
    http_jobs,
    http_uploads,
)
from tests.fakes.issuer import PUBLISHABLE_KEY, Issuer
from tests.fakes.stories import Stories
from tests.integration.conftest import TestDatabase

ENGINES = ("local", "urls", "uploads", "openverse", "commons")


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error(self) -> dict[str, Any]:
        return self.json["error"]

    @property
    def violations(self) -> list[tuple[str, str]]:
        """Field and rule of every violation."""
        return [(v["field"], v["rule"]) for v in self.error["details"]["violations"]]


@dataclass(frozen=True)
class User:
    """Somebody signed in."""

    user_id: str
    session_id: str
    token: str


def _functions() -> list[tuple[str, re.Pattern[str], Any]]:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    for module in (
        http_health,
        http_jobs,
        http_datasets,
        http_engines,
        http_estimate,
        http_uploads,
    ):
        app.register_functions(module.blueprint)
    found = []
    for function in app.get_functions():
        trigger = function.get_trigger().get_dict_repr()
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", trigger["route"])
        method = trigger["methods"][0].value
        found.append((method, re.compile(f"/api/{pattern}"), function.get_user_function()))
    return found


class Api:
    """Calls the app's HTTP functions with what a host would give them."""

    functions = _functions()

    def __init__(self, database: TestDatabase, issuer: Issuer) -> None:
        self.database = database
        self.issuer = issuer
        self.stories = Stories()

    def sign_in(self) -> User:
        """Make a user with an open session and a token."""
        user, session = self.database.sign_up()
        return User(user, session, self.issuer.token(sub=user, session_id=session))

    def call(
        self,
        method: str,
        address: str,
        user: User | str | None = None,
        body: bytes | str | dict[str, Any] | None = None,
        **headers: str,
    ) -> Reply:
        """Call an operation; a dict is sent as JSON, underscores in header names are dashes."""
        parts = urlsplit(address)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(user, User):
            sent["authorization"] = f"Bearer {user.token}"
        elif user is not None:
            sent["authorization"] = user
        if isinstance(body, dict):
            body = json.dumps(body)
            sent.setdefault("content-type", "application/json")
        data = body.encode() if isinstance(body, str) else body or b""
        for known, pattern, function in self.functions:
            match = pattern.fullmatch(parts.path)
            if known == method and match:
                request = func.HttpRequest(
                    method=method,
                    url=f"http://127.0.0.1{address}",
                    headers=sent,
                    params=dict(parse_qsl(parts.query, keep_blank_values=True)),
                    route_params=match.groupdict(),
                    body=data,
                )
                return self._reply(function, request)
        raise LookupError(f"no operation {method} {parts.path}")

    def create(self, user: User, **fields: Any) -> Reply:
        """Post a small good job file, with changes."""
        return self.call("POST", "/api/v1/jobs", user, a_job(**fields))

    def _reply(self, function: Any, request: func.HttpRequest) -> Reply:
        if hasattr(function, "client_function"):
            answer = asyncio.run(function.client_function(request, self.stories))
        else:
            answer = function(request)
        return Reply(
            answer.status_code,
            {name.lower(): value for name, value in dict(answer.headers).items()},
            answer.get_body().decode(),
        )


def a_job(**fields: Any) -> dict[str, Any]:
    """Return a small good job file, with changes."""
    return {"name": "birds", "keywords": ["robin", "wren"], "engines": ["local"], **fields}


@contextmanager
def served(database: TestDatabase, issuer: Issuer) -> Iterator[Api]:
    """Give the functions a world of this database, this issuer, and memory for storage."""
    settings = {
        "AzureWebJobsStorage": "unused",
        "DataStorage": "unused",
        "LakeStorage": "unused",
        "DATABASE_API_URL": database.api_url,
        "DATABASE_WORKER_URL": database.worker_url,
        "SUPABASE_URL": issuer.url,
        "SUPABASE_PUBLISHABLE_KEY": PUBLISHABLE_KEY,
        "LINK_TTL_S": "600",
    }
    with pytest.MonkeyPatch.context() as environment:
        for name, value in settings.items():
            environment.setenv(name, value)
        world.cache_clear()
        # Cached properties: what is put there first is what everybody gets.
        vars(world())["blobs"] = MemoryBlobs()
        vars(world())["engines"] = dict.fromkeys(ENGINES)
        yield Api(database, issuer)
        world()._worker_database.close()
        world()._api_database.close()
        world.cache_clear()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


@pytest.fixture
def api(database: TestDatabase, issuer: Issuer) -> Iterator[Api]:
    with served(database, issuer) as api:
        yield api
