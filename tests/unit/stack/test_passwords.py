import pytest

from pixcrawler.host.stack.auth import passwords
from pixcrawler.host.stack.auth.refusals import Refused


def test_only_the_password_matches():
    """A stored password matches itself and nothing else, and each storing differs."""
    stored = passwords.hashed("correct horse")
    assert passwords.matches("correct horse", stored)
    assert not passwords.matches("correct horsf", stored)
    assert stored != passwords.hashed("correct horse")


@pytest.mark.parametrize("stored", [None, "", "junk", "$scrypt$!!$x", "$scrypt$AAAA"])
def test_nothing_matches_nothing(stored):
    """A user without a usable stored password cannot sign in with any."""
    assert not passwords.matches("", stored)
    assert not passwords.matches("x", stored)


@pytest.mark.parametrize(
    ("password", "code"),
    [("12345", "weak_password"), ("x" * 73, "validation_failed"), (5, "validation_failed")],
)
def test_unacceptable(password, code):
    """Too short, too long and no text are refused with Supabase's codes."""
    with pytest.raises(Refused) as refused:
        passwords.acceptable(password)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("at", "code"), [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")]
)
def test_totp_of_the_standard(at, code):
    """Codes are those of RFC 6238, appendix B (its last six digits)."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert passwords.totp(secret, at) == code
