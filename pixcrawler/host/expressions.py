"""Binding expressions in paths: ``{rand-guid}``, ``{DateTime}`` and the trigger's own values."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

_EXPRESSION: Final = re.compile(r"\{([^{}]+)\}")
_PARAMETER: Final = re.compile(r"\{([A-Za-z_]\w*)\}")
_DATE_PART: Final = re.compile(r"yyyy|yy|MM|M|dd|d|HH|H|mm|m|ss|s|fff")
_DEFAULT_DATE: Final = "yyyy-MM-ddTHH-mm-ssZ"


class UnknownValue(LookupError):
    """A path names a value that the trigger does not give."""


def fill(template: str, values: Mapping[str, Any], now: datetime) -> str:
    """Return a path with every ``{expression}`` replaced.

    Args:
        template: such as ``out/{name}-{rand-guid}.txt``.
        values: what the trigger gives; names in any case, ``a.b`` reaches into objects.
        now: the moment that ``{DateTime}`` shows, in UTC.

    Raises:
        UnknownValue: an expression names nothing that is there.

    Source: Azure Functions binding expression patterns.
    """
    lowered = {name.lower(): value for name, value in values.items()}
    return _EXPRESSION.sub(lambda match: _value(match[1], lowered, now), template)


def _value(expression: str, values: Mapping[str, Any], now: datetime) -> str:
    name, _, shape = expression.partition(":")
    if name.lower() == "rand-guid":
        made = uuid.uuid4()
        return made.hex if shape.upper() == "N" else str(made)
    if name.lower() == "datetime" and name.lower() not in values:
        return _date(now, shape or _DEFAULT_DATE)
    found: Any = values
    for part in name.split("."):
        found = _child(found, part, expression)
    if isinstance(found, bool):
        return str(found)
    if isinstance(found, str | int | float):
        return str(found)
    raise UnknownValue(f"{{{expression}}} is not a text or a number")


def _child(parent: Any, name: str, expression: str) -> Any:
    if isinstance(parent, Mapping):
        for key, value in parent.items():
            if str(key).lower() == name.lower():
                return value
    raise UnknownValue(f"{{{expression}}} is not a value of this trigger")


def _date(now: datetime, shape: str) -> str:
    parts = {
        "yyyy": f"{now.year:04d}",
        "yy": f"{now.year % 100:02d}",
        "MM": f"{now.month:02d}",
        "M": str(now.month),
        "dd": f"{now.day:02d}",
        "d": str(now.day),
        "HH": f"{now.hour:02d}",
        "H": str(now.hour),
        "mm": f"{now.minute:02d}",
        "m": str(now.minute),
        "ss": f"{now.second:02d}",
        "s": str(now.second),
        "fff": f"{now.microsecond // 1000:03d}",
    }
    return _DATE_PART.sub(lambda match: parts[match[0]], shape)


class BlobPath:
    """A blob trigger's path such as ``inbox/{user}/{name}.yaml``."""

    def __init__(self, path: str) -> None:
        """Compile a path.

        Raises:
            ValueError: it has no container, or an expression in the container's name.
        """
        self.container, _, rest = path.strip("/").partition("/")
        if not self.container or "{" in self.container:
            raise ValueError(f"the blob path {path!r} must begin with the name of a container")
        template = rest or "{name}"
        self.prefix = template.split("{", 1)[0]
        self._pattern = re.compile(_blob_pattern(template))

    def match(self, blob: str) -> dict[str, str] | None:
        """Return the path's values for a blob's name, or None where it does not fit."""
        found = self._pattern.fullmatch(blob)
        return None if found is None else found.groupdict()


def _blob_pattern(template: str) -> str:
    pattern, position = "", 0
    for match in _PARAMETER.finditer(template):
        pattern += re.escape(template[position : match.start()])
        position = match.end()
        # A value ends at the next slash, but the last one takes the rest of the name.
        value = "[^/]+?" if "/" in template[position:] else ".+"
        pattern += f"(?P<{match[1]}>{value})"
    return pattern + re.escape(template[position:])
