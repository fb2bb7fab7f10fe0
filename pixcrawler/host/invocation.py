"""Run a function for a trigger: call it, then write what it set on its output bindings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from azure.functions.meta import Datum

from pixcrawler.host.caller import AppCaller
from pixcrawler.host.calls import Answer, FunctionInfo, Retry

WriteOutputs = Callable[[FunctionInfo, Mapping[str, Datum], Mapping[str, Any]], Awaitable[None]]

STORED_OUTPUTS = frozenset({"queue", "blob"})


class OutputFailed(Exception):
    """The function succeeded, but what it set on an output binding could not be written."""


@dataclass(frozen=True)
class Event:
    """What set a function off.

    ``parameters`` are the values that path expressions of output bindings may name.
    """

    data: Datum
    reason: str
    metadata: Mapping[str, Datum] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)


class Runner:
    """Runs functions for HTTP, queue, blob and timer triggers."""

    def __init__(self, caller: AppCaller, write_outputs: WriteOutputs) -> None:
        self._caller = caller
        self._write_outputs = write_outputs

    async def run(self, info: FunctionInfo, event: Event, retry: Retry | None = None) -> Answer:
        """Call a function and write its outputs; the trigger may be acknowledged afterwards.

        Raises:
            FunctionFailed: the function raised.
            WorkerLost: its worker died.
            OutputFailed: an output could not be written; the function did succeed.
        """
        answer = await self._caller.call(
            info.name,
            {info.trigger["name"]: event.data},
            event.metadata,
            retry,
            reason=event.reason,
        )
        if answer.outputs:
            await self._write_outputs(info, answer.outputs, event.parameters)
        return answer

    async def wait_until_able(self, timeout_s: float) -> bool:
        """Wait until a call would start now; False when the time is over."""
        return await self._caller.wait_until_able(timeout_s)
