import stat
import time

import jwt
import pytest

from pixcrawler.host.stack.auth.keys import SigningKeys
from pixcrawler.host.stack.auth.refusals import Refused
from pixcrawler.host.stack.errors import CannotStart


@pytest.fixture
def path(tmp_path):
    """Where the keys are kept."""
    return tmp_path / "keys.json"


def claims():
    """Return claims that are good for a while."""
    return {"sub": "x", "exp": int(time.time()) + 60}


def test_keys_survive_a_restart(path):
    """A token signed before a restart is good after it; only the owner may read the file."""
    token = SigningKeys(path).sign(claims())
    assert SigningKeys(path).verify(token)["sub"] == "x"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_rotation(path):
    """After a rotation new tokens have a new key, old ones stay good until it is revoked."""
    keys = SigningKeys(path)
    old = keys.sign(claims())
    keys.rotate()
    new = keys.sign(claims())
    assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]
    assert len(SigningKeys(path).jwks()["keys"]) == 2
    assert keys.verify(old)
    keys.revoke_old()
    assert keys.verify(new)
    with pytest.raises(Refused, match="unrecognized JWT kid"):
        keys.verify(old)


def test_published_keys_verify(path):
    """What is published is the public half only, and verifies tokens."""
    keys = SigningKeys(path)
    (key,) = keys.jwks()["keys"]
    assert set(key) == {"alg", "crv", "ext", "key_ops", "kid", "kty", "use", "x", "y"}
    assert jwt.decode(keys.sign(claims()), jwt.PyJWK(key), algorithms=["ES256"])["sub"] == "x"


@pytest.mark.parametrize("token", ["", "junk", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_hostile_tokens(path, token):
    """What is no token of ours is refused as such."""
    with pytest.raises(Refused) as refused:
        SigningKeys(path).verify(token)
    assert (refused.value.status, refused.value.code) == (403, "bad_jwt")


def test_expired(path):
    """An expired token is refused."""
    keys = SigningKeys(path)
    with pytest.raises(Refused, match="expired"):
        keys.verify(keys.sign({"exp": int(time.time()) - 1}))


@pytest.mark.parametrize("text", ['{"kid": "junk"}', "[]"])
def test_damaged_file(path, text):
    """A damaged file is named instead of logging everybody out."""
    path.write_text(text)
    with pytest.raises(CannotStart, match=r"keys\.json"):
        SigningKeys(path)
