"""Second factors (TOTP): enrol, challenge, verify, remove."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import quote

from pixcrawler.host.stack.auth import passwords
from pixcrawler.host.stack.auth.refusals import Refused, invalid
from pixcrawler.host.stack.auth.sessions import Sessions
from pixcrawler.host.stack.auth.users import Connection, User

_CHALLENGE = timedelta(minutes=5)
_MOST_FACTORS = 10


def enrol(db: Connection, claims: dict[str, Any], user: User, body: dict[str, Any]) -> Any:
    """Begin a new factor; it counts once a code was verified.

    Raises:
        Refused: not TOTP, too many, or a verified factor was not used to sign in.
    """
    if body.get("factor_type") != "totp":
        raise invalid("factor_type needs to be totp")
    known = db.execute("select status from auth.mfa_factors where user_id = %s", (user["id"],))
    statuses = [row["status"] for row in known.fetchall()]
    if len(statuses) >= _MOST_FACTORS:
        raise Refused(422, "too_many_enrolled_mfa_factors", "Maximum number of factors reached")
    if "verified" in statuses and claims.get("aal") != "aal2":
        raise Refused(403, "insufficient_aal", "AAL2 required to enroll a new factor")
    factor, secret, now = str(uuid.uuid4()), passwords.new_totp_secret(), datetime.now(UTC)
    name = str(body.get("friendly_name") or "")[:100]
    db.execute(
        "insert into auth.mfa_factors"
        " (id, user_id, friendly_name, factor_type, status, created_at, updated_at, secret)"
        " values (%s, %s, %s, 'totp', 'unverified', %s, %s, %s)",
        (factor, user["id"], name, now, now, secret),
    )
    uri = f"otpauth://totp/{quote('PixCrawler:' + str(user['email']))}?secret={secret}"
    totp = {"qr_code": _picture(secret), "secret": secret, "uri": uri}
    return {"id": factor, "type": "totp", "friendly_name": name, "totp": totp}


def challenge(db: Connection, user: User, factor_id: str) -> Any:
    """Begin to verify a factor."""
    factor, now = _own(db, user, factor_id), datetime.now(UTC)
    found = str(uuid.uuid4())
    db.execute(
        "insert into auth.mfa_challenges (id, factor_id, created_at, ip_address)"
        " values (%s, %s, %s, '127.0.0.1')",
        (found, factor["id"], now),
    )
    expires_at = int(time.time() + _CHALLENGE.total_seconds())
    return {"id": found, "type": "totp", "expires_at": expires_at}


def verify(
    db: Connection, sessions: Sessions, claims: dict[str, Any], user: User, body: dict[str, Any]
) -> Any:
    """Verify a code: the factor counts from now on, and the session becomes aal2.

    Raises:
        Refused: the challenge is unknown, used or old, or the code is wrong.
    """
    factor = _own(db, user, str(body.get("factor_id")))
    now = datetime.now(UTC)
    used = db.execute(
        "update auth.mfa_challenges set verified_at = %s where id::text = %s and factor_id = %s"
        " and verified_at is null and created_at > %s returning id",
        (now, str(body.get("challenge_id")), factor["id"], now - _CHALLENGE),
    ).fetchone()
    if used is None:
        raise Refused(422, "mfa_challenge_expired", "MFA challenge has expired, verify again")
    if not passwords.totp_matches(factor["secret"], body.get("code")):
        raise Refused(422, "mfa_verification_failed", "Invalid TOTP code entered")
    db.execute(
        "update auth.mfa_factors set status = 'verified', updated_at = %s where id = %s",
        (now, factor["id"]),
    )
    db.execute(
        "delete from auth.mfa_factors where user_id = %s and status = 'unverified'", (user["id"],)
    )
    return sessions.strengthened(db, user, claims["session_id"], factor["id"])


def remove(db: Connection, claims: dict[str, Any], user: User, factor_id: str) -> Any:
    """Remove a factor; sessions that it raised fall back to aal1.

    Raises:
        Refused: a verified factor was not used to sign in.
    """
    factor = _own(db, user, factor_id)
    if factor["status"] == "verified" and claims.get("aal") != "aal2":
        raise Refused(422, "insufficient_aal", "AAL2 required to unenroll verified factor")
    db.execute(
        "delete from auth.mfa_amr_claims where authentication_method = 'totp' and session_id in"
        " (select id from auth.sessions where factor_id = %s)",
        (factor["id"],),
    )
    db.execute(
        "update auth.sessions set aal = 'aal1', factor_id = null where factor_id = %s",
        (factor["id"],),
    )
    db.execute("delete from auth.mfa_factors where id = %s", (factor["id"],))
    return {"id": str(factor["id"])}


def _own(db: Connection, user: User, factor_id: str) -> dict[str, Any]:
    found = db.execute(
        "select * from auth.mfa_factors where id::text = %s and user_id = %s",
        (factor_id, user["id"]),
    ).fetchone()
    if found is None:
        raise Refused(404, "mfa_factor_not_found", "Factor not found")
    return found


def _picture(secret: str) -> str:
    """Return the secret as an SVG text: nobody scans a code from their own machine."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="420" height="40">'
        f'<text x="8" y="26" font-family="monospace">{escape(secret)}</text></svg>'
    )
