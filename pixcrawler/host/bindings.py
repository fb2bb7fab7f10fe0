"""What the app's bindings ask of the host: settings, storage, functions switched off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pixcrawler.host.calls import FunctionInfo
from pixcrawler.host.connections import connection_string
from pixcrawler.host.errors import AppNotLoaded, HostError
from pixcrawler.host.invocation import STORED_OUTPUTS
from pixcrawler.host.logs import HOST
from pixcrawler.host.settings import resolve_all

STORED_TRIGGERS = frozenset({"queueTrigger", "blobTrigger"})
_DEFAULT_CONNECTION = "AzureWebJobsStorage"
_NEEDED = {
    "blob": "path",
    "blobTrigger": "path",
    "queue": "queueName",
    "queueTrigger": "queueName",
    "timerTrigger": "schedule",
}
_HANDLED = STORED_TRIGGERS | {
    "activityTrigger",
    "entityTrigger",
    "httpTrigger",
    "orchestrationTrigger",
    "timerTrigger",
}


def resolve_functions(
    functions: Mapping[str, FunctionInfo], environment: Mapping[str, str]
) -> dict[str, FunctionInfo]:
    """Return the functions to run, with every ``%NAME%`` in their bindings replaced.

    Functions that an app setting ``AzureWebJobs.NAME.Disabled`` switches off are left out.

    Raises:
        AppNotLoaded: a binding names a setting that is not set.
    """
    table: dict[str, FunctionInfo] = {}
    for name, info in functions.items():
        if _is_disabled(name, environment):
            HOST.info("Function 'Functions.%s' is disabled", name)
            continue
        try:
            bindings = tuple(_resolve(binding, environment) for binding in info.bindings)
        except HostError as error:
            raise AppNotLoaded(f"cannot load the {name} function: {error}") from error
        position = info.bindings.index(info.trigger)
        table[name] = replace(info, bindings=bindings, trigger=bindings[position])
        if info.retry_policy and info.kind != "timerTrigger":
            HOST.warning("Functions.%s is not retried: retry policies are for timers", name)
        if info.kind not in _HANDLED:
            HOST.warning("Functions.%s will not run: no %s here", name, info.kind)
    return table


def _resolve(binding: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    resolved: dict[str, Any] = resolve_all(dict(binding), environment)
    kind = resolved["type"]
    if kind in STORED_OUTPUTS | STORED_TRIGGERS:
        resolved["connection"] = resolved.get("connection") or _DEFAULT_CONNECTION
    needed = _NEEDED.get(kind)
    if needed and not resolved.get(needed):
        raise HostError(f"its {kind} {resolved['name']!r} has no {needed}")
    return resolved


def uses_storage(functions: Mapping[str, FunctionInfo]) -> bool:
    """Tell whether any function has a queue or blob binding."""
    return any(
        binding["type"] in STORED_OUTPUTS | STORED_TRIGGERS
        for info in functions.values()
        for binding in info.bindings
    )


def check_connections(
    functions: Mapping[str, FunctionInfo], environment: Mapping[str, str]
) -> None:
    """Look at every storage connection once, before anything runs.

    A trigger without its connection keeps the host from starting; an output without one only
    fails when it is used, so that such an app can be tried without storage.

    Raises:
        HostError: a trigger's connection is missing or identity-based.
    """
    for name, info in functions.items():
        for binding in info.bindings:
            if binding["type"] not in STORED_OUTPUTS | STORED_TRIGGERS:
                continue
            try:
                connection_string(binding["connection"], environment)
            except HostError as error:
                if binding["type"] in STORED_TRIGGERS:
                    raise HostError(f"Functions.{name} cannot be triggered: {error}") from error
                HOST.warning("Functions.%s cannot write its outputs: %s", name, error)


def _is_disabled(name: str, environment: Mapping[str, str]) -> bool:
    wanted = {f"azurewebjobs.{name}.disabled".lower(), f"azurewebjobs__{name}__disabled".lower()}
    return any(
        setting.lower() in wanted and value.strip().lower() in {"true", "1"}
        for setting, value in environment.items()
    )
