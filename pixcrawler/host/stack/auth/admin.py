"""What the secret key may do with users: list, read, create, change, ban, delete."""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from pixcrawler.host.stack.auth import users
from pixcrawler.host.stack.auth.passwords import encode
from pixcrawler.host.stack.auth.refusals import Refused, invalid
from pixcrawler.host.stack.auth.users import Connection, User

_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")
_UNIT_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_LONGEST_BAN_S = 200 * 365 * 86_400.0
_LARGEST_PAGE = 1000
_EMAIL_EXISTS = Refused(
    422, "email_exists", "A user with this email address has already been registered"
)


def list_users(db: Connection, query: dict[str, str]) -> tuple[dict[str, Any], int]:
    """Return one page of users, newest first, and how many there are."""
    size = min(_whole(query.get("per_page"), 50), _LARGEST_PAGE)
    page = _whole(query.get("page"), 1)
    rows = db.execute(
        "select * from auth.users order by created_at desc, id limit %s offset %s",
        (size, (page - 1) * size),
    ).fetchall()
    total = db.execute("select count(*) as n from auth.users").fetchone()
    found = {"users": [users.shown(db, row) for row in rows], "aud": "authenticated"}
    return found, total["n"] if total else 0


def create_user(db: Connection, body: dict[str, Any]) -> dict[str, Any]:
    """Create a user; without a password nobody can sign in as it yet."""
    if not body.get("email"):
        raise invalid("Cannot create a user without either an email or phone")
    new: User = {
        "email": users.email_of(body["email"]),
        "confirmed": bool(body.get("email_confirm")),
        "app_metadata": users.metadata_of(body.get("app_metadata"), "app_metadata"),
        "user_metadata": users.metadata_of(body.get("user_metadata"), "user_metadata"),
    }
    if body.get("id"):
        new["id"] = str(_uuid(body["id"]))
    if body.get("password"):
        new["encrypted_password"] = users.new_password(body["password"])
    user = users.insert(db, new, taken=_EMAIL_EXISTS)
    if body.get("ban_duration"):
        user = users.update(db, user["id"], {"banned_until": _ban(body["ban_duration"])})
    return users.shown(db, user)


def one_user(db: Connection, user_id: str) -> User:
    """Return the row of a user.

    Raises:
        Refused: there is none.
    """
    user = users.by_id(db, _uuid(user_id))
    if user is None:
        raise Refused(404, "user_not_found", "User not found")
    return user


def update_user(db: Connection, user: User, body: dict[str, Any]) -> dict[str, Any]:
    """Change what ``body`` names; metadata are merged, a null takes a key away."""
    values: dict[str, Any] = {}
    for name, column in (
        ("app_metadata", "raw_app_meta_data"),
        ("user_metadata", "raw_user_meta_data"),
    ):
        if body.get(name) is not None:
            values[column] = users.merged(user[column], users.metadata_of(body[name], name))
    if body.get("password"):
        values["encrypted_password"] = users.new_password(body["password"])
    if body.get("email"):
        values["email"] = users.email_of(body["email"])
    if body.get("email_confirm"):
        values["email_confirmed_at"] = datetime.now(UTC)
    if body.get("role"):
        values["role"] = str(body["role"])
    if body.get("ban_duration"):
        values["banned_until"] = _ban(body["ban_duration"])
    return users.shown(db, users.update(db, user["id"], values))


def delete_user(db: Connection, user: User, *, soft: bool) -> None:
    """Delete a user and everything that hangs on it, or (soft) only make it unrecognisable."""
    if not soft:
        db.execute("delete from auth.users where id = %s", (user["id"],))
        return
    digest = hashlib.sha256(f"{user['id']}{user['email'] or ''}".encode()).digest()
    forgotten = users.merged(None, {})
    users.update(
        db,
        user["id"],
        {
            "deleted_at": datetime.now(UTC),
            "email": encode(digest),
            "encrypted_password": "",
            "raw_user_meta_data": forgotten,
            "raw_app_meta_data": forgotten,
        },
    )
    for table in ("sessions", "identities", "mfa_factors"):
        db.execute(f"delete from auth.{table} where user_id = %s", (user["id"],))  # noqa: S608 - our own names


def _ban(duration: object) -> datetime | None:
    if duration == "none":
        return None
    text = str(duration)
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise invalid("invalid format for ban duration")
    seconds = min(sum(float(number) * _UNIT_S[unit] for number, unit in parts), _LONGEST_BAN_S)
    return datetime.now(UTC) + timedelta(seconds=seconds)


def _uuid(value: object) -> uuid.UUID:
    try:
        return uuid.UUID(str(value))
    except ValueError:
        raise invalid("user_id must be an UUID", 404) from None


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and re.fullmatch(r"[1-9]\d{0,8}", text) else default
