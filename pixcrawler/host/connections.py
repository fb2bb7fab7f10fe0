"""Storage connections by name: from an app setting to a connection string."""

from __future__ import annotations

from collections.abc import Mapping

from pixcrawler.host.errors import HostError

# The published account of the storage emulator: a fixed constant of Azurite, not a secret.
_EMULATOR_ACCOUNT = "devstoreaccount1"
_EMULATOR_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
_EMULATOR_PORTS = {"Blob": 10_000, "Queue": 10_001, "Table": 10_002}


def connection_string(name: str, environment: Mapping[str, str]) -> str:
    """Return the connection string of the connection ``name``.

    The setting may be called ``name`` or ``AzureWebJobs`` + ``name``;
    ``UseDevelopmentStorage=true`` means Azurite on its usual ports.

    Raises:
        HostError: the connection is not set, or it is identity-based.
    """
    for setting in (name, f"AzureWebJobs{name}"):
        value = environment.get(setting, "").strip()
        if value:
            return _expanded(value)
    _refuse_identity(name, environment)
    raise HostError(f"the storage connection {name!r} is not set (nor AzureWebJobs{name})")


def _expanded(value: str) -> str:
    if value.rstrip(";").lower() != "usedevelopmentstorage=true":
        return value
    endpoints = "".join(
        f"{service}Endpoint=http://127.0.0.1:{port}/{_EMULATOR_ACCOUNT};"
        for service, port in _EMULATOR_PORTS.items()
    )
    return (
        f"DefaultEndpointsProtocol=http;AccountName={_EMULATOR_ACCOUNT};"
        f"AccountKey={_EMULATOR_KEY};{endpoints}"
    )


def _refuse_identity(name: str, environment: Mapping[str, str]) -> None:
    for base in (name, f"AzureWebJobs{name}"):
        for setting in environment:
            if setting.lower().startswith((f"{base}__".lower(), f"{base}:".lower())):
                raise HostError(
                    f"the storage connection {name!r} is identity-based ({setting}); the embedded "
                    f"host needs a connection string in {base}"
                )
