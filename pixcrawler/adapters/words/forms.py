"""Forms: where each kind of server is asked for a chat completion, and how one says who asks."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

Form = Literal["auto", "azure_deployment", "azure", "openai"]

_AZURE_HOSTS = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")
_DEPLOYMENTS = "/openai/deployments/"
_COMPLETIONS = "/chat/completions"
_API_VERSION = "2024-10-21"
"""The newest that is generally available in the deployment form. Source: Azure's documentation."""


@dataclass(frozen=True)
class Endpoint:
    """Where to send a question, and what it must carry."""

    url: str
    headers: Mapping[str, str]
    model: str | None
    """To be named in the body; None where the address names it."""


def endpoint(base_url: str, model: str, key: str, form: Form = "auto") -> Endpoint:
    """Return the endpoint that a setting names.

    Args:
        base_url: ``https://R.openai.azure.com/openai/deployments/D[?api-version=V]``,
            ``https://R.openai.azure.com[/openai/v1]``, or the base address of an
            OpenAI-compatible server, such as ``http://127.0.0.1:11434/v1``; with or without
            ``/chat/completions`` at the end.
        model: its name there; of Azure, the deployment's.
        key: empty for a server that wants none.
        form: ``auto`` goes by the address.

    Raises:
        ValueError: the address is neither https nor of this machine, or no model is named.
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if not (parts.scheme == "https" and host) and not (parts.scheme == "http" and is_local(host)):
        raise ValueError("must be an https address, or an http address of this machine")
    if parts.username or parts.password:
        raise ValueError("must not carry a user name or password")
    if form == "auto":
        form = _form_of(host, parts.path)
    path = parts.path.rstrip("/").removesuffix(_COMPLETIONS)
    if form == "azure" and not path:
        path = "/openai/v1"
    query = dict(parse_qsl(parts.query))
    if form == "azure_deployment":
        query.setdefault("api-version", _API_VERSION)
    elif not model:
        raise ValueError("needs the name of a model")
    url = urlunsplit((parts.scheme, parts.netloc, path + _COMPLETIONS, urlencode(query), ""))
    return Endpoint(url, _headers(key, form), None if form == "azure_deployment" else model)


def _form_of(host: str, path: str) -> Form:
    if _DEPLOYMENTS in path:
        return "azure_deployment"
    return "azure" if host.endswith(_AZURE_HOSTS) else "openai"


def _headers(key: str, form: Form) -> dict[str, str]:
    if not key:
        return {}
    return {"Authorization": f"Bearer {key}"} if form == "openai" else {"api-key": key}


def is_local(host: str) -> bool:
    """Say whether ``host`` is this machine, by its name or address alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
