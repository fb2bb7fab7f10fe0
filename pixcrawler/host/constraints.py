"""Route constraints: which texts an ASP.NET route parameter accepts."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Final

Check = Callable[[str], bool]

_GUID: Final = re.compile(r"\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?", re.IGNORECASE)
_INTEGER: Final = re.compile(r"[+-]?\d{1,20}")
_DECIMAL: Final = re.compile(r"[+-]?(?:\d[\d,]*\.?\d*|\.\d+)")
_FLOAT: Final = re.compile(r"[+-]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.IGNORECASE)
_LETTERS: Final = re.compile(r"[a-z]*", re.IGNORECASE)
_US_DATES: Final = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S")


class UnknownConstraint(ValueError):
    """A route names a constraint that ASP.NET does not have."""


def make_check(name: str, argument: str | None) -> Check:
    """Return the test of one constraint, such as ``min`` with the argument ``3``.

    Raises:
        UnknownConstraint: no such constraint.
        ValueError: its argument is missing or malformed.

    Source: ASP.NET Core routing, route constraint reference.
    """
    key = name.lower()
    if key in _PLAIN and argument is None:
        return _PLAIN[key]
    if key in _WITH_ARGUMENT and argument is not None:
        return _WITH_ARGUMENT[key](argument)
    raise UnknownConstraint(f"{name}({argument})" if argument is not None else name)


def _whole(bits: int) -> Check:
    limit = 1 << (bits - 1)

    def check(text: str) -> bool:
        return _INTEGER.fullmatch(text) is not None and -limit <= int(text) < limit

    return check


def _is_guid(text: str) -> bool:
    if _GUID.fullmatch(text) is None:
        return False
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _is_datetime(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return any(_parses(text, shape) for shape in _US_DATES)
    return True


def _parses(text: str, shape: str) -> bool:
    try:
        datetime.strptime(text, shape)  # noqa: DTZ007 - only whether it parses
    except ValueError:
        return False
    return True


def _between(low: int | None, high: int | None) -> Check:
    is_whole = _whole(64)

    def check(text: str) -> bool:
        if not is_whole(text):
            return False
        number = int(text)
        return (low is None or number >= low) and (high is None or number <= high)

    return check


def _range(argument: str) -> Check:
    low, high = argument.split(",")
    return _between(int(low), int(high))


def _length(argument: str) -> Check:
    bounds = [int(part) for part in argument.split(",")]
    return lambda text: bounds[0] <= len(text) <= bounds[-1]


def _matches(argument: str) -> Check:
    # Decorators often carry doubled backslashes and ASP.NET wants doubled braces.
    pattern = re.compile(
        argument.replace("\\\\", "\\").replace("{{", "{").replace("}}", "}"), re.IGNORECASE
    )
    return lambda text: pattern.search(text) is not None


_PLAIN: Final[dict[str, Check]] = {
    "alpha": lambda text: _LETTERS.fullmatch(text) is not None,
    "bool": lambda text: text.lower() in {"true", "false"},
    "datetime": _is_datetime,
    "decimal": lambda text: _DECIMAL.fullmatch(text) is not None,
    "double": lambda text: _FLOAT.fullmatch(text) is not None,
    "float": lambda text: _FLOAT.fullmatch(text) is not None,
    "guid": _is_guid,
    "int": _whole(32),
    "long": _whole(64),
    "required": lambda text: text != "",
}
_WITH_ARGUMENT: Final[dict[str, Callable[[str], Check]]] = {
    "length": _length,
    "max": lambda argument: _between(None, int(argument)),
    "maxlength": lambda argument: _length(f"0,{int(argument)}"),
    "min": lambda argument: _between(int(argument), None),
    "minlength": lambda argument: _length(f"{int(argument)},{1 << 31}"),
    "range": _range,
    "regex": _matches,
}
