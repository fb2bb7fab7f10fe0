"""Timers on the real stack: a job that nobody started is started."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from pixcrawler.adapters.postgres.catalogue import PostgresCatalogue
from pixcrawler.adapters.postgres.pool import Database
from pixcrawler.domain.account import Principal
from pixcrawler.domain.jobfile import parse_job


@pytest.fixture
def catalogue(stack):
    """The stack's own database, as the app sees it."""
    secrets = json.loads((stack.state / "secrets.json").read_text())
    port = json.loads((stack.state / "ports.json").read_text())["postgres"]

    def database(role: str) -> Database:
        password = secrets[f"postgres.{role}"]
        return Database(f"postgresql://{role}:{password}@127.0.0.1:{port}/pixcrawler", "test")

    opened = [database("pixcrawler_api"), database("pixcrawler_worker")]
    yield PostgresCatalogue(*opened)
    for one in opened:
        one.close()


def who(token: str) -> Principal:
    """Whose token it is; the stack has verified it before."""
    part = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return Principal(
        user_id=claims["sub"],
        session_id=claims["session_id"],
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )


def test_a_job_that_nobody_started_is_started(client, catalogue):
    """A host that dies between writing a job's row and starting its story loses no job."""
    spec = parse_job(
        {"name": "orphan", "keywords": ["moon"], "engines": ["local"], "max_images": 5}
    )

    created = catalogue.create_job(who(client.token), spec, None)

    assert client.ended(created.job.id)["status"] == "succeeded"
