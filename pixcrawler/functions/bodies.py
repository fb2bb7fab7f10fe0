"""Request bodies: JSON or YAML, bounded and without bombs, or refused with the broken rule."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import azure.functions as func
import yaml

from pixcrawler.domain.errors import (
    InvalidRequest,
    PayloadTooLarge,
    UnsupportedMediaType,
    Violation,
)

WHOLE = "(whole document)"
YAML_MAX_DEPTH = 20
"""A job file is 3 deep."""
YAML_MAX_EVENTS = 100_000
"""A job file of 10,000 addresses has 10,000 and a few."""
YAML_MAX_SCALAR_CHARS = 8192
"""An address has 4,096; numbers of a megabyte take minutes to read."""
_SHOWN_CHARS = 200
# The one in C is about ten times faster; where the wheel lacks it, the other does.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Parse = Callable[[str], Any]


def decoded(request: func.HttpRequest, max_bytes: int) -> Any:
    """Return the request's body as plain values.

    Raises:
        PayloadTooLarge: it is larger than ``max_bytes``.
        UnsupportedMediaType: it is neither JSON nor YAML in UTF-8.
        InvalidRequest: it cannot be read, repeats a field, or uses what no job file needs
            (aliases, tags, numbers that are not finite).
    """
    body = bounded(request, max_bytes)
    parse = _parser(request.headers.get("content-type", ""))
    try:
        value = parse(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _refused("utf8", f"byte {error.start}", "must be UTF-8") from None
    except RecursionError:
        raise _refused("depth", None, "is nested too deeply") from None
    _check_plain(value)
    return value


def bounded(request: func.HttpRequest, max_bytes: int) -> bytes:
    """Return the request's body.

    Raises:
        PayloadTooLarge: it is larger than ``max_bytes``.
    """
    body = request.get_body()
    if len(body) > max_bytes:
        raise PayloadTooLarge(
            violations=(
                _violation("max_bytes", len(body), f"is larger than {max_bytes} bytes", "(body)"),
            )
        )
    return bytes(body)


def _parser(content_type: str) -> Parse:
    media_type, _, parameters = content_type.lower().partition(";")
    charset = parameters.replace(" ", "").replace('"', "").partition("charset=")[2]
    parse = _PARSERS.get(media_type.strip())
    if parse is None or charset not in ("", "utf-8", "utf8"):
        message = f"must be one of {', '.join(_PARSERS)}, in UTF-8"
        violation = _violation("media_type", content_type[:_SHOWN_CHARS], message, "Content-Type")
        raise UnsupportedMediaType(violations=(violation,))
    return parse


def _from_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_fields, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        near = text[error.pos : error.pos + 20]
        raise _refused("json", near, f"is not JSON: {error.msg} ({where})") from None
    except ValueError as error:
        raise _refused("json", None, f"is not JSON: {error}") from None


def _fields(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise _refused("repeated", name, "is given twice", name)
        fields[name] = value
    return fields


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def _from_yaml(text: str) -> Any:
    try:
        _check_events(text)
        # A safe loader: its constructors make plain values only.
        return yaml.load(text, Loader=_FieldsOnce)  # noqa: S506
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise _refused("yaml", None, f"is not YAML: {error.problem}{where}") from None
    except (yaml.YAMLError, ValueError, OverflowError, TypeError) as error:
        raise _refused("yaml", None, f"is not YAML: {str(error)[:_SHOWN_CHARS]}") from None


def _check_events(text: str) -> None:
    """Refuse bombs before anything is built: aliases, tags, depth, endless numbers."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_SafeLoader)):
        if isinstance(event, yaml.AliasEvent):
            raise _refused("alias", f"*{event.anchor}"[:_SHOWN_CHARS], "aliases are not allowed")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        _check_node(event)
        if depth > YAML_MAX_DEPTH:
            raise _refused("depth", depth, "is nested too deeply")
        if count > YAML_MAX_EVENTS:
            raise _refused("too_long", None, "has too many entries")


def _check_node(event: Any) -> None:
    # "!" alone says only that the text is a string.
    tag = getattr(event, "tag", None)
    if tag not in (None, "!"):
        raise _refused("tag", str(tag)[:_SHOWN_CHARS], "tags are not allowed")
    if isinstance(event, yaml.ScalarEvent) and len(event.value) > YAML_MAX_SCALAR_CHARS:
        shown = f"{event.value[:40]}... ({len(event.value)} characters)"
        raise _refused("string_too_long", shown, "a value is too long")


class _FieldsOnce(_SafeLoader):  # type: ignore[misc]
    """A safe loader that refuses a field given twice, where YAML's own silently takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping whose names are unique."""
        seen: set[Any] = set()
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is not None and (key.tag, name) in seen:
                raise _refused("repeated", name, "is given twice", name)
            seen.add((key.tag, name))
        built: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return built


_PARSERS: dict[str, Parse] = {
    "application/json": _from_json,
    "application/yaml": _from_yaml,
    "text/yaml": _from_yaml,
    "application/x-yaml": _from_yaml,
    "text/x-yaml": _from_yaml,
}


def _check_plain(value: Any) -> None:
    """Refuse what could not be written back as JSON: NaN, half characters, giant numbers."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise _refused("unicode", None, "has half a surrogate pair") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise _refused("plain", None, f"has a value that JSON cannot hold: {error}") from None


def _refused(rule: str, value: Any, message: str, field: str = WHOLE) -> InvalidRequest:
    return InvalidRequest(violations=(_violation(rule, value, message, field),))


def _violation(rule: str, value: Any, message: str, field: str) -> Violation:
    return Violation(field=printable(field), rule=rule, value=printable(value), message=message)


def printable(value: Any) -> Any:
    """Return ``value``, a text cut and with half characters replaced, as an answer may show it."""
    if not isinstance(value, str):
        return value
    return value[:_SHOWN_CHARS].encode("utf-8", "replace").decode()
