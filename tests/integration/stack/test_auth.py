import asyncio
import base64
import json
import os
import secrets
import subprocess
import sys
import threading
import time
import uuid

import httpx
import jwt
import psycopg
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from supabase.lib.client_options import SyncClientOptions
from supabase_auth.errors import AuthApiError, AuthInvalidJwtError, AuthWeakPasswordError

from pixcrawler.host.errors import HostError
from pixcrawler.host.stack.auth import AuthServer, AuthSettings
from pixcrawler.host.stack.auth.passwords import totp
from pixcrawler.host.stack.bootstrap import AUTH_ROLE, DATABASE
from supabase import AsyncClientOptions, acreate_client, create_client

pytestmark = pytest.mark.integration
ANN = {"email": "Ann@x.io", "password": "correct horse"}
PUBLISHABLE, SECRET = "sb_publishable_test", "sb_secret_test"


@pytest.fixture
def settings(server, tmp_path):
    """How the issuer is set up; refresh tokens may be reused for no time at all."""
    dsn = server.dsn(AUTH_ROLE, DATABASE)
    return AuthSettings(dsn, tmp_path / "keys.json", PUBLISHABLE, SECRET, reuse_s=0)


@pytest.fixture
def calls():
    """Method and path of each request so far."""
    return []


@pytest.fixture
def auth(server, settings, calls):
    """An issuer without users."""
    with (
        AuthServer(settings, lambda *call: calls.append(call)) as running,
        httpx.Client(timeout=20) as running.http,
    ):
        yield running
    with server.connect(database=DATABASE) as connection:
        connection.execute("delete from auth.users")


def client(auth, key=PUBLISHABLE):
    """Return the unmodified client of Supabase."""
    options = SyncClientOptions(
        auto_refresh_token=False, persist_session=False, httpx_client=auth.http
    )
    return create_client(auth.url, key, options)


@pytest.fixture
def ann(auth):
    """A client that Ann has signed up with."""
    signed_up = client(auth)
    signed_up.auth.sign_up(ANN)
    return signed_up


@pytest.fixture
def admin(auth):
    """What the secret key may do."""
    return client(auth, SECRET).auth.admin


def token(signed_in):
    """Return the access token of a client."""
    return signed_in.auth.get_session().access_token


def refusal(act):
    """Return status and code of the refusal that ``act`` meets."""
    with pytest.raises(AuthApiError) as refused:
        act()
    return refused.value.status, refused.value.code


def test_sign_up_and_in(auth):
    """Signing up and in gives sessions whose claims are those of hosted Supabase."""
    signed_up = client(auth).auth.sign_up({**ANN, "options": {"data": {"display_name": "Ann"}}})
    assert signed_up.user.email == "ann@x.io"
    assert signed_up.user.app_metadata == {"provider": "email", "providers": ["email"]}
    ann = client(auth)
    session = ann.auth.sign_in_with_password(ANN).session
    claims = ann.auth.get_claims(session.access_token)["claims"]
    expected = {"role": "authenticated", "aal": "aal1", "aud": "authenticated"}
    expected |= {"iss": auth.issuer, "is_anonymous": False, "email": "ann@x.io", "phone": ""}
    assert {name: claims[name] for name in expected} == expected
    assert claims["sub"] == signed_up.user.id
    assert claims["amr"][0]["method"] == "password"
    assert uuid.UUID(claims["session_id"])
    assert claims["exp"] - claims["iat"] == 3600


def test_user_reads_and_changes_itself(auth, ann):
    """A user sees itself and changes its metadata, address and password, nothing more."""
    ann.auth.update_user({"data": {"x": 1, "y": 2}})
    ann.auth.update_user({"data": {"y": None}})
    assert ann.auth.get_user().user.user_metadata == {"x": 1}
    ann.auth.update_user({"email": "New@x.io", "password": "other words"})
    assert client(auth).auth.sign_in_with_password({"email": "new@x.io", "password": "other words"})
    assert refusal(lambda: client(auth).auth.sign_in_with_password(ANN)) == (
        400,
        "invalid_credentials",
    )
    body = {"app_metadata": {"role": "admin"}}
    headers = {"apikey": PUBLISHABLE, "Authorization": f"Bearer {token(ann)}"}
    answer = requests.put(f"{auth.issuer}/user", json=body, headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["error_code"]) == (403, "not_admin")


