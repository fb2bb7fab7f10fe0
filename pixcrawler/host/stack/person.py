"""The person at this machine: the one user of a local stack who is its operator."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from pathlib import Path

from pixcrawler.host.stack.errors import CannotStart
from pixcrawler.host.stack.files import read_json


def local_user(state: Path) -> str:
    """Return the address of the user whose credentials are in ``state``/user.json.

    They are made here the first time, so that the database can know the address before anybody
    signs up; the command line signs up with them.

    Raises:
        CannotStart: the file holds something else.
    """
    file = state / "user.json"
    if not file.exists():
        _make(file)
    email = read_json(file).get("email")
    if not isinstance(email, str):
        raise CannotStart(f"{file} names no user: repair it or move it away")
    return email


def _make(file: Path) -> None:
    """Write new credentials, unless somebody else was quicker."""
    made = {
        "email": f"local-{secrets.token_hex(4)}@pixcrawler.test",
        "password": secrets.token_urlsafe(24),
    }
    draft = file.with_name(f".user.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as written:
            json.dump(made, written)
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink(missing_ok=True)
