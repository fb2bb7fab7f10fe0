"""Signing keys: rarely fetched, never on a stranger's demand, kept through outages."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pixcrawler.adapters.supabase.keys import (
    FRESH_S,
    MAX_DOCUMENT_BYTES,
    MAX_STALE_S,
    MIN_REFETCH_S,
    SigningKeys,
    jwks_over_http,
    usable_keys,
)
from pixcrawler.adapters.supabase.tokens import TokenVerifier
from pixcrawler.domain.errors import KeysUnavailable, Unauthenticated
from tests.fakes.issuer import PUBLISHABLE_KEY, Issuer, Key


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verifier(issuer: Issuer, clock: Clock) -> TokenVerifier:
    return TokenVerifier(issuer.url, PUBLISHABLE_KEY, clock)


def test_one_fetch_serves_many(issuer: Issuer, verifier: TokenVerifier) -> None:
    """Keys are fetched once, however many tokens come."""
    for _ in range(50):
        verifier.verify(issuer.token())
    assert issuer.fetches == 1


def test_forged_key_names_do_not_amplify(
    issuer: Issuer, verifier: TokenVerifier, clock: Clock
) -> None:
    """Two hundred unknown key names cause at most one fetch in the time set for it."""
    verifier.verify(issuer.token())
    stranger = Key()
    clock.now += MIN_REFETCH_S
    for number in range(200):
        with pytest.raises(Unauthenticated):
            verifier.verify(stranger.sign(issuer.claims(), kid=str(number)))
    assert issuer.fetches == 2


def test_an_outage_does_not_amplify(issuer: Issuer, verifier: TokenVerifier) -> None:
    """While there are no keys at all, calls are refused without asking each time."""
    issuer.status = 503
    for _ in range(50):
        with pytest.raises(KeysUnavailable):
            verifier.verify(issuer.token())
    assert issuer.fetches == 1


def test_a_new_key_is_found(issuer: Issuer, verifier: TokenVerifier, clock: Clock) -> None:
    """After a rotation, the first token of the new key fetches; the old key still serves."""
    old = issuer.token()
    verifier.verify(old)
    issuer.keys.insert(0, Key())
    clock.now += MIN_REFETCH_S
    assert verifier.verify(issuer.token())
    assert verifier.verify(old)
    assert issuer.fetches == 2


def test_a_revoked_key_is_distrusted(issuer: Issuer, verifier: TokenVerifier, clock: Clock) -> None:
    """A key that is no longer published stops serving within ten minutes."""
    old = issuer.token()
    verifier.verify(old)
    issuer.keys = [Key()]
    clock.now += FRESH_S - 1
    assert verifier.verify(old)
    clock.now += 1
    with pytest.raises(Unauthenticated):
        verifier.verify(old)


def test_known_keys_serve_through_an_outage(
    issuer: Issuer, verifier: TokenVerifier, clock: Clock
) -> None:
    """For an hour without the endpoint, known keys serve; then it is our fault, not the user's."""
    token = issuer.token()
    verifier.verify(token)
    issuer.status = 503
    clock.now += FRESH_S
    assert verifier.verify(token)
    clock.now += MAX_STALE_S - FRESH_S
    with pytest.raises(KeysUnavailable):
        verifier.verify(token)
    issuer.status = 200
    clock.now += MIN_REFETCH_S
    assert verifier.verify(token)


def test_nobody_waits_for_a_fetch_who_has_a_key(
    issuer: Issuer, verifier: TokenVerifier, clock: Clock
) -> None:
    """While one caller waits for slow keys, others with a stale key are served at once."""
    token = issuer.token()
    verifier.verify(token)
    clock.now += FRESH_S
    issuer.gate.clear()
    issuer.asked.clear()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(verifier.verify, token)
        assert issuer.asked.wait(10)
        for _ in range(5):
            assert verifier.verify(token)
        assert not slow.done()
        issuer.gate.set()
        assert slow.result(10)
    assert issuer.fetches == 2


def test_first_callers_share_one_fetch(issuer: Issuer, verifier: TokenVerifier) -> None:
    """Callers that arrive before there are keys wait for one fetch together."""
    token = issuer.token()
    barrier = threading.Barrier(8)

    def call() -> object:
        barrier.wait(10)
        return verifier.verify(token)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: call(), range(8)))
    assert issuer.fetches == 1


def test_a_check_does_not_fetch_each_time(issuer: Issuer, verifier: TokenVerifier) -> None:
    """Health probes cost no fetch while the keys are fresh."""
    for _ in range(10):
        verifier.check()
    assert issuer.fetches == 1


@pytest.mark.parametrize(
    "document",
    [b"", b"<html>", b"[" * 100_000, b"[]", b"{}", b'{"keys": 3}', b"\xff", b'{"keys": []}'],
)
def test_strange_documents(issuer: Issuer, verifier: TokenVerifier, document: bytes) -> None:
    """An answer that holds no keys leaves us without keys, and nothing worse."""
    issuer.document = document or b" "
    with pytest.raises(KeysUnavailable):
        verifier.verify(issuer.token())


def test_a_huge_document_is_not_read(issuer: Issuer) -> None:
    """Reading stops at the cap."""
    issuer.document = b" " * (MAX_DOCUMENT_BYTES + 1)
    fetch = jwks_over_http(f"{issuer.url}/auth/v1/.well-known/jwks.json", PUBLISHABLE_KEY)
    with pytest.raises(ValueError, match="too large"):
        fetch()


def test_nobody_listens(clock: Clock) -> None:
    """A refused connection is an outage."""
    with pytest.raises(KeysUnavailable):
        TokenVerifier("http://127.0.0.1:1", "k", clock).verify(Key().sign({}))


def test_keys_that_are_not_for_tokens() -> None:
    """Only public ES256 and RS256 signing keys with a name are used; bad ones are left out."""
    good = Key().jwk()
    odd = [
        {**good, "kid": 7},
        {**good, "kid": ""},
        {**good, "use": "enc"},
        {**good, "alg": "ES512"},
        {**good, "alg": "HS256", "kty": "oct", "k": "c2VjcmV0"},
        {**good, "alg": "RS256"},
        {**good, "x": "AAAA"},
        {**good, "crv": "P-384"},
        {**good, "d": "AAAA"},
        {name: value for name, value in good.items() if name != "alg"},
        "key",
        None,
    ]
    assert list(usable_keys({"keys": [*odd, good]})) == [good["kid"]]


def test_a_fetch_that_breaks_is_not_the_last(clock: Clock) -> None:
    """A bug in fetching reaches its caller once and leaves the keys fetchable."""
    answers: list[object] = [RuntimeError("broken"), {"keys": [Key().jwk()]}]

    def fetch() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    keys = SigningKeys(fetch, clock)
    with pytest.raises(RuntimeError):
        keys.check()
    clock.now += MIN_REFETCH_S
    keys.check()
