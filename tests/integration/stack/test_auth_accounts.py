import uuid

import pytest
import requests
from supabase_auth.errors import AuthWeakPasswordError

from pixcrawler.host.stack.bootstrap import DATABASE
from tests.integration.stack.signin import ANN, PUBLISHABLE, SECRET, client, refusal, token

pytestmark = pytest.mark.integration


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
