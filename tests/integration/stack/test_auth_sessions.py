import base64
import json
import threading
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from supabase_auth.errors import AuthInvalidJwtError

from pixcrawler.host.stack.auth import AuthServer
from pixcrawler.host.stack.auth.passwords import totp
from tests.integration.stack.signin import ANN, client, refusal, token

pytestmark = pytest.mark.integration


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
