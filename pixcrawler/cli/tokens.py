"""Where access tokens come from: given by the person, or the local user's own."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pixcrawler.cli.errors import Unreachable
from pixcrawler.cli.http import Answer, Caller

_EARLY_S = 60
"""Seconds before its end from which a token is replaced."""
_OK = 200


class GivenToken:
    """A token out of PIXCRAWLER_TOKEN or of a file, which somebody else may keep fresh."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._last = ""

    def token(self, *, fresh: bool = False) -> str:
        """Return the token.

        Raises:
            Unreachable: there is none, or it was refused.
        """
        found = self._read()
        if not found:
            raise Unreachable(
                "no access token: put one in PIXCRAWLER_TOKEN, or in a file named by --token-file"
            )
        if fresh and found == self._last:
            raise Unreachable("the access token is refused: expired, or of another project")
        self._last = found
        return found

    def _read(self) -> str:
        if self._file is None:
            return os.environ.get("PIXCRAWLER_TOKEN", "").strip()
        try:
            return self._file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise Unreachable(f"{self._file}: cannot be read: {error}") from None


class LocalUser:
    """The one user of the local stack, signed up on first use."""

    def __init__(self, state: Path, stack: Callable[[], dict[str, Any]], caller: Caller) -> None:
        self._file = state / "user.json"
        self._stack = stack
        self._caller = caller
        self._session: dict[str, Any] = {}

    def token(self, *, fresh: bool = False) -> str:
        """Return a token that is good for a while.

        Raises:
            Unreachable: the auth issuer does not let the user in.
        """
        if fresh or float(self._session.get("expires_at", 0)) - time.time() < _EARLY_S:
            self._session = self._refreshed() or self._signed_in()
        return str(self._session["access_token"])

    def _refreshed(self) -> dict[str, Any] | None:
        if "refresh_token" not in self._session:
            return None
        body = {"refresh_token": self._session["refresh_token"]}
        answer = self._ask("token?grant_type=refresh_token", body)
        return _session(answer) if answer.status == _OK else None

    def _signed_in(self) -> dict[str, Any]:
        credentials = self._credentials()
        refusal = ""
        # Unknown: the database is new. Known after all: another command was just quicker.
        for path in ("token?grant_type=password", "signup", "token?grant_type=password"):
            answer = self._ask(path, credentials)
            if answer.status == _OK and answer.json().get("access_token"):
                return _session(answer)
            refusal = _code(answer)
        raise Unreachable(
            f"the local user cannot sign in ({refusal}): "
            f"if the local data may go, ./dev clean helps; the credentials are in {self._file}"
        )

    def _ask(self, path: str, body: dict[str, str]) -> Answer:
        key = str(self._stack().get("publishable_key", ""))
        headers = {"apikey": key, "Authorization": f"Bearer {key}"}
        return self._caller.call(
            "POST", lambda: f"{self._stack()['auth_url']}/auth/v1/{path}", lambda: headers, body
        )

    def _credentials(self) -> dict[str, str]:
        """Return the credentials, made once; two commands at once agree on them."""
        if not self._file.exists():
            made = {
                "email": f"local-{secrets.token_hex(4)}@pixcrawler.test",
                "password": secrets.token_urlsafe(24),
            }
            draft = self._file.with_name(f".user.{secrets.token_hex(4)}")
            try:
                descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump(made, file)
                os.link(draft, self._file)
            except FileExistsError:
                pass  # the other command was quicker: its credentials are ours
            except OSError as error:
                raise Unreachable(f"{self._file}: cannot be written: {error.strerror}") from None
            finally:
                draft.unlink(missing_ok=True)
        try:
            known = json.loads(self._file.read_bytes())
            return {"email": str(known["email"]), "password": str(known["password"])}
        except (OSError, ValueError, KeyError, TypeError):
            raise Unreachable(f"{self._file} is damaged: remove it and try again") from None


def _session(answer: Answer) -> dict[str, Any]:
    session = answer.json()
    expires_at = time.time() + float(session.get("expires_in", 3600))
    return {**session, "expires_at": expires_at}


def _code(answer: Answer) -> str:
    found = answer.json()
    return str(found.get("error_code") or found.get("code") or answer.status)
