"""How the issuer is set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class AuthSettings:
    """What one issuer needs.

    Attributes:
        dsn: the database, as the role supabase_auth_admin.
        keys_file: where the signing keys are kept (mode 0600); made when missing.
        publishable_key: the API key that may be known to everybody.
        secret_key: the API key with which a caller may administer users.
        port: of 127.0.0.1; 0 takes a free one, and the issuer's name then changes each time.
        token_s: how long an access token is good.
        reuse_s: how long a used refresh token may be shown again, for lost answers.
    """

    dsn: str = field(repr=False)
    keys_file: Path
    publishable_key: str
    secret_key: str = field(repr=False)
    port: int = 0
    token_s: int = 3600
    reuse_s: float = 10.0
