import asyncio
import json
import os
import secrets
import subprocess
import sys
import uuid

import httpx
import psycopg
import pytest
import requests
from supabase_auth.errors import AuthApiError

from pixcrawler.host.errors import HostError
from pixcrawler.host.stack.auth import AuthServer, AuthSettings
from pixcrawler.host.stack.bootstrap import AUTH_ROLE, DATABASE
from supabase import AsyncClientOptions, acreate_client
from tests.integration.stack.signin import ANN, PUBLISHABLE, SECRET, client, refusal

pytestmark = pytest.mark.integration


def test_keys_of_the_gateway(auth):
    """A wrong or missing API key is refused before anything else."""
    with pytest.raises(AuthApiError, match="Invalid API key") as refused:
        client(auth, "sb_publishable_wrong").auth.sign_in_with_password(ANN)
    assert refused.value.status == 401
    assert requests.get(f"{auth.issuer}/user", timeout=10).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[1]", 400),
        (b'{"email": {"a": 1}, "password": 7}', 400),
        (b"x" * 70_000, 413),
    ],
    ids=["half", "list", "types", "large"],
)
def test_malformed_bodies(auth, body, status):
    """Malformed and large bodies are refused, never an internal error."""
    headers = {"apikey": PUBLISHABLE}
    answer = requests.post(f"{auth.issuer}/signup", data=body, headers=headers, timeout=10)
    assert answer.status_code == status


def test_async_client(auth):
    """The asynchronous client works as well."""

    async def sign_up():
        async with httpx.AsyncClient() as http:
            options = AsyncClientOptions(
                auto_refresh_token=False, persist_session=False, httpx_client=http
            )
            made = await acreate_client(auth.url, PUBLISHABLE, options)
            session = (await made.auth.sign_up(ANN)).session
            return (await made.auth.get_user(session.access_token)).user.email

    assert asyncio.run(sign_up()) == "ann@x.io"


def test_failing_trigger_undoes_the_sign_up(auth, server):
    """A trigger that fails makes the sign-up fail, and nothing of it stays."""
    with server.connect(database=DATABASE) as connection:
        connection.execute(
            "create function public.fail() returns trigger language plpgsql as"
            " $$ begin raise exception 'no'; end $$;"
            " create trigger fail after insert on auth.users for each row"
            " execute function public.fail()"
        )
        try:
            assert refusal(lambda: client(auth).auth.sign_up(ANN)) == (500, "unexpected_failure")
        finally:
            connection.execute("drop function public.fail() cascade")
        assert connection.execute("select count(*) from auth.users").fetchone() == (0,)


def test_database_away(auth, ann, server):
    """Connections that the server ended are replaced without an error."""
    with server.connect(database=DATABASE) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = %s",
            (AUTH_ROLE,),
        )
    assert ann.auth.get_user().user.email == "ann@x.io"


def test_unreachable_database(tmp_path, server, monkeypatch):
    """Without a database the answer is 503, which the client takes for temporary."""
    monkeypatch.setattr("pixcrawler.host.stack.auth.server._POOL_TIMEOUT_S", 0.5)
    dsn = psycopg.conninfo.make_conninfo(server.dsn(AUTH_ROLE, DATABASE), port=1)
    settings = AuthSettings(dsn, tmp_path / "k", PUBLISHABLE, SECRET)
    with AuthServer(settings) as auth:
        body, headers = {"email": "a@x.io", "password": "secret12"}, {"apikey": PUBLISHABLE}
        answer = requests.post(f"{auth.issuer}/signup", json=body, headers=headers, timeout=30)
        assert answer.status_code == 503
        keys = requests.get(f"{auth.issuer}/.well-known/jwks.json", timeout=10)
        assert keys.status_code == 200


@pytest.mark.parametrize("name", ["WEBSITE_INSTANCE_ID", "WEBSITE_POD_NAME"])
def test_refused_in_azure(settings, monkeypatch, name):
    """In Azure the embedded issuer does not start."""
    monkeypatch.setenv(name, "x")
    with pytest.raises(HostError, match="Azure"):
        AuthServer(settings)


def test_as_a_process(server, tmp_path):
    """The issuer runs as a process of its own, on 127.0.0.1, and ends with SIGTERM."""
    environment = {
        **os.environ,
        "PIXCRAWLER_AUTH_DSN": server.dsn(AUTH_ROLE, DATABASE),
        "PIXCRAWLER_AUTH_PUBLISHABLE": PUBLISHABLE,
        "PIXCRAWLER_AUTH_SECRET": SECRET,
    }
    command = [sys.executable, "-m", "pixcrawler.host.stack.auth", "--keys", str(tmp_path / "k")]
    log = (tmp_path / "log").open("w")
    with (
        log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment) as process,
    ):
        url = json.loads(process.stdout.readline())["ready"]
        password = secrets.token_urlsafe(12)
        body = {"email": f"{uuid.uuid4()}@x.io", "password": password}
        headers = {"apikey": PUBLISHABLE}
        answer = requests.post(f"{url}/auth/v1/signup", json=body, headers=headers, timeout=10)
        assert answer.json()["user"]["email"] == body["email"]
        process.terminate()
        assert process.wait(20) == 0
    lines = (tmp_path / "log").read_text()
    assert "POST /signup 200" in lines
    assert password not in lines
