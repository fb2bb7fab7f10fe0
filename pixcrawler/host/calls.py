"""The seam between triggers and functions: call one function, wherever it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from azure.functions.meta import Datum


class FunctionFailed(Exception):
    """A user function raised; what the host shows of it."""

    def __init__(self, kind: str, text: str, stack: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text
        self.stack = stack

    @property
    def message(self) -> str:
        """The exception as the host words it: ``ValueError: no such thing``."""
        return f"{self.kind}: {self.text}"


class WorkerLost(Exception):
    """The process that ran the function died before it answered."""


@dataclass(frozen=True)
class Retry:
    """Which attempt of a retried invocation this is; attempts count from 0."""

    count: int = 0
    maximum: int = 0
    exception: str | None = None


@dataclass(frozen=True)
class Answer:
    """What a function gave: its return value and what it set on output bindings."""

    returned: Datum | None = None
    outputs: Mapping[str, Datum] = field(default_factory=dict)


class Caller(Protocol):
    """Calls functions of one app, in this process or in workers."""

    async def call(
        self,
        name: str,
        inputs: Mapping[str, Datum],
        metadata: Mapping[str, Datum] | None = None,
        retry: Retry | None = None,
    ) -> Answer:
        """Invoke the function ``name`` and wait for its answer.

        Args:
            name: the function's name, any case.
            inputs: one Datum for each input binding, by parameter name.
            metadata: the trigger's metadata (queue and blob triggers).
            retry: what `context.retry_context` shows.

        Raises:
            FunctionFailed: the function raised.
            WorkerLost: its worker process died; whether it ran is unknown.
        """
        ...


@dataclass(frozen=True)
class FunctionInfo:
    """One function of the app, as enumerated at start.

    ``bindings`` are the raw binding dictionaries of azure.functions, camelCase keys;
    ``trigger`` is the one whose type ends in ``Trigger``.
    """

    name: str
    trigger: Mapping[str, Any]
    bindings: tuple[Mapping[str, Any], ...]
    retry_policy: Mapping[str, Any] | None = None

    @property
    def kind(self) -> str:
        """The trigger's type: ``httpTrigger``, ``activityTrigger`` and so on."""
        return str(self.trigger["type"])
