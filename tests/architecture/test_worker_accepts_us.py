"""Azure's Python worker takes the app as it is."""

import inspect
import json
import runpy
import types
import typing

import azure.functions as func
import pytest

from tests.architecture.house import ROOT


@pytest.fixture(scope="module")
def functions():
    """Return the functions of the app, as azure.functions enumerates them."""
    names = runpy.run_path(str(ROOT / "function_app.py"))
    apps = [value for value in names.values() if isinstance(value, func.FunctionApp)]
    assert len(apps) == 1
    return apps[0].get_functions()


def bindings(function):
    """Return the bindings of a function, by parameter."""
    return {b["name"]: b for b in map(json.loads, function.get_raw_bindings())}


def test_every_annotation_is_one_that_the_worker_takes(functions):
    """`X | None`, `dict[str, Any]` and the like on a bound parameter keep an app from loading."""
    refused = [
        f"{function.get_function_name()}({name}: {hint})"
        for function in functions
        for name, hint in typing.get_type_hints(function.get_user_function()).items()
        if name in bindings(function)
        and (
            isinstance(hint, types.UnionType | types.GenericAlias)
            or typing.get_origin(hint) is typing.Union
        )
    ]
    assert refused == []


def test_every_parameter_is_bound(functions):
    """Parameters and bindings have the same names, apart from the return value and context."""
    wrong = {}
    for function in functions:
        parameters = set(inspect.signature(function.get_user_function()).parameters)
        bound = set(bindings(function)) - {"$return"}
        if parameters - {"context"} != bound - {"context"}:
            wrong[function.get_function_name()] = parameters ^ bound
    assert wrong == {}


def test_names_are_unique_without_regard_to_case(functions):
    """The platform does not tell `Jobs` from `jobs`."""
    names = [function.get_function_name().casefold() for function in functions]
    assert sorted(names) == sorted(set(names))


def test_every_http_function_lives_below_v1(functions):
    """Each operation of the API has its version in its route; only documented ones exist."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    routes = [
        (method, found["route"])
        for function in functions
        for found in bindings(function).values()
        if found["type"] == "httpTrigger"
        for method in found["methods"]
    ]
    assert len(routes) >= 9
    undocumented = [
        f"{method} /{route}" for method, route in routes if f"{method} /api/{route}" not in readme
    ]
    assert undocumented == []
    assert all(route.startswith("v1/") for _, route in routes)
