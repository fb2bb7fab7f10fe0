"""What the host is told: host.json and its overrides, local.settings.json, %NAME% references."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixcrawler.host.errors import HostError
from pixcrawler.host.timespan import timespan_s

_OVERRIDE = "azurefunctionsjobhost__"
_REFERENCE = re.compile(r"%([A-Za-z_][\w.:-]*)%")
_IN_AZURE = ("WEBSITE_INSTANCE_ID", "WEBSITE_POD_NAME", "WEBSITE_STAMP_DEPLOYMENT_ID")
_MAX_FILE_BYTES = 1 << 20


@dataclass(frozen=True)
class QueueOptions:
    """Section ``extensions.queues`` of host.json; the defaults are those of a development host."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_timeout_s: float = 0.0
    max_polling_interval_s: float = 2.0
    is_base64: bool = True


@dataclass(frozen=True)
class BlobOptions:
    """Section ``extensions.blobs`` of host.json."""

    max_degree_of_parallelism: int = 8
    poison_blob_threshold: int = 5


@dataclass(frozen=True)
class HostSettings:
    """What host.json says to this host.

    ``document`` is the whole file with overrides applied and references resolved;
    ``function_timeout_s`` is None where functions may run for ever.
    """

    document: Mapping[str, Any]
    route_prefix: str
    function_timeout_s: float | None
    queues: QueueOptions
    blobs: BlobOptions


def refuse_azure(environment: Mapping[str, str]) -> None:
    """Stop here where Azure runs the app: this host is for one developer's machine.

    Raises:
        HostError: the environment is that of an Azure Functions instance.
    """
    found = next((name for name in _IN_AZURE if environment.get(name)), None)
    if found:
        raise HostError(f"the embedded host does not run in Azure ({found} is set)")
    stage = environment.get("AZURE_FUNCTIONS_ENVIRONMENT", "")
    if stage and stage.lower() != "development":
        raise HostError(
            "the embedded host runs in Development only "
            f"(AZURE_FUNCTIONS_ENVIRONMENT is {stage!r}: unset it or set it to Development)"
        )


def resolve_names(text: str, environment: Mapping[str, str]) -> str:
    """Replace every ``%NAME%`` by the app setting of that name.

    Raises:
        HostError: a named setting is not set.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in environment:
            raise HostError(f"the app setting {match[1]!r} in {text!r} is not set")
        return environment[match[1]]

    return _REFERENCE.sub(value, text)


def resolve_all(value: Any, environment: Mapping[str, str]) -> Any:
    """Return a JSON value with `resolve_names` applied to every text in it."""
    if isinstance(value, str):
        return resolve_names(value, environment)
    if isinstance(value, list):
        return [resolve_all(item, environment) for item in value]
    if isinstance(value, dict):
        return {key: resolve_all(item, environment) for key, item in value.items()}
    return value


def add_local_settings(app: Path, environment: MutableMapping[str, str]) -> int | None:
    """Put ``Values`` of local.settings.json into the environment where nothing is set yet.

    Returns:
        ``Host.LocalHttpPort``, when the file names one.

    Raises:
        HostError: the file is encrypted or not of the documented form.
    """
    path = app / "local.settings.json"
    if not path.exists():
        return None
    document = _read_object(path)
    if document.get("IsEncrypted") is True:
        raise HostError(f"{path} is encrypted: run 'func settings decrypt' first")
    values = document.get("Values", {})
    host = document.get("Host", {})
    if not isinstance(values, dict) or not isinstance(host, dict):
        raise HostError(f"{path}: 'Values' and 'Host' must be objects")
    for name, value in values.items():
        if isinstance(value, dict | list) or value is None:
            raise HostError(f"{path}: the value of {name!r} must be a text")
        environment.setdefault(name, value if isinstance(value, str) else json.dumps(value))
    port = host.get("LocalHttpPort")
    return port if isinstance(port, int) else None


def read_settings(app: Path, environment: Mapping[str, str]) -> HostSettings:
    """Read host.json of an app with its ``AzureFunctionsJobHost__`` overrides.

    Raises:
        HostError: host.json is missing, malformed, or holds a value that cannot be used.
    """
    path = app / "host.json"
    document = _read_object(path)
    for name, value in environment.items():
        if name.lower().startswith(_OVERRIDE):
            _override(document, name[len(_OVERRIDE) :].split("__"), value)
    document = resolve_all(document, environment)
    try:
        return _settings(document)
    except (TypeError, ValueError, AttributeError) as error:
        raise HostError(f"{path}: {error}") from error


def _settings(document: dict[str, Any]) -> HostSettings:
    extensions = document.get("extensions", {})
    timeout = str(document.get("functionTimeout", "00:30:00"))
    return HostSettings(
        document=document,
        route_prefix=str(extensions.get("http", {}).get("routePrefix", "api")),
        function_timeout_s=None if timeout == "-1" else timespan_s(timeout),
        queues=_queue_options(extensions.get("queues", {})),
        blobs=BlobOptions(
            max_degree_of_parallelism=_count(extensions, "blobs", "maxDegreeOfParallelism", 8),
            poison_blob_threshold=_count(extensions, "blobs", "poisonBlobThreshold", 5),
        ),
    )


def _queue_options(section: Mapping[str, Any]) -> QueueOptions:
    holder = {"queues": section}
    batch = min(32, _count(holder, "queues", "batchSize", 16))
    encoding = str(section.get("messageEncoding", "base64")).lower()
    if encoding not in {"base64", "none"}:
        raise ValueError(f"extensions.queues.messageEncoding must be base64 or none: {encoding!r}")
    return QueueOptions(
        batch_size=batch,
        new_batch_threshold=int(section.get("newBatchThreshold", batch // 2)),
        max_dequeue_count=_count(holder, "queues", "maxDequeueCount", 5),
        visibility_timeout_s=timespan_s(str(section.get("visibilityTimeout", "00:00:00"))),
        max_polling_interval_s=timespan_s(str(section.get("maxPollingInterval", "00:00:02"))),
        is_base64=encoding == "base64",
    )


def _count(sections: Mapping[str, Any], section: str, name: str, default: int) -> int:
    number = int(sections.get(section, {}).get(name, default))
    if number < 1:
        raise ValueError(f"extensions.{section}.{name} must be at least 1: {number}")
    return number


def _override(document: dict[str, Any], path: list[str], text: str) -> None:
    target = document
    for part in path[:-1]:
        child = target.setdefault(_same_key(target, part), {})
        if not isinstance(child, dict):
            return
        target = child
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    target[_same_key(target, path[-1])] = value


def _same_key(target: Mapping[str, Any], part: str) -> str:
    return next((key for key in target if key.lower() == part.lower()), part)


def _read_object(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise HostError(f"{path} is larger than {_MAX_FILE_BYTES} bytes")
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise HostError(f"{path.parent} is not a function app: it has no {path.name}") from None
    except (OSError, ValueError) as error:
        raise HostError(f"cannot read {path}: {error}") from error
    if not isinstance(value, dict):
        raise HostError(f"{path} must hold a JSON object")
    return value


def process_environment() -> MutableMapping[str, str]:
    """Return this process's environment: functions and workers see what is put into it."""
    return os.environ
