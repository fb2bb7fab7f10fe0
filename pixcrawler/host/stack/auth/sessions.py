"""Sessions, their access tokens, and families of refresh tokens."""

from __future__ import annotations

import os
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from pixcrawler.host.stack.auth import users
from pixcrawler.host.stack.auth.keys import SigningKeys
from pixcrawler.host.stack.auth.passwords import encode
from pixcrawler.host.stack.auth.refusals import Refused, invalid
from pixcrawler.host.stack.auth.users import Connection, User

_BAD_REFRESH = "Invalid Refresh Token: "


class Sessions:
    """Opens, renews and closes sessions; tokens are signed with ``keys`` as ``issuer``."""

    def __init__(self, keys: SigningKeys, issuer: str, token_s: int, reuse_s: float) -> None:
        self._keys = keys
        self._issuer = issuer
        self._token_s = token_s
        self._reuse = timedelta(seconds=reuse_s)

    def open(self, db: Connection, user: User, method: str) -> dict[str, Any]:
        """Open a session for a user who has just proved to be it by ``method``."""
        session, now = uuid.uuid4(), datetime.now(UTC)
        db.execute(
            "insert into auth.sessions (id, user_id, created_at, updated_at, aal)"
            " values (%s, %s, %s, %s, 'aal1')",
            (session, user["id"], now, now),
        )
        note_method(db, session, method)
        return self.answer(db, user, session, _new_refresh(db, user, session))

    def strengthened(
        self, db: Connection, user: User, session: object, factor: object
    ) -> dict[str, Any]:
        """Raise a session to aal2; the user's weaker sessions end."""
        note_method(db, session, "totp")
        db.execute(
            "update auth.sessions set aal = 'aal2', factor_id = %s where id = %s",
            (factor, session),
        )
        db.execute(
            "delete from auth.sessions where user_id = %s and id <> %s and aal = 'aal1'",
            (user["id"], session),
        )
        return self.answer(db, user, session, _new_refresh(db, user, session))

    def renew(self, db: Connection, token: object) -> dict[str, Any] | Refused:
        """Exchange a refresh token for a new session answer.

        A used token may be shown again for a short while, and as long as its successor was not
        used; later use means that it was stolen: the whole family is revoked, and the refusal is
        returned, so that this lasts.

        Raises:
            Refused: the token is unknown, or its session or user must not go on.
        """
        row = db.execute(
            "select * from auth.refresh_tokens where token = %s for update", (str(token),)
        ).fetchone()
        if not isinstance(token, str) or row is None:
            raise _refused("refresh_token_not_found", "Refresh Token Not Found")
        user, session = self._owner(db, row)
        if not row["revoked"]:
            return self._renewed(db, user, session, token)
        active = db.execute(
            "select * from auth.refresh_tokens where session_id = %s and not revoked"
            " order by id desc limit 1",
            (session,),
        ).fetchone()
        if active and active["parent"] == token:
            return self.answer(db, user, session, active["token"])
        if datetime.now(UTC) <= row["updated_at"] + self._reuse:
            return self._renewed(db, user, session, token)
        db.execute(
            "update auth.refresh_tokens set revoked = true where session_id = %s", (session,)
        )
        return _refused("refresh_token_already_used", "Already Used")

    def _renewed(self, db: Connection, user: User, session: object, token: str) -> dict[str, Any]:
        now = datetime.now(UTC)
        db.execute(
            "update auth.refresh_tokens set revoked = true, updated_at = %s where token = %s",
            (now, token),
        )
        db.execute(
            "update auth.sessions set refreshed_at = %s, updated_at = %s where id = %s",
            (now.replace(tzinfo=None), now, session),
        )
        return self.answer(db, user, session, _new_refresh(db, user, session, token))

    @staticmethod
    def _owner(db: Connection, row: dict[str, Any]) -> tuple[User, object]:
        user = users.by_id(db, row["user_id"])
        session = db.execute(
            "select not_after from auth.sessions where id = %s", (row["session_id"],)
        ).fetchone()
        if user is None or session is None:
            raise _refused("session_not_found", "Session Not Found")
        if users.is_banned(user):
            raise _refused("user_banned", "User Banned")
        if session["not_after"] and session["not_after"] <= datetime.now(UTC):
            raise _refused("session_expired", "Session Expired")
        return user, row["session_id"]

    def answer(self, db: Connection, user: User, session: object, refresh: str) -> dict[str, Any]:
        """Return the session object that the client keeps, with a fresh access token."""
        methods = db.execute(
            "select authentication_method as method, extract(epoch from updated_at)::bigint as at"
            " from auth.mfa_amr_claims where session_id = %s order by updated_at desc",
            (session,),
        ).fetchall()
        user = users.update(db, user["id"], {"last_sign_in_at": datetime.now(UTC)})
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "sub": str(user["id"]),
            "aud": user["aud"],
            "exp": now + self._token_s,
            "iat": now,
            "email": user["email"] or "",
            "phone": user["phone"] or "",
            "app_metadata": user["raw_app_meta_data"] or {},
            "user_metadata": user["raw_user_meta_data"] or {},
            "role": user["role"],
            "aal": "aal2" if any(row["method"] == "totp" for row in methods) else "aal1",
            "amr": [{"method": row["method"], "timestamp": row["at"]} for row in methods],
            "session_id": str(session),
            "is_anonymous": user["is_anonymous"],
        }
        return {
            "access_token": self._keys.sign(claims),
            "token_type": "bearer",
            "expires_in": self._token_s,
            "expires_at": now + self._token_s,
            "refresh_token": refresh,
            "user": users.shown(db, user),
        }


def note_method(db: Connection, session: object, method: str) -> None:
    """Note by which method a session's user has just proved to be it."""
    now = datetime.now(UTC)
    db.execute(
        "insert into auth.mfa_amr_claims"
        " (id, session_id, authentication_method, created_at, updated_at)"
        " values (%s, %s, %s, %s, %s) on conflict (session_id, authentication_method)"
        " do update set updated_at = excluded.updated_at",
        (uuid.uuid4(), session, method, now, now),
    )


def close(db: Connection, claims: dict[str, Any], scope: str) -> None:
    """Close this session (``local``), all others (``others``) or all (``global``).

    Raises:
        Refused: another scope.
    """
    owner, session = claims["sub"], claims["session_id"]
    if scope == "local":
        db.execute("delete from auth.sessions where id = %s", (session,))
    elif scope == "others":
        db.execute("delete from auth.sessions where user_id = %s and id <> %s", (owner, session))
    elif scope == "global":
        db.execute("delete from auth.sessions where user_id = %s", (owner,))
    else:
        raise invalid("Unsupported logout scope")


def _new_refresh(db: Connection, user: User, session: object, parent: str | None = None) -> str:
    token, now = encode(os.urandom(16)), datetime.now(UTC)
    db.execute(
        "insert into auth.refresh_tokens"
        " (token, user_id, session_id, parent, revoked, created_at, updated_at)"
        " values (%s, %s, %s, %s, false, %s, %s)",
        (token, str(user["id"]), session, parent, now, now),
    )
    return token


def _refused(code: str, message: str) -> Refused:
    return Refused(400, code, _BAD_REFRESH + message)
