"""Every address of the issuer: who may call it, and what it answers."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pixcrawler.host.stack.auth import admin, factors, passwords, sessions, users
from pixcrawler.host.stack.auth.keys import SigningKeys
from pixcrawler.host.stack.auth.refusals import KeyRefused, Refused, invalid
from pixcrawler.host.stack.auth.sessions import Sessions
from pixcrawler.host.stack.auth.settings import AuthSettings
from pixcrawler.host.stack.auth.users import Connection, User

VERSION = "embedded"
_BEARER = re.compile(r"(?i)bearer (\S+)")


@dataclass(frozen=True)
class Call:
    """One request: its path below /auth/v1, its query, its headers and its JSON object."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """A status, a JSON body (None: no body) and further headers."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


Handler: TypeAlias = Callable[[Connection, Call], Any]


class Routes:
    """The interface, without HTTP: a call goes in, an answer comes out."""

    def __init__(self, settings: AuthSettings, keys: SigningKeys, issuer: str) -> None:
        self._settings = settings
        self._keys = keys
        self._issuer = issuer
        self._sessions = Sessions(keys, issuer, settings.token_s, settings.reuse_s)
        self._table: list[tuple[str, re.Pattern[str], Handler]] = [
            ("GET", re.compile("/health"), self._health),
            ("GET", re.compile("/settings"), self._public_settings),
            ("POST", re.compile("/signup"), self._sign_up),
            ("POST", re.compile("/token"), self._token),
            ("POST", re.compile("/logout"), self._sign_out),
            ("GET", re.compile("/user"), self._user),
            ("PUT", re.compile("/user"), self._change_user),
            ("POST", re.compile("/factors"), self._enrol),
            ("POST", re.compile("/factors/[^/]+/challenge"), self._challenge),
            ("POST", re.compile("/factors/[^/]+/verify"), self._verify),
            ("DELETE", re.compile("/factors/[^/]+"), self._remove_factor),
            ("GET", re.compile("/admin/users"), self._list_users),
            ("POST", re.compile("/admin/users"), self._create_user),
            ("GET", re.compile("/admin/users/[^/]+"), self._read_user),
            ("PUT", re.compile("/admin/users/[^/]+"), self._update_user),
            ("DELETE", re.compile("/admin/users/[^/]+"), self._delete_user),
        ]

    def published(self, call: Call) -> Answer | None:
        """Answer what needs neither key nor database; None for everything else."""
        if (call.method, call.path) == ("GET", "/.well-known/jwks.json"):
            return Answer(body=self._keys.jwks(), headers={"Cache-Control": "public, max-age=600"})
        if (call.method, call.path) == ("GET", "/.well-known/openid-configuration"):
            return Answer(body=_openid(self._issuer))
        return None

    def answer(self, db: Connection, call: Call) -> Any:
        """Return the answer of a call: a body, an `Answer`, or a `Refused` that keeps changes.

        Raises:
            KeyRefused: the API key is missing or unknown.
            Refused: the caller may not, or what it sent is wrong.
        """
        self._gateway(call)
        for method, pattern, handler in self._table:
            if method == call.method and pattern.fullmatch(call.path):
                return handler(db, call)
        raise Refused(404, "not_found", "The embedded sign-in does not have this")

    def _gateway(self, call: Call) -> None:
        key = call.headers.get("apikey")
        if not key:
            hint = "No `apikey` request header or url param was found."
            raise KeyRefused("No API key found in request", hint)
        known = (self._settings.publishable_key, self._settings.secret_key)
        if not any(hmac.compare_digest(key.encode(), each.encode()) for each in known):
            hint = "Double check your Supabase `anon` or `service_role` API key."
            raise KeyRefused("Invalid API key", hint)

    def _health(self, _: Connection, __: Call) -> Any:
        about = "GoTrue is a user registration and authentication API"
        return {"version": VERSION, "name": "GoTrue", "description": about}

    def _public_settings(self, _: Connection, __: Call) -> Any:
        return {
            "external": {"email": True, "phone": False, "anonymous_users": False},
            "disable_signup": False,
            "mailer_autoconfirm": True,
            "phone_autoconfirm": False,
            "sms_provider": "",
            "saml_enabled": False,
        }

    def _sign_up(self, db: Connection, call: Call) -> Any:
        if not call.body.get("email") and not call.body.get("phone"):
            message = "Anonymous sign-ins are disabled"
            raise Refused(422, "anonymous_provider_disabled", message)
        new = {
            "email": users.email_of(call.body.get("email")),
            "encrypted_password": users.new_password(call.body.get("password") or ""),
            "user_metadata": users.metadata_of(call.body.get("data"), "data"),
            "confirmed": True,
        }
        taken = Refused(422, "user_already_exists", "User already registered")
        return self._sessions.open(db, users.insert(db, new, taken=taken), "password")

    def _token(self, db: Connection, call: Call) -> Any:
        grant = call.query.get("grant_type")
        if grant == "refresh_token":
            return self._sessions.renew(db, call.body.get("refresh_token"))
        if grant != "password":
            raise Refused(400, "invalid_credentials", "unsupported_grant_type")
        email, password = call.body.get("email"), call.body.get("password")
        user = users.by_email(db, email.strip().lower()) if isinstance(email, str) else None
        # Hashed even for unknown users, so that the time does not tell who exists.
        right = passwords.matches(str(password), user["encrypted_password"] if user else None)
        if user is None or not right:
            raise Refused(400, "invalid_credentials", "Invalid login credentials")
        if users.is_banned(user):
            raise Refused(400, "user_banned", "User is banned")
        if user["email_confirmed_at"] is None:
            raise Refused(400, "email_not_confirmed", "Email not confirmed")
        return self._sessions.open(db, user, "password")

    def _sign_out(self, db: Connection, call: Call) -> Any:
        claims, _ = self._caller(db, call)
        sessions.close(db, claims, call.query.get("scope", "global"))
        return Answer(204)

    def _user(self, db: Connection, call: Call) -> Any:
        return users.shown(db, self._caller(db, call)[1])

    def _change_user(self, db: Connection, call: Call) -> Any:
        claims, user = self._caller(db, call)
        values: dict[str, Any] = {}
        if "app_metadata" in call.body:
            message = "Updating app_metadata requires admin privileges"
            raise Refused(403, "not_admin", message)
        if call.body.get("password"):
            _require_aal2_where_possible(db, claims, user)
            values["encrypted_password"] = users.new_password(call.body["password"])
        if call.body.get("email"):
            values["email"] = users.email_of(call.body["email"])
        if call.body.get("data") is not None:
            changes = users.metadata_of(call.body["data"], "data")
            values["raw_user_meta_data"] = users.merged(user["raw_user_meta_data"], changes)
        return users.shown(db, users.update(db, user["id"], values))

    def _enrol(self, db: Connection, call: Call) -> Any:
        return factors.enrol(db, *self._caller(db, call), call.body)

    def _challenge(self, db: Connection, call: Call) -> Any:
        return factors.challenge(db, self._caller(db, call)[1], call.path.split("/")[2])

    def _verify(self, db: Connection, call: Call) -> Any:
        body = {**call.body, "factor_id": call.path.split("/")[2]}
        return factors.verify(db, self._sessions, *self._caller(db, call), body)

    def _remove_factor(self, db: Connection, call: Call) -> Any:
        return factors.remove(db, *self._caller(db, call), call.path.split("/")[2])

    def _list_users(self, db: Connection, call: Call) -> Any:
        self._require_admin(call)
        found, total = admin.list_users(db, call.query)
        return Answer(body=found, headers={"X-Total-Count": str(total)})

    def _create_user(self, db: Connection, call: Call) -> Any:
        self._require_admin(call)
        return admin.create_user(db, call.body)

    def _read_user(self, db: Connection, call: Call) -> Any:
        self._require_admin(call)
        return users.shown(db, admin.one_user(db, call.path.split("/")[3]))

    def _update_user(self, db: Connection, call: Call) -> Any:
        self._require_admin(call)
        return admin.update_user(db, admin.one_user(db, call.path.split("/")[3]), call.body)

    def _delete_user(self, db: Connection, call: Call) -> Any:
        self._require_admin(call)
        user = admin.one_user(db, call.path.split("/")[3])
        admin.delete_user(db, user, soft=call.body.get("should_soft_delete") is True)
        return {}

    def _caller(self, db: Connection, call: Call) -> tuple[dict[str, Any], User]:
        claims = self._keys.verify(_bearer(call))
        if not claims.get("sub") or not claims.get("session_id"):
            raise Refused(403, "bad_jwt", "invalid claim: missing sub claim")
        user = users.by_id(db, claims["sub"])
        if user is None:
            raise Refused(403, "user_not_found", "User from sub claim in JWT does not exist")
        session = db.execute("select 1 from auth.sessions where id = %s", (claims["session_id"],))
        if session.fetchone() is None:
            message = "Session from session_id claim in JWT does not exist"
            raise Refused(403, "session_not_found", message)
        if users.is_banned(user):
            raise Refused(403, "user_banned", "User is banned")
        return claims, user

    def _require_admin(self, call: Call) -> None:
        token = _bearer(call)
        if hmac.compare_digest(token.encode(), self._settings.secret_key.encode()):
            return
        if token.startswith("sb_") or self._keys.verify(token).get("role") != "service_role":
            raise Refused(403, "not_admin", "User not allowed")


def _require_aal2_where_possible(db: Connection, claims: dict[str, Any], user: User) -> None:
    verified = db.execute(
        "select 1 from auth.mfa_factors where user_id = %s and status = 'verified'", (user["id"],)
    ).fetchone()
    if verified and claims.get("aal") != "aal2":
        message = "AAL2 session is required to update email or password when MFA is enabled."
        raise Refused(401, "insufficient_aal", message)


def _bearer(call: Call) -> str:
    found = _BEARER.fullmatch(call.headers.get("authorization", ""))
    if not found:
        message = "This endpoint requires a valid Bearer token"
        raise Refused(401, "no_authorization", message)
    return found[1]


def _openid(issuer: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "HS256", "ES256"],
        "code_challenge_methods_supported": ["S256", "plain"],
    }


def body_of(raw: bytes) -> dict[str, Any]:
    """Return the JSON object of a request; nothing counts as an empty one.

    Raises:
        Refused: it is no JSON object.
    """
    try:
        value = json.loads(raw) if raw else {}
    except ValueError:
        raise Refused(400, "bad_json", "Could not parse request body as JSON") from None
    if not isinstance(value, dict):
        raise invalid("The request body should be a JSON object")
    return value
