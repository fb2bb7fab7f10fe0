"""ASP.NET route templates: which function answers a request path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pixcrawler.host.constraints import Check, make_check

_LITERAL, _CONSTRAINED, _PLAIN, _CONSTRAINED_CATCH_ALL, _CATCH_ALL = range(1, 6)
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_CONSTRAINT_NAME: Final = re.compile(r":([A-Za-z]\w*)")


class RouteBroken(ValueError):
    """A route template that ASP.NET would refuse."""


@dataclass(frozen=True)
class Parameter:
    """One ``{...}`` of a template."""

    name: str
    is_catch_all: bool
    is_optional: bool
    default: str | None
    checks: tuple[Check, ...]


Part = str | Parameter


@dataclass(frozen=True)
class Route:
    """One template of one function; ``methods`` is empty where all are allowed.

    ``rank`` orders templates: ASP.NET tries the smaller one first.
    """

    template: str
    function: str
    methods: frozenset[str]
    rank: tuple[int, ...]
    pattern: re.Pattern[str]
    parameters: tuple[Parameter, ...]

    def match(self, path: str) -> dict[str, str] | None:
        """Return the route's values for a path, or None where it does not fit."""
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        values: dict[str, str] = {}
        for parameter in self.parameters:
            value = found[parameter.name]
            if value is None:
                if parameter.default is not None:
                    values[parameter.name] = parameter.default
                continue
            if not all(check(value) for check in parameter.checks):
                return None
            values[parameter.name] = value
        return values


class Router:
    """The routes of an app, in the order in which they are tried."""

    def __init__(self) -> None:
        self._routes: list[Route] = []

    def add(self, prefix: str, template: str, function: str, methods: Iterable[str] = ()) -> None:
        """Add a function's route.

        Raises:
            RouteBroken: the template is malformed.
        """
        self._routes.append(compile_route(prefix, template, function, methods))
        self._routes.sort(key=lambda route: route.rank)

    def match(self, method: str, path: str) -> tuple[str, Mapping[str, str]] | None:
        """Return the function for a request and its route values.

        None where nothing fits: a known path with another method is unknown too, as in the
        Functions host (404, never 405).
        """
        for route in self._routes:
            if route.methods and method.upper() not in route.methods:
                continue
            values = route.match(path)
            if values is not None:
                return route.function, values
        return None


def compile_route(prefix: str, template: str, function: str, methods: Iterable[str] = ()) -> Route:
    """Compile one template such as ``jobs/{id:guid}/files/{*path}``.

    Raises:
        RouteBroken: braces do not match, or a constraint is unknown.
    """
    whole = "/".join(part.strip("/") for part in (prefix, template) if part.strip("/"))
    segments = [_parse_segment(text) for text in _split(whole) if text]
    parameters = tuple(part for parts in segments for part in parts if isinstance(part, Parameter))
    if len({parameter.name.lower() for parameter in parameters}) != len(parameters):
        raise RouteBroken(f"the route {template!r} uses a parameter name twice")
    pattern = "".join(_segment_pattern(parts) for parts in segments)
    return Route(
        template=template,
        function=function,
        methods=frozenset(method.upper() for method in methods),
        rank=tuple(_segment_rank(parts) for parts in segments),
        pattern=re.compile(f"{pattern}/?", re.IGNORECASE),
        parameters=parameters,
    )


def _split(template: str) -> list[str]:
    """Split at slashes, but not inside braces: a regex constraint may hold one."""
    segments, depth = [""], 0
    for character in template:
        depth += (character == "{") - (character == "}")
        if character == "/" and depth == 0:
            segments.append("")
        else:
            segments[-1] += character
    if depth != 0:
        raise RouteBroken(f"the braces of the route {template!r} do not match")
    return segments


def _parse_segment(text: str) -> list[Part]:
    parts: list[Part] = []
    position = 0
    while (start := text.find("{", position)) >= 0:
        end = _closing(text, start)
        if start > position:
            parts.append(text[position:start])
        parts.append(_parse_parameter(text[start + 1 : end]))
        position = end + 1
    if position < len(text):
        parts.append(text[position:])
    return parts


def _closing(text: str, start: int) -> int:
    depth = 0
    for index in range(start, len(text)):
        depth += (text[index] == "{") - (text[index] == "}")
        if depth == 0:
            return index
    raise RouteBroken(f"the braces of {text!r} do not match")


def _parse_parameter(body: str) -> Parameter:
    inner = body.lstrip("*")
    is_optional = inner.endswith("?")
    inner = inner.removesuffix("?")
    name = _NAME.match(inner)
    if name is None:
        raise RouteBroken(f"{{{body}}} has no parameter name")
    checks, rest = _parse_constraints(inner[name.end() :])
    if rest and not rest.startswith("="):
        raise RouteBroken(f"{{{body}}} cannot be read after {name[0]!r}")
    return Parameter(
        name=name[0],
        is_catch_all=body.startswith("*"),
        is_optional=is_optional,
        default=rest[1:] if rest else None,
        checks=tuple(checks),
    )


def _parse_constraints(text: str) -> tuple[list[Check], str]:
    checks: list[Check] = []
    while (found := _CONSTRAINT_NAME.match(text)) is not None:
        text = text[found.end() :]
        argument = None
        if text.startswith("("):
            end = _closing_parenthesis(text)
            argument, text = text[1:end], text[end + 1 :]
        try:
            checks.append(make_check(found[1], argument))
        except (ValueError, re.error) as error:
            raise RouteBroken(f"route constraint {found[1]!r}: {error}") from error
    return checks, text


def _closing_parenthesis(text: str) -> int:
    depth, escaped = 0, False
    for index, character in enumerate(text):
        if escaped or character == "\\":
            escaped = not escaped
            continue
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return index
    raise RouteBroken(f"the parentheses of {text!r} do not match")


def _segment_pattern(parts: list[Part]) -> str:
    last = parts[-1]
    if isinstance(last, Parameter) and last.is_catch_all:
        before = "".join(_part_pattern(part) for part in parts[:-1])
        return (
            f"(?:/{before}(?P<{last.name}>.+))?" if not before else f"/{before}(?P<{last.name}>.*)"
        )
    pattern = "".join(_part_pattern(part) for part in parts)
    may_be_absent = (
        len(parts) == 1
        and isinstance(last, Parameter)
        and (last.is_optional or last.default is not None)
    )
    return f"(?:/{pattern})?" if may_be_absent else f"/{pattern}"


def _part_pattern(part: Part) -> str:
    if isinstance(part, str):
        return re.escape(part)
    return f"(?P<{part.name}>[^/]+)"


def _segment_rank(parts: list[Part]) -> int:
    parameters = [part for part in parts if isinstance(part, Parameter)]
    if not parameters:
        return _LITERAL
    is_constrained = any(parameter.checks for parameter in parameters)
    if parameters[-1].is_catch_all:
        return _CONSTRAINED_CATCH_ALL if is_constrained else _CATCH_ALL
    return _CONSTRAINED if is_constrained or len(parts) > 1 else _PLAIN