def test_admin_changes_show_after_refresh(auth, ann, admin):
    """What the secret key changes is in the next token, not in the old one."""
    user = ann.auth.get_user().user
    assert [found.email for found in admin.list_users()] == ["ann@x.io"]
    admin.update_user_by_id(user.id, {"app_metadata": {"role": "admin"}})
    assert admin.get_user_by_id(user.id).user.app_metadata["role"] == "admin"
    assert "role" not in ann.auth.get_claims()["claims"]["app_metadata"]
    ann.auth.refresh_session()
    assert ann.auth.get_claims()["claims"]["app_metadata"]["role"] == "admin"
    admin.update_user_by_id(user.id, {"app_metadata": {"role": None}})
    assert "role" not in admin.get_user_by_id(user.id).user.app_metadata


def test_delete(auth, ann, admin, server):
    """A deleted user is gone with everything that hangs on it; its token is refused."""
    user, old = ann.auth.get_user().user, token(ann)
    admin.delete_user(user.id)
    assert refusal(lambda: client(auth).auth.get_user(old)) == (403, "user_not_found")
    assert refusal(lambda: admin.get_user_by_id(user.id)) == (404, "user_not_found")
    with server.connect(database=DATABASE) as connection:
        left = connection.execute(
            "select (select count(*) from auth.identities) + (select count(*) from auth.sessions)"
            " + (select count(*) from auth.refresh_tokens)"
        ).fetchone()
    assert left == (0,)


def test_soft_delete(auth, ann, admin):
    """A softly deleted user cannot sign in and is not recognisable."""
    user = ann.auth.get_user().user
    admin.delete_user(user.id, should_soft_delete=True)
    found = admin.get_user_by_id(user.id).user
    assert "@" not in found.email
    assert found.identities == []
    assert refusal(lambda: client(auth).auth.sign_in_with_password(ANN)) == (
        400,
        "invalid_credentials",
    )
    assert client(auth).auth.sign_up(ANN).user.id != user.id


def test_admin_creates(auth, admin):
    """The secret key creates users, confirmed or not, with a given id or a ban."""
    wanted = str(uuid.uuid4())
    body = {"email": "B@x.io", "password": "secret12", "id": wanted, "user_metadata": {"a": 1}}
    created = admin.create_user(body).user
    assert (created.id, created.email, created.email_confirmed_at) == (wanted, "b@x.io", None)
    credentials = {"email": "b@x.io", "password": "secret12"}
    sign_in = lambda: client(auth).auth.sign_in_with_password(credentials)  # noqa: E731 - tried thrice
    assert refusal(sign_in) == (400, "email_not_confirmed")
    admin.update_user_by_id(wanted, {"email_confirm": True, "ban_duration": "1h30m"})
    assert refusal(sign_in) == (400, "user_banned")
    admin.update_user_by_id(wanted, {"ban_duration": "none"})
    assert sign_in().user.user_metadata == {"a": 1}
    assert refusal(lambda: admin.create_user(body)) == (422, "email_exists")
    assert refusal(lambda: admin.create_user({"password": "secret12"})) == (
        400,
        "validation_failed",
    )
    wrong = {"ban_duration": "soon"}
    assert refusal(lambda: admin.update_user_by_id(wanted, wrong)) == (400, "validation_failed")


def test_list_in_pages(auth, admin):
    """Users are listed newest first, page by page, with their number."""
    for number in range(3):
        admin.create_user({"email": f"u{number}@x.io"})
    assert [user.email for user in admin.list_users(page=1, per_page=2)] == ["u2@x.io", "u1@x.io"]
    assert [user.email for user in admin.list_users(page=2, per_page=2)] == ["u0@x.io"]
    headers = {"apikey": SECRET, "Authorization": f"Bearer {SECRET}"}
    answer = requests.get(f"{auth.issuer}/admin/users", headers=headers, timeout=10)
    assert answer.headers["X-Total-Count"] == "3"


