"""Do a function's parameters fit its bindings: what Azure's Python worker checks, in its words."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from azure.functions import meta

Binding = Mapping[str, Any]
_NOT_GENERIC = (typing.Union, tuple, typing.ClassVar, Callable)
# The classes of typing.List[str] and of bare typing.List; builtin list[str] is neither, and the
# worker refuses it for that reason.
_ALIASES = (type(typing.List[str]), type(typing.List))  # noqa: UP006 - the old spelling is the point
IMPLICIT_OUTPUT = frozenset({"activityTrigger", "orchestrationTrigger", "entityTrigger"})


class FunctionLoadError(RuntimeError):
    """A function that Azure's Python worker would refuse too."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"cannot load the {name} function: {text}")


@dataclass(frozen=True)
class Signature:
    """How one callable is called: which binding each parameter takes, and what it returns.

    ``returns`` is the ``$return`` binding, or the trigger where its result is the output.
    """

    inputs: Mapping[str, Binding]
    outputs: Mapping[str, Binding]
    returns: Binding | None
    wants_context: bool
    hints: Mapping[str, Any] = field(default_factory=dict)


def converter(binding_type: str) -> Any:
    """Return azure.functions' converter for a binding type, or None: values pass as they are."""
    return meta.get_binding_registry().get(binding_type)  # type: ignore[no-untyped-call]


def read_signature(
    name: str, function: Callable[..., Any], bindings: Iterable[Binding]
) -> Signature:
    """Match a callable with its bindings.

    Raises:
        FunctionLoadError: they do not fit; the text is the worker's.

    Source: azure-functions-runtime 1.3.0, Registry.add_indexed_function.
    """
    hints = typing.get_type_hints(function)
    parameters = dict(inspect.signature(function).parameters)
    bound, returns = _split_bindings(name, bindings)
    wants_context = _takes_context(name, parameters, bound, hints)
    _same_names(name, set(parameters), set(bound))
    inputs: dict[str, Binding] = {}
    outputs: dict[str, Binding] = {}
    for parameter in parameters:
        binding = bound[parameter]
        if parameter in hints:
            _check_annotation(name, parameter, binding, hints[parameter])
        (outputs if _is_out(binding) else inputs)[parameter] = binding
    _check_return(name, returns, hints)
    return Signature(inputs, outputs, returns, wants_context, hints)


def _split_bindings(
    name: str, bindings: Iterable[Binding]
) -> tuple[dict[str, Binding], Binding | None]:
    bound: dict[str, Binding] = {}
    explicit = implicit = None
    for binding in bindings:
        if str(binding.get("direction")).upper() == "INOUT":
            raise FunctionLoadError(name, '"inout" bindings are not supported')
        if binding["name"] == "$return":
            if not _is_out(binding):
                raise FunctionLoadError(name, '"$return" binding must have direction set to "out"')
            explicit = binding
            continue
        bound[binding["name"]] = binding
        if has_implicit_output(binding["type"]):
            implicit = binding
    return bound, explicit or implicit


def has_implicit_output(binding_type: str) -> bool:
    """Tell whether the function's return value is this trigger's output."""
    found = converter(binding_type)
    if found is None:
        return binding_type != "durableClient"
    return bool(getattr(found, "has_implicit_output", lambda: False)())


def _is_out(binding: Binding) -> bool:
    return str(binding.get("direction")).upper() == "OUT"


def _takes_context(
    name: str, parameters: dict[str, Any], bound: Mapping[str, Any], hints: Mapping[str, Any]
) -> bool:
    if "context" not in parameters or "context" in bound:
        return False
    parameters.pop("context")
    hint = hints.get("context")
    if hint is not None and (not isinstance(hint, type) or hint.__name__ != "Context"):
        raise FunctionLoadError(
            name,
            'the "context" parameter is expected to be of type azure.functions.Context, '
            f'got "{hint!r}"',
        )
    return True


def _same_names(name: str, declared: set[str], bound: set[str]) -> None:
    if declared - bound:
        raise FunctionLoadError(
            name,
            "the following parameters are declared in Python but not in the function definition "
            f"(function.json or function decorators):  {declared - bound!r}",
        )
    if bound - declared:
        raise FunctionLoadError(
            name,
            "Extra parameters in binding definition — the following parameters are declared as "
            f"bindings but are not present in Python: {bound - declared!r}",
        )


