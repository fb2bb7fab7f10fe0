"""The host's keys: made once per state folder, readable by their owner only."""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixcrawler.host.errors import HostError

_KEY_BYTES = 32
_OWNER_ONLY = 0o600


@dataclass(frozen=True)
class Keys:
    """The keys of one host.

    ``master`` opens everything, ``system`` the webhooks of extensions, ``host`` every function,
    ``functions`` single functions by name.
    """

    master: str
    system: str
    host: Mapping[str, str]
    functions: Mapping[str, Mapping[str, str]]

    def opens_function(self, shown: str, function: str, level: str) -> bool:
        """Tell whether a key may call a function of this auth level (upper case)."""
        if level == "ANONYMOUS":
            return True
        allowed = [self.master]
        if level != "ADMIN":
            own = {name.lower(): keys for name, keys in self.functions.items()}
            allowed += [*self.host.values(), *own.get(function.lower(), {}).values()]
        return _is_one_of(shown, allowed)

    def opens_webhooks(self, shown: str) -> bool:
        """Tell whether a key may use the webhooks of extensions."""
        return _is_one_of(shown, [self.system, self.master])

    def opens_admin(self, shown: str) -> bool:
        """Tell whether a key may use the host's own administration."""
        return _is_one_of(shown, [self.master])


def load_keys(path: Path) -> Keys:
    """Read the keys, or make them at the first start.

    Raises:
        HostError: the file is there and is not a keys file.
    """
    if not path.exists():
        _write(path, _new_keys())
    path.chmod(_OWNER_ONLY)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Keys(
            master=_text(document["master"]),
            system=_text(document["system"]),
            host={name: _text(key) for name, key in document["host"].items()},
            functions={
                function: {name: _text(key) for name, key in keys.items()}
                for function, keys in document.get("functions", {}).items()
            },
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise HostError(
            f"{path} is not a keys file ({error}); remove it to get new keys"
        ) from error


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a key must be a non-empty text")
    return value


def _new_keys() -> dict[str, Any]:
    return {
        "master": secrets.token_urlsafe(_KEY_BYTES),
        "system": secrets.token_urlsafe(_KEY_BYTES),
        "host": {"default": secrets.token_urlsafe(_KEY_BYTES)},
        "functions": {},
    }


def _write(path: Path, document: Mapping[str, Any]) -> None:
    # Written aside and renamed: a host killed here must not leave half a file.
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)
    partial.replace(path)


def _is_one_of(shown: str, allowed: list[str]) -> bool:
    data = shown.encode("utf-8", "surrogateescape")
    # All are compared, each in constant time: how long it takes tells nothing.
    return any([hmac.compare_digest(data, key.encode()) for key in allowed])  # noqa: C419