def test_refusals(auth, ann, admin):
    """Each mistake gets the status and code that hosted Supabase gives."""
    wrong = {**ANN, "password": "nope"}
    for act, expected in [
        (lambda: client(auth).auth.sign_up(ANN), (422, "user_already_exists")),
        (lambda: client(auth).auth.sign_in_with_password(wrong), (400, "invalid_credentials")),
        (
            lambda: client(auth).auth.sign_in_with_password({**ANN, "email": "z@x.io"}),
            (400, "invalid_credentials"),
        ),
        (lambda: client(auth).auth.get_user("junk"), (403, "bad_jwt")),
        (lambda: client(auth).auth.refresh_session("zzz"), (400, "refresh_token_not_found")),
        (client(auth).auth.admin.list_users, (403, "not_admin")),
        (lambda: admin.get_user_by_id(str(uuid.uuid4())), (404, "user_not_found")),
        (client(auth).auth.sign_in_anonymously, (422, "anonymous_provider_disabled")),
        (
            lambda: client(auth).auth.sign_up({**ANN, "email": "no address"}),
            (400, "validation_failed"),
        ),
    ]:
        assert refusal(act) == expected
    with pytest.raises(AuthWeakPasswordError) as weak:
        client(auth).auth.sign_up({"email": "q@x.io", "password": "123"})
    assert weak.value.reasons == ["length"]


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


def test_ban(auth, ann, admin):
    """A banned user's token, refresh and password are refused; get_claims alone does not see it."""
    user, old = ann.auth.get_user().user, token(ann)
    admin.update_user_by_id(user.id, {"ban_duration": "24h"})
    assert refusal(lambda: ann.auth.get_user(old)) == (403, "user_banned")
    assert refusal(ann.auth.refresh_session) == (400, "user_banned")
    assert refusal(lambda: client(auth).auth.sign_in_with_password(ANN)) == (400, "user_banned")
    assert client(auth).auth.get_claims(old)
    admin.update_user_by_id(user.id, {"ban_duration": "none"})
    assert ann.auth.get_user(old)


@pytest.mark.parametrize(
    ("scope", "alive"),
    [("global", (False, False)), ("local", (False, True)), ("others", (True, False))],
)
def test_sign_out(auth, ann, scope, alive):
    """Signing out ends this session, the others, or all."""
    other = client(auth)
    other.auth.sign_in_with_password(ANN)
    tokens = token(ann), token(other)
    ann.auth.sign_out({"scope": scope})
    for held, lives in zip(tokens, alive, strict=True):
        if lives:
            assert client(auth).auth.get_user(held)
        else:
            assert refusal(lambda held=held: client(auth).auth.get_user(held)) == (
                403,
                "session_not_found",
            )


def test_refresh_families(auth, ann):
    """A lost answer may be asked again; reuse of an older token revokes the whole family."""
    first = ann.auth.get_session().refresh_token
    second = ann.auth.refresh_session(first).session.refresh_token
    assert client(auth).auth.refresh_session(first).session.refresh_token == second
    third = ann.auth.refresh_session(second).session.refresh_token
    reuse = lambda: client(auth).auth.refresh_session(first)  # noqa: E731 - tried twice
    assert refusal(reuse) == (400, "refresh_token_already_used")
    assert (
        refusal(lambda: client(auth).auth.refresh_session(third))[1] == "refresh_token_already_used"
    )


