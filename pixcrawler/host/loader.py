"""Load function_app.py as Azure's Python worker does and enumerate its functions."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import azure.functions as func

from pixcrawler.host.calls import FunctionInfo
from pixcrawler.host.errors import AppNotLoaded
from pixcrawler.host.signatures import FunctionLoadError, Signature, read_signature

SCRIPT = "function_app.py"
_MODULE_HINT = (
    ". Cannot find module. Please check the requirements.txt file for the missing module."
)
_KNOWN_INPUTS = frozenset({"durableClient"})


@dataclass(frozen=True)
class LoadedFunction:
    """One function of the app with the callable behind it; lives in the process that runs it."""

    info: FunctionInfo
    function: Callable[..., Any]
    signature: Signature
    directory: str

    @property
    def is_async(self) -> bool:
        """Whether it runs on the event loop and not in a thread."""
        return inspect.iscoroutinefunction(self.function)


def load_app(app: Path) -> dict[str, LoadedFunction]:
    """Import the app and describe its functions, by name.

    The app's folder becomes the working directory and the first entry of ``sys.path``, as on
    Azure. Call it once per process: an app object can be enumerated only once.

    Raises:
        AppNotLoaded: anything that keeps the app from running, in the worker's words.
    """
    if not (app / SCRIPT).is_file():
        raise AppNotLoaded(f"{app} is not a function app: it has no {SCRIPT}")
    os.chdir(app)
    sys.path.insert(0, str(app))
    importlib.invalidate_caches()
    try:
        register = _find_register(importlib.import_module(Path(SCRIPT).stem))
        functions = [_describe(item, str(app)) for item in register.get_functions()]
    except (FunctionLoadError, AppNotLoaded) as error:
        raise AppNotLoaded(str(error)) from error
    except (Exception, SystemExit) as error:
        shown = "".join(traceback.format_exception_only(error)).strip()
        if isinstance(error, ImportError):
            shown += _MODULE_HINT
        raise AppNotLoaded(f"{SCRIPT} does not load: {shown}\n{_own_frames(error)}") from error
    return _by_name(functions)


def _find_register(module: Any) -> func.FunctionRegister:
    found = [value for value in vars(module).values() if isinstance(value, func.FunctionRegister)]
    if not found:
        raise AppNotLoaded(f"Could not find top level function app instances in {SCRIPT}.")
    if len(found) > 1:
        kind = type(found[0]).__name__
        raise AppNotLoaded(
            f"More than one {kind} or other top level function app instances are defined."
        )
    return found[0]


def _describe(item: Any, directory: str) -> LoadedFunction:
    name = item.get_function_name()
    bindings = tuple(json.loads(text) for text in item.get_raw_bindings())
    trigger_name = item.get_trigger().name
    trigger = next(
        binding
        for binding in bindings
        if binding["name"] == trigger_name and binding["direction"].upper() == "IN"
    )
    function = item.get_user_function()
    signature = read_signature(name, function, bindings)
    for binding in signature.inputs.values():
        if binding is not trigger and binding["type"] not in _KNOWN_INPUTS:
            raise FunctionLoadError(
                name, f"the embedded host has no input binding of type {binding['type']!r}"
            )
    info = FunctionInfo(name, trigger, bindings, item.get_settings_dict("retry_policy"))
    return LoadedFunction(info, function, signature, directory)


def _by_name(functions: list[LoadedFunction]) -> dict[str, LoadedFunction]:
    table: dict[str, LoadedFunction] = {}
    for loaded in functions:
        name = loaded.info.name
        if name.lower() in {other.lower() for other in table}:
            raise AppNotLoaded(
                f"Function {name} does not have a unique function name. Please change "
                "@app.function_name() or the function method name to be unique."
            )
        table[name] = loaded
    return table


def _own_frames(error: BaseException) -> str:
    """Return the traceback from the app's own code on: import machinery helps nobody."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and frame.filename != __file__
    ]
    return "".join(traceback.format_list(frames)).rstrip()


def table_of(functions: Mapping[str, LoadedFunction]) -> dict[str, FunctionInfo]:
    """Return what the rest of the host needs to know of an app, without its code."""
    return {name: loaded.info for name, loaded in functions.items()}
