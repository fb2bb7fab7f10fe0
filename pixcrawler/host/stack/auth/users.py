"""Rows of auth.users and what the client sees of them."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import Any, TypeAlias

import psycopg
from psycopg import errors, sql
from psycopg.rows import DictRow
from psycopg.types.json import Json

from pixcrawler.host.stack.auth import passwords
from pixcrawler.host.stack.auth.refusals import Refused, invalid

Connection: TypeAlias = psycopg.Connection[DictRow]
User: TypeAlias = dict[str, Any]

_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_LONGEST_ADDRESS = 255
_NO_INSTANCE = "00000000-0000-0000-0000-000000000000"
_SHOWN_WHEN_SET = (
    *("email_confirmed_at", "confirmed_at", "last_sign_in_at"),
    *("banned_until", "deleted_at", "invited_at"),
)
_FACTOR = ("id", "friendly_name", "factor_type", "status", "created_at", "updated_at")
_IDENTITY_TIMES = ("last_sign_in_at", "created_at", "updated_at")


def email_of(value: object) -> str:
    """Return an e-mail address in the form in which it is stored.

    Raises:
        Refused: it is none.
    """
    text = value.strip().lower() if isinstance(value, str) else ""
    if not _ADDRESS.fullmatch(text) or len(text) > _LONGEST_ADDRESS:
        raise invalid("Unable to validate email address: invalid format")
    return text


def metadata_of(value: object, name: str) -> dict[str, Any]:
    """Return a metadata object; nothing counts as empty.

    Raises:
        Refused: it is not an object.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{name} should be an object")
    return value


def by_id(db: Connection, user_id: object) -> User | None:
    """Return the user with an id, or None."""
    return db.execute("select * from auth.users where id = %s", (user_id,)).fetchone()


def by_email(db: Connection, email: str) -> User | None:
    """Return the living user with an address, or None."""
    return db.execute(
        "select * from auth.users where email = %s and deleted_at is null", (email,)
    ).fetchone()


def is_banned(user: User) -> bool:
    """Say whether a user is banned now."""
    until = user["banned_until"]
    return until is not None and until > datetime.now(UTC)


def insert(db: Connection, new: User, *, taken: Refused) -> User:
    """Store a new user with its e-mail identity; return its row.

    Args:
        db: within a transaction.
        new: ``email``; optionally ``id``, ``encrypted_password``, ``confirmed``, ``app_metadata``,
            ``user_metadata``.
        taken: raised when the address or the id is in use.
    """
    user_id, now = new.get("id") or str(uuid.uuid4()), datetime.now(UTC)
    app = {"provider": "email", "providers": ["email"], **new.get("app_metadata", {})}
    values = {
        "instance_id": _NO_INSTANCE,
        "id": user_id,
        "email": new["email"],
        "aud": "authenticated",
        "role": "authenticated",
        "is_anonymous": False,
        "encrypted_password": new.get("encrypted_password", ""),
        "email_confirmed_at": now if new.get("confirmed") else None,
        "raw_app_meta_data": Json(app),
        "raw_user_meta_data": Json(new.get("user_metadata", {})),
        "created_at": now,
        "updated_at": now,
    }
    try:
        user = _insert(db, "users", values)
    except errors.UniqueViolation as error:
        raise taken from error
    identity = {"sub": user_id, "email": new["email"]}
    identity |= {"email_verified": False, "phone_verified": False}
    times = dict.fromkeys(_IDENTITY_TIMES, now)
    _insert(
        db,
        "identities",
        {
            "provider_id": user_id,
            "user_id": user_id,
            "provider": "email",
            "identity_data": Json(identity),
            **times,
        },
    )
    return user


def update(db: Connection, user_id: object, values: dict[str, Any]) -> User:
    """Change columns of a user; return the new row.

    Raises:
        Refused: the new address is in use.
    """
    changes = {**values, "updated_at": datetime.now(UTC)}
    pairs = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder()) for name in changes
    )
    statement = sql.SQL("update auth.users set {} where id = %s returning *").format(pairs)
    try:
        user = db.execute(statement, [*changes.values(), user_id]).fetchone()
    except errors.UniqueViolation as error:
        message = "A user with this email address has already been registered"
        raise Refused(422, "email_exists", message) from error
    if user is None:
        raise Refused(404, "user_not_found", "User not found")
    return user


def merged(stored: dict[str, Any] | None, changes: dict[str, Any]) -> Json:
    """Return metadata with changes; a null takes a key away."""
    both = {**(stored or {}), **changes}
    return Json({key: value for key, value in both.items() if value is not None})


def shown(db: Connection, user: User) -> dict[str, Any]:
    """Return a user as the client sees it, identities and factors included."""
    identities = db.execute(
        "select * from auth.identities where user_id = %s", (user["id"],)
    ).fetchall()
    factors = db.execute(
        "select * from auth.mfa_factors where user_id = %s order by created_at", (user["id"],)
    ).fetchall()
    answer = {
        "id": str(user["id"]),
        "aud": user["aud"] or "",
        "role": user["role"] or "",
        "email": user["email"] or "",
        "phone": user["phone"] or "",
        "app_metadata": user["raw_app_meta_data"] or {},
        "user_metadata": user["raw_user_meta_data"] or {},
        "is_anonymous": user["is_anonymous"],
        "created_at": _time(user["created_at"]),
        "updated_at": _time(user["updated_at"]),
        "identities": [_identity(row) for row in identities],
    }
    answer |= {name: _time(user[name]) for name in _SHOWN_WHEN_SET if user[name]}
    if factors:
        answer["factors"] = [{name: _plain(row[name]) for name in _FACTOR} for row in factors]
    return answer


def new_password(password: object) -> str:
    """Return what to store of a new password; refuses weak ones."""
    return passwords.hashed(passwords.acceptable(password))


def _identity(row: DictRow) -> dict[str, Any]:
    return {
        "identity_id": str(row["id"]),
        "id": row["provider_id"],
        **{name: row[name] for name in ("identity_data", "provider", "email")},
        "user_id": str(row["user_id"]),
        **{name: _time(row[name]) for name in _IDENTITY_TIMES},
    }


def _insert(db: Connection, table: str, values: dict[str, Any]) -> DictRow:
    statement = sql.SQL("insert into auth.{} ({}) values ({}) returning *").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(sql.Placeholder() * len(values)),
    )
    row = db.execute(statement, list(values.values())).fetchone()
    assert row is not None  # noqa: S101 - "returning" gives one
    return row


def _plain(value: object) -> object:
    return _time(value) if isinstance(value, datetime) else str(value)


def _time(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value else None