def test_refresh_at_once(auth, ann):
    """Many refreshes with one token at once all end with the same successor."""
    first, found = ann.auth.get_session().refresh_token, []

    def refresh():
        found.append(client(auth).auth.refresh_session(first).session.refresh_token)

    threads = [threading.Thread(target=refresh) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_second_factor(auth, ann):
    """A verified code raises the session to aal2; weaker sessions end; removal lowers it again."""
    other = client(auth)
    other.auth.sign_in_with_password(ANN)
    weak = token(other)
    factor = ann.auth.mfa.enroll({"factor_type": "totp", "friendly_name": "phone"})
    assert ann.auth.mfa.get_authenticator_assurance_level().current_level == "aal1"
    wrong = {"factor_id": factor.id, "code": "000000"}
    assert refusal(lambda: ann.auth.mfa.challenge_and_verify(wrong)) == (
        422,
        "mfa_verification_failed",
    )
    right = {"factor_id": factor.id, "code": totp(factor.totp.secret)}
    ann.auth.mfa.challenge_and_verify(right)
    claims = ann.auth.get_claims()["claims"]
    assert (claims["aal"], claims["amr"][0]["method"]) == ("aal2", "totp")
    assert ann.auth.mfa.get_authenticator_assurance_level().current_level == "aal2"
    assert refusal(lambda: client(auth).auth.get_user(weak)) == (403, "session_not_found")
    again = client(auth)
    again.auth.sign_in_with_password(ANN)
    assert again.auth.mfa.get_authenticator_assurance_level().next_level == "aal2"
    change = lambda: again.auth.update_user({"password": "stolen words"})  # noqa: E731 - one call
    assert refusal(change) == (401, "insufficient_aal")
    assert refusal(lambda: again.auth.mfa.unenroll({"factor_id": factor.id})) == (
        422,
        "insufficient_aal",
    )
    ann.auth.mfa.unenroll({"factor_id": factor.id})
    ann.auth.refresh_session()
    assert ann.auth.get_claims()["claims"]["aal"] == "aal1"


def test_foreign_factor(auth, ann):
    """A factor of somebody else does not exist."""
    factor = ann.auth.mfa.enroll({"factor_type": "totp", "friendly_name": "phone"})
    bob = client(auth)
    bob.auth.sign_up({"email": "bob@x.io", "password": "secret12"})
    assert refusal(lambda: bob.auth.mfa.challenge({"factor_id": factor.id})) == (
        404,
        "mfa_factor_not_found",
    )


def test_rotation(auth, ann, calls):
    """Clients fetch the keys once, and again when a token has a new one."""
    fetched = lambda: calls.count(("GET", "/.well-known/jwks.json"))  # noqa: E731 - a counter
    old, verifier = token(ann), client(auth)
    for _ in range(3):
        verifier.auth.get_claims(old)
    assert fetched() == 1
    auth.keys.rotate()
    new = ann.auth.sign_in_with_password(ANN).session.access_token
    assert verifier.auth.get_claims(new)
    assert verifier.auth.get_claims(old)
    assert fetched() == 2
    auth.keys.revoke_old()
    with pytest.raises(AuthInvalidJwtError):
        client(auth).auth.get_claims(old)
    assert refusal(lambda: client(auth).auth.get_user(old)) == (403, "bad_jwt")


def encoded(part):
    """Return one part of a token."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def test_hostile_tokens(auth, ann):
    """No forged token opens anything, whatever its algorithm, key and claims."""
    kid = auth.keys.jwks()["keys"][0]["kid"]
    own_key = ec.generate_private_key(ec.SECP256R1())
    claims = {"sub": ann.auth.get_user().user.id, "exp": int(time.time()) + 99}
    forged = [
        f"{encoded({'alg': 'none', 'kid': kid})}.{encoded(claims)}.",
        f"{encoded({'alg': 'HS256', 'kid': kid})}.{encoded(claims)}.AAAA",
        f"{encoded({'alg': 'RS256', 'kid': kid})}.{encoded(claims)}.AAAA",
        f"{encoded({'alg': 'ES256', 'kid': 1})}.{encoded(claims)}.AAAA",
        jwt.encode(claims, own_key, "ES256", headers={"kid": kid}),
        jwt.encode(claims, own_key, "ES256", headers={"kid": "other"}),
        auth.keys.sign({"exp": int(time.time()) + 99}),
        auth.keys.sign({**claims, "role": "authenticated"}),
        "a.b",
    ]
    for token_ in forged:
        assert refusal(lambda token_=token_: client(auth).auth.get_user(token_)) == (403, "bad_jwt")


def test_restart_keeps_everybody_signed_in(auth, ann, settings):
    """After a restart with the same keys the old access and refresh tokens are good."""
    old = ann.auth.get_session()
    with AuthServer(settings) as again:
        again.http = auth.http
        assert client(again).auth.get_user(old.access_token).user.email == "ann@x.io"
        assert client(again).auth.refresh_session(old.refresh_token).session


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