def _is_generic(hint: Any) -> bool:
    if isinstance(hint, type) and not typing.get_args(hint):
        return issubclass(hint, typing.Generic)
    return isinstance(hint, _ALIASES) and typing.get_origin(hint) not in _NOT_GENERIC


def _is_out_hint(hint: Any) -> bool:
    origin = typing.get_origin(hint) or hint
    return isinstance(origin, type) and origin.__name__ == "Out"


def _is_plain_type(hint: Any) -> bool:
    # isinstance(list[str], type) is True on 3.10 and False from 3.11 on; the worker sees False.
    return isinstance(hint, type) and not typing.get_args(hint)


def _check_annotation(name: str, parameter: str, binding: Binding, hint: Any) -> None:
    wrapped = _is_out_hint(hint)
    inner = hint
    if wrapped:
        arguments = typing.get_args(hint)
        if len(arguments) != 1:
            text = f"binding {parameter} has invalid Out annotation {hint!r}"
            raise FunctionLoadError(name, text)
        inner = arguments[0]
    if not _is_plain_type(inner) and not _is_generic(inner):
        text = f"binding {parameter} has invalid non-type annotation {hint!r}"
        raise FunctionLoadError(name, text)
    _check_direction(name, parameter, is_out=_is_out(binding), wrapped=wrapped)
    if not _accepts(binding, inner, wrapped=wrapped):
        raise FunctionLoadError(name, _mismatch(parameter, binding, inner))


def _check_direction(name: str, parameter: str, *, is_out: bool, wrapped: bool) -> None:
    if is_out and not wrapped:
        raise FunctionLoadError(
            name,
            f'binding {parameter} is declared to have the "out" direction, but its annotation in '
            "Python is not a subclass of azure.functions.Out",
        )
    if wrapped and not is_out:
        raise FunctionLoadError(
            name,
            f'binding {parameter} is declared to have the "in" direction in the binding decorator, '
            "but its annotation is azure.functions.Out in Python",
        )


def _accepts(binding: Binding, hint: Any, *, wrapped: bool) -> bool:
    if hint in (str, bytes) and not has_implicit_output(binding["type"]):
        return True
    found = converter(binding["type"])
    try:
        if found is None:
            return issubclass(hint, str | bytes | bytearray if wrapped else str | bytes)
        check = "check_output_type_annotation" if wrapped else "check_input_type_annotation"
        return bool(getattr(found, check)(hint))
    except (TypeError, AttributeError):
        # typing generics are not classes, and some converters have no check for that direction.
        return False


def _mismatch(parameter: str, binding: Binding, hint: Any) -> str:
    shown = getattr(hint, "__name__", repr(hint))
    if binding.get("dataType"):
        return (
            f'binding type "{parameter!r}" and dataType "{binding["type"]}" in the binding '
            "decorator do not match the corresponding function parameter's Python type "
            f"annotation {shown}"
        )
    return (
        f'type of {parameter} binding in the binding decorator "{binding["type"]}" does not match '
        f'its Python annotation "{shown}"'
    )


def _check_return(name: str, returns: Binding | None, hints: Mapping[str, Any]) -> None:
    if returns is None or returns["name"] != "$return" or "return" not in hints:
        return
    hint = hints["return"]
    if _is_out_hint(hint):
        raise FunctionLoadError(name, "return annotation should not be azure.functions.Out")
    if not _is_plain_type(hint):
        raise FunctionLoadError(name, f"has invalid non-type return annotation {hint!r}")
    if not _accepts_return(returns["type"], hint):
        raise FunctionLoadError(
            name,
            f'Python return annotation "{hint.__name__}" does not match binding type '
            f'"{returns["type"]}"',
        )


def _accepts_return(binding_type: str, hint: type) -> bool:
    found = converter(binding_type)
    if found is None:
        return issubclass(hint, str | bytes | bytearray)
    return bool(found.check_output_type_annotation(hint))
