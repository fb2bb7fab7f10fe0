"""Access tokens: which are accepted, which are refused, and for which reason."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pixcrawler.adapters.supabase.tokens import TOKEN_MAX_CHARS, TokenVerifier
from pixcrawler.domain.errors import KeysUnavailable, Unauthenticated
from tests.fakes.issuer import PUBLISHABLE_KEY, Issuer, Key


@pytest.fixture
def verifier(issuer: Issuer) -> TokenVerifier:
    return TokenVerifier(issuer.url + "/", PUBLISHABLE_KEY)


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def reason(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(Unauthenticated) as refused:
        verifier.verify(token)
    return refused.value.details["reason"]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_good_token_names_its_user(issuer: Issuer, algorithm: str) -> None:
    """Signed with either asymmetric algorithm, a token gives user, session, mail and level."""
    issuer.keys = [Key(algorithm)]
    claims = issuer.claims(aal="aal2")
    verifier = TokenVerifier(issuer.url, PUBLISHABLE_KEY)
    principal = verifier.verify(issuer.keys[0].sign(claims))
    assert (principal.user_id, principal.session_id) == (claims["sub"], claims["session_id"])
    assert (principal.email, principal.aal) == ("ann@example.org", "aal2")
    assert principal.expires_at.timestamp() == claims["exp"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"iss": "https://evil.example/auth/v1"}, "invalid_issuer_error"),
        ({"aud": "other"}, "invalid_audience_error"),
        ({"exp": 1}, "expired"),
        ({"nbf": int(time.time()) + 999}, "immature_signature_error"),
        ({"iat": int(time.time()) + 999}, "immature_signature_error"),
        ({"role": "service_role"}, "bad_role"),
        ({"role": "anon"}, "bad_role"),
        ({"is_anonymous": True}, "anonymous"),
        ({"sub": "x"}, "bad_subject"),
        ({"session_id": "1"}, "bad_subject"),
        ({"session_id": 1}, "bad_subject"),
        ({"exp": None}, "missing_required_claim_error"),
        ({"sub": None}, "missing_required_claim_error"),
        ({"aud": None}, "missing_required_claim_error"),
        ({"iss": None}, "missing_required_claim_error"),
        ({"session_id": None}, "missing_required_claim_error"),
        ({"role": None}, "missing_required_claim_error"),
    ],
)
def test_claims_that_refuse(
    issuer: Issuer, verifier: TokenVerifier, changes: dict[str, Any], expected: str
) -> None:
    """Every claim that the platform promises is checked, with a valid signature or not."""
    assert reason(verifier, issuer.token(**changes)) == expected


def test_a_legacy_api_key_is_no_user(issuer: Issuer, verifier: TokenVerifier) -> None:
    """The old anon and service_role keys are tokens of the project, but of nobody."""
    legacy = {"iss": "supabase", "ref": "abc", "role": "service_role", "exp": 2**33, "iat": 1}
    assert reason(verifier, issuer.keys[0].sign(legacy)) == "missing_required_claim_error"


def test_clocks_may_differ_a_little(issuer: Issuer, verifier: TokenVerifier) -> None:
    """A token that expired five seconds ago still passes; one a minute ago does not."""
    now = int(time.time())
    assert verifier.verify(issuer.token(exp=now - 5))
    assert reason(verifier, issuer.token(exp=now - 60)) == "expired"


def test_user_editable_claims_are_no_authority(issuer: Issuer, verifier: TokenVerifier) -> None:
    """What a user may write into a token has no place in the principal."""
    token = issuer.token(user_metadata={"role": "admin"}, app_metadata={"role": "admin"}, email=7)
    principal = verifier.verify(token)
    assert "admin" not in principal.model_dump_json()
    assert principal.email == ""


def forged(issuer: Issuer) -> dict[str, str]:
    """Tokens that a stranger can make, by the name of the trick."""
    key, claims = issuer.keys[0], part(issuer.claims())
    public = key.private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    confused = f"{part({'alg': 'HS256', 'kid': key.kid})}.{claims}"
    mac = hmac.new(pem, confused.encode(), hashlib.sha256).digest()
    confused += "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
    good = key.sign(issuer.claims())
    head, _, signature = good.split(".")
    return {
        "public key as secret": confused,
        "none": f"{part({'alg': 'none', 'kid': key.kid})}.{claims}.",
        "None": f"{part({'alg': 'None', 'kid': key.kid})}.{claims}.",
        "list as algorithm": f"{part({'alg': ['ES256'], 'kid': key.kid})}.{claims}.AAAA",
        "other algorithm": f"{part({'alg': 'RS256', 'kid': key.kid})}.{claims}.AAAA",
        "no kid": f"{part({'alg': 'ES256'})}.{claims}.AAAA",
        "kid as number": f"{part({'alg': 'ES256', 'kid': 1})}.{claims}.AAAA",
        "kid too long": f"{part({'alg': 'ES256', 'kid': 'x' * 200})}.{claims}.AAAA",
        "own key inside": f"{part({'alg': 'ES256', 'kid': key.kid, 'jwk': {}})}.{claims}.AAAA",
        "short signature": f"{part({'alg': 'ES256', 'kid': key.kid})}.{claims}.AAAA",
        "critical header": f"{part({'alg': 'ES256', 'kid': key.kid, 'crit': ['x']})}.{claims}.AA",
        "other claims": f"{head}.{part(issuer.claims(sub='x'))}.{signature}",
        "claims are a list": f"{head}.{part([1])}.{signature}",
        "header is a list": f"{part([1])}.{claims}.A",
        "two parts": "a.b",
        "nothing": "",
        "too long": "a" * (TOKEN_MAX_CHARS + 1),
        "not ascii": "\u00e9.\u00e9.\u00e9",
        "zero bytes": "\x00.\x00.\x00",
        "lone surrogate": "\ud800.a.b",
        "deep header": base64.urlsafe_b64encode(b"[" * 6000).decode().rstrip("=") + ".a.b",
    }


TRICKS = [
    *("public key as secret", "none", "None", "list as algorithm", "other algorithm", "no kid"),
    *("kid as number", "kid too long", "own key inside", "short signature", "critical header"),
    *("other claims", "claims are a list", "header is a list", "two parts", "nothing"),
    *("too long", "not ascii", "zero bytes", "lone surrogate", "deep header"),
]


@pytest.mark.parametrize("trick", TRICKS)
def test_forged_tokens(issuer: Issuer, verifier: TokenVerifier, trick: str) -> None:
    """No trick with header, signature or form gets through, or breaks the verifier."""
    assert reason(verifier, forged(issuer)[trick])


def test_a_stranger_with_our_key_name(issuer: Issuer, verifier: TokenVerifier) -> None:
    """The right key name with another key is refused."""
    stranger = Key()
    token = stranger.sign(issuer.claims(), kid=issuer.keys[0].kid)
    assert reason(verifier, token) == "invalid_signature_error"


def test_keys_away_is_not_the_callers_fault(issuer: Issuer, verifier: TokenVerifier) -> None:
    """Without any keys, nobody is told that their token is bad."""
    issuer.status = 500
    with pytest.raises(KeysUnavailable):
        verifier.verify(issuer.token())
    with pytest.raises(KeysUnavailable):
        verifier.check()


def test_nothing_of_the_token_is_told(issuer: Issuer, verifier: TokenVerifier) -> None:
    """A refusal repeats nothing of what was presented."""
    token = issuer.token(aud="secret-audience")
    with pytest.raises(Unauthenticated) as refused:
        verifier.verify(token)
    assert "secret-audience" not in f"{refused.value} {refused.value.details}"
