"""What the real worker refuses is refused here in the same words; what it takes loads."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Optional  # noqa: UP035 - the worker takes these and not dict[str, Any]

import azure.functions as func
import pytest

from pixcrawler.host.signatures import FunctionLoadError, read_signature

HTTP_IN = {"name": "req", "type": "httpTrigger", "direction": "IN"}
HTTP_OUT = {"name": "$return", "type": "http", "direction": "OUT"}
QUEUE_IN = {"name": "msg", "type": "queueTrigger", "direction": "IN"}
QUEUE_OUT = {"name": "out", "type": "queue", "direction": "OUT"}
ACTIVITY = {"name": "x", "type": "activityTrigger", "direction": "IN"}


def builtin_dict(x: dict[str, Any]) -> dict: ...
def builtin_list(x: list[str]) -> str: ...
def union(x: str | None) -> str: ...
def optional(x: Optional[str]) -> str: ...  # noqa: UP045 - what is tested
def missing(msg: func.QueueMessage, extra: int) -> None: ...
def unbound() -> None: ...
def wrong_type(msg: int) -> None: ...
def out_not_out(msg: func.QueueMessage, out: str) -> None: ...
def in_is_out(msg: func.Out[str]) -> None: ...
def bad_out(msg: func.QueueMessage, out: func.Out[str | None]) -> None: ...
def wrong_context(msg: func.QueueMessage, context: str) -> None: ...
def wrong_return(req: func.HttpRequest) -> int: ...
def generic_return(req: func.HttpRequest) -> list[str]: ...
def typing_return(req: func.HttpRequest) -> List[str]: ...  # noqa: UP006 - what is tested


REFUSED = [
    (builtin_dict, [ACTIVITY], "binding x has invalid non-type annotation dict[str, typing.Any]"),
    (builtin_list, [ACTIVITY], "binding x has invalid non-type annotation list[str]"),
    (union, [ACTIVITY], "binding x has invalid non-type annotation str | None"),
    (optional, [ACTIVITY], "binding x has invalid non-type annotation typing.Optional[str]"),
    (
        missing,
        [QUEUE_IN],
        (
            "the following parameters are declared in Python but not in the function definition "
            "(function.json or function decorators):  {'extra'}"
        ),
    ),
    (
        unbound,
        [QUEUE_IN],
        (
            "Extra parameters in binding definition — the following parameters are declared as "
            "bindings but are not present in Python: {'msg'}"
        ),
    ),
    (
        wrong_type,
        [QUEUE_IN],
        (
            'type of msg binding in the binding decorator "queueTrigger" does not match its Python '
            'annotation "int"'
        ),
    ),
    (
        out_not_out,
        [QUEUE_IN, QUEUE_OUT],
        (
            'binding out is declared to have the "out" direction, but its annotation in Python is '
            "not a subclass of azure.functions.Out"
        ),
    ),
    (
        in_is_out,
        [QUEUE_IN],
        (
            'binding msg is declared to have the "in" direction in the binding decorator, but its '
            "annotation is azure.functions.Out in Python"
        ),
    ),
    (bad_out, [QUEUE_IN, QUEUE_OUT], "binding out has invalid non-type annotation"),
    (
        wrong_context,
        [QUEUE_IN],
        (
            'the "context" parameter is expected to be of type azure.functions.Context, got '
            "\"<class 'str'>\""
        ),
    ),
    (
        wrong_return,
        [HTTP_IN, HTTP_OUT],
        'Python return annotation "int" does not match binding type "http"',
    ),
    (generic_return, [HTTP_IN, HTTP_OUT], "has invalid non-type return annotation list[str]"),
    (typing_return, [HTTP_IN, HTTP_OUT], "has invalid non-type return annotation typing.List[str]"),
]


@pytest.mark.parametrize(
    ("function", "bindings", "words"), REFUSED, ids=[function.__name__ for function, *_ in REFUSED]
)
def test_refused_in_the_workers_words(function, bindings, words):
    """A function that would not load on Azure does not load here, for the same stated reason."""
    message = f"cannot load the {function.__name__} function: {words}"
    with pytest.raises(FunctionLoadError, match=f"^{re.escape(message)}"):
        read_signature(function.__name__, function, bindings)


def wire(x: Dict[str, Any]) -> Dict[str, Any]: ...  # noqa: UP006 - what is tested
def bare(x: dict) -> dict: ...
def untyped(x): ...
def many_out(msg: func.QueueMessage, out: func.Out[List[str]]) -> None: ...  # noqa: UP006 - as above
def as_text(msg: str, out: func.Out[bytes]) -> None: ...
def with_context(req: func.HttpRequest, context: func.Context) -> func.HttpResponse: ...


@pytest.mark.parametrize(
    ("function", "bindings"),
    [
        (wire, [ACTIVITY]),
        (bare, [ACTIVITY]),
        (untyped, [ACTIVITY]),
        (many_out, [QUEUE_IN, QUEUE_OUT]),
        (as_text, [QUEUE_IN, QUEUE_OUT]),
        (with_context, [HTTP_IN, HTTP_OUT]),
    ],
)
def test_taken(function, bindings):
    """What the worker takes loads."""
    signature = read_signature(function.__name__, function, bindings)
    assert {*signature.inputs, *signature.outputs} == {
        binding["name"] for binding in bindings if binding["name"] != "$return"
    }


def test_where_values_go():
    """An activity returns through its trigger, an HTTP function through $return."""
    assert read_signature("f", bare, [ACTIVITY]).returns == ACTIVITY
    signature = read_signature("f", with_context, [HTTP_IN, HTTP_OUT])
    assert signature.returns == HTTP_OUT
    assert signature.wants_context


@pytest.mark.parametrize(
    ("binding", "words"),
    [
        ({**QUEUE_IN, "direction": "INOUT"}, '"inout" bindings are not supported'),
        ({**HTTP_OUT, "direction": "IN"}, '"$return" binding must have direction set to "out"'),
    ],
)
def test_odd_directions(binding, words):
    """Directions that Python functions do not have are refused."""
    with pytest.raises(FunctionLoadError, match=re.escape(words)):
        read_signature("f", untyped, [binding])


def test_words_survive_transport():
    """The refusal is plain text: it reaches the host from a worker unharmed."""
    text = str(FunctionLoadError("f", "x — y"))
    assert json.loads(json.dumps(text)) == text
